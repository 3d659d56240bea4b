//! From the identifiers of Part 2 to the algorithms of `tpm2-crypto`.

use tpm2_crypto::{CryptoError, HashAlgorithm, ecc::Curve};
use tpm2_types::{ResponseCode, TpmAlgId, TpmEccCurve, TpmiAlgHash};

/// Conversion from the identifier on the wire.
pub trait FromAlg<I> {
    /// The algorithm; what the profile offers always has one.
    fn from_alg(identifier: I) -> Self;
}

impl FromAlg<TpmiAlgHash> for HashAlgorithm {
    fn from_alg(identifier: TpmiAlgHash) -> Self {
        match TpmAlgId::from(identifier) {
            TpmAlgId::SHA1 => Self::Sha1,
            TpmAlgId::SHA384 => Self::Sha384,
            TpmAlgId::SHA512 => Self::Sha512,
            _ => Self::Sha256,
        }
    }
}

/// The curve with this identifier, if it is implemented.
pub fn curve(identifier: TpmEccCurve) -> Option<Curve> {
    Some(match identifier {
        TpmEccCurve::NIST_P256 => Curve::P256,
        TpmEccCurve::NIST_P384 => Curve::P384,
        TpmEccCurve::NIST_P521 => Curve::P521,
        _ => return None,
    })
}

/// What a failing algorithm means to the caller when the operands were checked before.
pub fn response_code(error: CryptoError) -> ResponseCode {
    match error {
        CryptoError::Cancelled => ResponseCode::CANCELED,
        CryptoError::InvalidPoint => ResponseCode::ECC_POINT,
        CryptoError::InvalidSignature => ResponseCode::SIGNATURE,
        CryptoError::InvalidInput | CryptoError::InvalidPadding => ResponseCode::VALUE,
        CryptoError::InvalidKey => ResponseCode::KEY,
        CryptoError::Random | CryptoError::BufferTooSmall => ResponseCode::FAILURE,
    }
}
