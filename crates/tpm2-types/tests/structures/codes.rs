//! Illegal values get the code that Part 2 names, and legal ones have the bytes that Part 2 says.

use crate::samples::{keep, write};
use tpm2_types::*;

fn read<T: Unmarshal<'static>>(bytes: &[u8]) -> Result<T> {
    Reader::new(keep(bytes.to_vec()), &Supported::EVERYTHING).read()
}

/// The code that `bytes` get as a `T` from a TPM that offers everything.
fn code<T: Unmarshal<'static>>(bytes: &[u8]) -> Option<ResponseCode> {
    read::<T>(bytes).err()
}

/// TPM_ALG_RSA where something else belongs, and TPM_ALG_NULL where it may not be.
#[test]
fn a_wrong_selector_gets_the_code_of_its_type() {
    macro_rules! selectors {
        ($($type:ty => $code:ident;)*) => {$(
            for selector in [[0x00, 0x01], [0x00, 0x10], [0xFF, 0xFF]] {
                let bytes = [&selector[..], &[0; 64]].concat();
                assert_eq!(code::<$type>(&bytes), Some(ResponseCode::$code), "{}", <$type as TypeName>::NAME);
            }
        )*};
    }
    selectors! {
        TpmtHa<'_> => HASH;
        TpmsPcrSelection => HASH;
        TpmtSymDef => SYMMETRIC;
        TpmtSymDefObject => SYMMETRIC;
        TpmtKeyedhashScheme => VALUE;
        TpmtSigScheme => SCHEME;
        TpmtKdfScheme => KDF;
        TpmtRsaScheme => VALUE;
        TpmtRsaDecrypt => VALUE;
        TpmtEccScheme => SCHEME;
        TpmtSignature<'_> => SCHEME;
    }
    for selector in [[0x00, 0x06], [0x00, 0x10], [0xFF, 0xFF]] {
        let bytes = [&selector[..], &[0; 64]].concat();
        assert_eq!(code::<TpmtPublic<'_>>(&bytes), Some(ResponseCode::TYPE));
        assert_eq!(code::<TpmtPublicParms>(&bytes), Some(ResponseCode::TYPE));
        assert_eq!(code::<TpmtSensitive<'_>>(&bytes), Some(ResponseCode::TYPE));
    }
    assert_eq!(code::<TpmtNvPublic2<'_>>(&[2; 64]), Some(ResponseCode::SELECTOR));
    assert_eq!(code::<TpmsCapabilityData<'_>>(&[0x7F; 64]), Some(ResponseCode::VALUE));
}

/// XOR is for sessions, not for objects.
#[test]
fn an_object_is_not_protected_with_xor() {
    assert_eq!(read::<TpmtSymDef>(&[0x00, 0x0A, 0x00, 0x0B]), Ok(TpmtSymDef::Xor(TpmiAlgHash::SHA256)));
    assert_eq!(code::<TpmtSymDef>(&[0x00, 0x0A, 0x00, 0x10]), Some(ResponseCode::HASH));
    assert_eq!(code::<TpmtSymDefObject>(&[0x00, 0x0A, 0x00, 0x0B]), Some(ResponseCode::SYMMETRIC));
}

/// The parts of a cipher, each with its code.
#[test]
fn a_cipher_is_checked_part_by_part() {
    let aes = |bits: u16, mode: u16| {
        let bytes = [[0x00, 0x06], bits.to_be_bytes(), mode.to_be_bytes()].concat();
        (code::<TpmtSymDef>(&bytes), code::<TpmtSymDefObject>(&bytes))
    };
    assert_eq!(aes(128, 0x43), (None, None));
    assert_eq!(aes(128, 0x10), (None, None));
    assert_eq!(aes(129, 0x43), (Some(ResponseCode::VALUE), Some(ResponseCode::VALUE)));
    assert_eq!(aes(128, 0x0B), (Some(ResponseCode::MODE), Some(ResponseCode::MODE)));
}

/// A tag is TPM_RC_TAG before anything else is looked at.
#[test]
fn a_ticket_of_another_kind_is_refused() {
    let verified = [&[0x80, 0x22][..], &[0x40, 0x00, 0x00, 0x01], &[0, 0]].concat();
    assert!(read::<TpmtTkVerified<'_>>(&verified).is_ok());
    assert_eq!(code::<TpmtTkCreation<'_>>(&verified), Some(ResponseCode::TAG));
    assert_eq!(code::<TpmtTkAuth<'_>>(&verified), Some(ResponseCode::TAG));
    assert_eq!(code::<TpmtTkHashcheck<'_>>(&verified), Some(ResponseCode::TAG));
    let hashcheck = [&[0x80, 0x24][..], &[0x40, 0x00, 0x00, 0x07], &[0, 0]].concat();
    assert!(read::<TpmtTkHashcheck<'_>>(&hashcheck).is_ok(), "the NULL ticket");
    assert_eq!(code::<TpmtTkVerified<'_>>(&hashcheck), Some(ResponseCode::TAG));
    let hierarchy = [&[0x80, 0x24][..], &[0x40, 0x00, 0x00, 0x0A], &[0, 0]].concat();
    assert_eq!(code::<TpmtTkHashcheck<'_>>(&hierarchy), Some(ResponseCode::VALUE));
}

/// An attestation that no TPM can have made.
#[test]
fn an_attestation_starts_with_the_magic_number() {
    let attest = |magic: &[u8], tag: &[u8]| [magic, tag, &[0; 4], &[0; 17], &[0; 8], &[0; 4]].concat();
    let certify = attest(b"\xFFTCG", &[0x80, 0x17]);
    assert!(matches!(read::<TpmsAttest<'_>>(&certify).unwrap().attested, TpmuAttest::Certify(_)));
    assert_eq!(code::<TpmsAttest<'_>>(&attest(b"\xFFTCH", &[0x80, 0x17])), Some(ResponseCode::VALUE));
    assert_eq!(code::<TpmsAttest<'_>>(&attest(b"\xFFTCG", &[0x80, 0x21])), Some(ResponseCode::VALUE));
}

/// The public area of a storage key on P-256, as the TCG's profile for provisioning has it, byte for byte.
#[test]
fn a_storage_key_has_the_bytes_of_the_profile() {
    let mut bytes = vec![
        0x00, 0x23, // TPM_ALG_ECC
        0x00, 0x0B, // TPM_ALG_SHA256
        0x00, 0x03, 0x04, 0x72, // restricted, decrypt, noDA, userWithAuth, sensitiveDataOrigin, fixed
        0x00, 0x00, // no policy
        0x00, 0x06, 0x00, 0x80, 0x00, 0x43, // AES-128 CFB
        0x00, 0x10, 0x00, 0x03, 0x00, 0x10, // no scheme, P-256, no KDF
    ];
    bytes.extend([&[0x00, 0x20][..], &[0; 32], &[0x00, 0x20], &[0; 32]].concat());
    let zeros = Tpm2bEccParameter::new(&[0; 32]).unwrap();
    let expected = TpmtPublic {
        name_alg: Some(TpmiAlgHash::SHA256),
        object_attributes: TpmaObject::from_bits(0x0003_0472).unwrap(),
        auth_policy: Tpm2bDigest::EMPTY,
        body: TpmuPublic::Ecc {
            parms: TpmsEccParms {
                symmetric: Some(TpmtSymDefObject::Aes {
                    key_bits: TpmiAesKeyBits::new(128).unwrap(),
                    mode: Some(TpmiAlgSymMode::CFB),
                }),
                scheme: None,
                curve_id: TpmiEccCurve::NIST_P256,
                kdf: None,
            },
            unique: TpmsEccPoint { x: zeros, y: zeros },
        },
    };
    assert_eq!(read(&bytes), Ok(expected));
    assert_eq!(write(&expected), bytes);
    assert_eq!(write(&Tpm2bPublic(expected))[..2], (bytes.len() as u16).to_be_bytes());

    let null_name = [&bytes[..2], &[0x00, 0x10], &bytes[4..]].concat();
    assert_eq!(code::<TpmtPublic<'_>>(&null_name), Some(ResponseCode::HASH));
    let reserved = [&bytes[..4], &[0x00, 0x03, 0x04, 0x73], &bytes[8..]].concat();
    assert_eq!(code::<TpmtPublic<'_>>(&reserved), Some(ResponseCode::RESERVED_BITS));
    let curve = [&bytes[..18], &[0x00, 0x06], &bytes[20..]].concat();
    assert_eq!(code::<TpmtPublic<'_>>(&curve), Some(ResponseCode::CURVE));
}

/// A template under a Derivation Parent has label and context where the others have their public key.
#[test]
fn a_derivation_template_has_label_and_context() {
    let bytes = [
        &[0x00, 0x08, 0x00, 0x0B, 0, 0, 0, 0, 0x00, 0x00, 0x00, 0x10][..],
        &[0x00, 0x01, b'l', 0x00, 0x02, b'c', b'x'],
    ]
    .concat();
    let template: DerivationTemplate<'_> = read(&bytes).unwrap();
    assert_eq!(
        (template.derive.label.as_slice(), template.derive.context.as_slice()),
        (&b"l"[..], &b"cx"[..])
    );
    assert_eq!(template.parameters, TpmtPublicParms::KeyedHash(TpmsKeyedhashParms { scheme: None }));
}

/// What a TPM does not offer is as unknown to it as what does not exist, everywhere, and with the same codes.
#[test]
fn what_is_not_offered_is_unknown() {
    const OFFERED: Supported = Supported::NOTHING
        .with_algorithms(&[
            TpmAlgId::RSA,
            TpmAlgId::ECC,
            TpmAlgId::KEYEDHASH,
            TpmAlgId::AES,
            TpmAlgId::CFB,
            TpmAlgId::SHA256,
            TpmAlgId::RSASSA,
            TpmAlgId::ECDSA,
            TpmAlgId::MLDSA,
        ])
        .with_curves(&[TpmEccCurve::NIST_P256])
        .with_rsa_bits(&[2048])
        .with_aes_bits(&[128]);
    fn code<T: Unmarshal<'static>>(bytes: &[u8]) -> Option<ResponseCode> {
        Reader::new(keep(bytes.to_vec()), &OFFERED).read::<T>().err()
    }
    let ha = |alg: u8| [vec![0x00, alg], vec![0; 64]].concat();
    assert_eq!(code::<TpmtHa<'_>>(&ha(0x0B)), None);
    assert_eq!(code::<TpmtHa<'_>>(&ha(0x0C)), Some(ResponseCode::HASH));
    assert_eq!(code::<TpmsPcrSelection>(&[0x00, 0x04, 3, 0, 0, 0]), Some(ResponseCode::HASH));
    assert_eq!(code::<TpmtSymDefObject>(&[0x00, 0x06, 0x00, 0x80, 0x00, 0x43]), None);
    assert_eq!(code::<TpmtSymDefObject>(&[0x00, 0x06, 0x01, 0x00, 0x00, 0x43]), Some(ResponseCode::VALUE));
    assert_eq!(code::<TpmtSymDefObject>(&[0x00, 0x06, 0x00, 0x80, 0x00, 0x40]), Some(ResponseCode::MODE));
    assert_eq!(
        code::<TpmtSymDefObject>(&[0x00, 0x13, 0x00, 0x80, 0x00, 0x43]),
        Some(ResponseCode::SYMMETRIC)
    );
    assert_eq!(code::<Option<TpmtSymDefObject>>(&[0x00, 0x10]), None);
    assert_eq!(code::<TpmtSigScheme>(&[0x00, 0x14, 0x00, 0x0B]), None);
    assert_eq!(code::<TpmtSigScheme>(&[0x00, 0x16, 0x00, 0x0B]), Some(ResponseCode::SCHEME));
    assert_eq!(code::<TpmtSigScheme>(&[0x00, 0x14, 0x00, 0x0C]), Some(ResponseCode::HASH));
    assert_eq!(code::<TpmtRsaScheme>(&[0x00, 0x17, 0x00, 0x0B]), Some(ResponseCode::VALUE));

    let parms =
        |object_type: u8, parms: &[u8]| code::<TpmtPublicParms>(&[&[0x00, object_type], parms].concat());
    let rsa = |bits: u16| [&[0x00, 0x10, 0x00, 0x10][..], &bits.to_be_bytes(), &[0; 4]].concat();
    assert_eq!(parms(0x01, &rsa(2048)), None);
    assert_eq!(parms(0x01, &rsa(3072)), Some(ResponseCode::VALUE));
    assert_eq!(parms(0x23, &[0x00, 0x10, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10]), None);
    assert_eq!(parms(0x23, &[0x00, 0x10, 0x00, 0x10, 0x00, 0x04, 0x00, 0x10]), Some(ResponseCode::CURVE));
    assert_eq!(parms(0x23, &[0x00, 0x10, 0x00, 0x10, 0x00, 0x03, 0x00, 0x07]), Some(ResponseCode::KDF));
    assert_eq!(parms(0x25, &[0x00, 0x06, 0x00, 0x80, 0x00, 0x43]), Some(ResponseCode::TYPE));
    assert_eq!(parms(0xA1, &[0x00, 0x01, 0x00]), Some(ResponseCode::PARMS));
    assert_eq!(parms(0xA0, &[0x00, 0x10, 0x00, 0x01]), Some(ResponseCode::TYPE));
}

/// The largest sizes of the specification's unions, which size the buffers around them.
#[test]
fn the_largest_sizes_add_up() {
    assert_eq!(TpmtHa::MAX_SIZE, 2 + 64);
    assert_eq!(Tpm2bName::MAX, 66);
    assert_eq!(TpmsEccPoint::MAX_SIZE, 2 * (2 + 66));
    assert_eq!(Tpm2bEncryptedSecret::MAX, 1568);
    assert_eq!(Tpm2bKemCiphertext::MAX, 1568);
    assert_eq!(TpmtSignature::MAX_SIZE, 2 + 2 + 2 + 4627);
    assert_eq!(TpmtPublic::MAX_SIZE, 2 + 2 + 4 + 66 + (2 + 2) + (2 + 2592));
    assert_eq!(Tpm2bTemplate::MAX, TpmtPublic::MAX_SIZE);
    assert_eq!(Option::<TpmtSymDef>::MAX_SIZE, 6);
    assert_eq!(TpmlPcrSelection::MAX_SIZE, 4 + 16 * 6);
    assert_eq!(<TpmHandle as Element>::MAX, 254);
    assert_eq!(Option::<TpmtSymDef>::NAME, "TPMT_SYM_DEF+");
    assert_eq!(TpmlDigest::NAME, "TPML_DIGEST");
}
