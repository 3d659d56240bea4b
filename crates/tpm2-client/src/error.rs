//! What can go wrong on the caller's side.

use tpm2_crypto::CryptoError;
use tpm2_types::ResponseCode;

/// Why a command gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The TPM answered with this code instead of a result.
    #[error("the TPM answered {0:?}")]
    Tpm(ResponseCode),
    /// The transport failed.
    #[error("the transport failed: {0}")]
    Io(#[from] std::io::Error),
    /// The response is not what the specification lets a TPM answer.
    #[error("malformed response: {0}")]
    Malformed(&'static str),
    /// The response's HMAC is wrong: somebody other than the TPM answered, or the two disagree about the session.
    #[error("the HMAC of session {0} in the response is wrong")]
    ResponseHmac(usize),
    /// The caller asked for something that cannot be sent.
    #[error("cannot be sent: {0}")]
    Request(&'static str),
    /// An algorithm refused its operands.
    #[error("cryptography: {0}")]
    Crypto(#[from] CryptoError),
}

/// The result of work with a TPM.
pub type Result<T, E = Error> = core::result::Result<T, E>;

impl Error {
    /// The response code, if the TPM answered one.
    pub fn response_code(&self) -> Option<ResponseCode> {
        match self {
            Self::Tpm(code) => Some(*code),
            _ => None,
        }
    }
}
