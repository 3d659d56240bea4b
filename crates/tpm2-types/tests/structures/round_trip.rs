//! What is written reads back the same, what is read writes back the same, and no bytes make anything panic.

use std::sync::OnceLock;

use crate::samples::{Sample, all, keep, list, write};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tpm2_types::*;

/// Written down values, read and written again.
#[test]
fn every_sample_reads_back() {
    for sample in samples() {
        assert_eq!(sample.rewrite(&sample.bytes), Ok((sample.bytes.clone(), 0)), "{}", sample.name);
        assert!(sample.bytes.len() <= sample.max_size, "{}", sample.name);
        let followed = [&sample.bytes[..], &[0xFF; 3]].concat();
        assert_eq!(sample.rewrite(&followed), Ok((sample.bytes.clone(), 3)), "{} takes more", sample.name);
    }
}

/// Where a public area is expected from the outside, a sample from the TPM itself without a name algorithm is not.
#[test]
fn a_trusted_reader_accepts_what_an_input_may_not_be() {
    let bytes = samples().iter().find(|sample| sample.name == "TPM2B_PUBLIC+").unwrap().bytes.clone();
    assert_eq!(
        Reader::new(&bytes, &Supported::EVERYTHING).read::<Tpm2bPublic<'_>>(),
        Err(ResponseCode::HASH)
    );
    let public: Tpm2bPublic<'_> = Reader::trusted(&bytes).read().unwrap();
    assert_eq!(public.name_alg, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Random bytes either get a code or are the canonical form of what was read, as any type.
    #[test]
    fn no_bytes_panic(bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..200), tokens()]) {
        for sample in samples() {
            canonical(sample, &bytes)?;
        }
    }

    /// The same for legal values with a few bytes changed, inserted or removed.
    #[test]
    fn no_damage_panics(
        which in any::<Index>(),
        damage in prop::collection::vec((any::<Index>(), damage()), 1..4),
    ) {
        let sample = which.get(samples());
        let mut bytes = sample.bytes.clone();
        for (at, damage) in damage {
            damage.apply(&mut bytes, at);
        }
        canonical(sample, &bytes)?;
    }

    /// A public area of random parts.
    #[test]
    fn public_areas_read_back(public in public_area()) {
        reads_back(&public)?;
        reads_back(&Tpm2bPublic(public))?;
        reads_back(&public.body.parameters())?;
    }

    /// Attestations of random parts.
    #[test]
    fn attestations_read_back(attest in attest()) {
        reads_back(&attest)?;
    }

    /// Signatures of random parts.
    #[test]
    fn signatures_read_back(signature in prop::option::of(signature())) {
        reads_back(&signature)?;
    }

    /// Lists of random length.
    #[test]
    fn lists_read_back(
        digests in prop::collection::vec(digest(), 2..=8),
        values in prop::collection::vec(ha(), 0..=16),
        selections in pcr_selections(),
        handles in prop::collection::vec(any::<u32>().prop_map(TpmHandle), 0..=254),
    ) {
        reads_back(&list(digests.clone()))?;
        prop_assert!(list(digests.clone()).iter().eq(digests));
        reads_back(&list(values.clone()))?;
        prop_assert!(list(values.clone()).iter().eq(values));
        reads_back(&selections)?;
        reads_back(&list(handles.clone()))?;
        prop_assert!(list(handles.clone()).iter().eq(handles));
    }
}

fn samples() -> &'static [Sample] {
    static SAMPLES: OnceLock<Vec<Sample>> = OnceLock::new();
    SAMPLES.get_or_init(all)
}

/// Reading `bytes` as the type of `sample` fails, or what was read is written as the bytes that it was read from.
fn canonical(sample: &Sample, bytes: &[u8]) -> std::result::Result<(), TestCaseError> {
    if let Ok((written, left)) = sample.rewrite(bytes) {
        prop_assert_eq!(&written[..], &bytes[..bytes.len() - left], "{}", sample.name);
        prop_assert!(written.len() <= sample.max_size, "{}", sample.name);
    }
    Ok(())
}

fn reads_back<T>(value: &T) -> std::result::Result<(), TestCaseError>
where
    T: Marshal + Unmarshal<'static> + MaxSize + PartialEq + std::fmt::Debug,
{
    let bytes = keep(write(value));
    prop_assert!(bytes.len() <= T::MAX_SIZE);
    let mut reader = Reader::new(bytes, &Supported::EVERYTHING);
    let read = reader.read::<T>();
    prop_assert_eq!(read.as_ref(), Ok(value));
    prop_assert!(reader.rest().is_empty());
    Ok(())
}

/// Numbers that mean something, so that random bytes get past the first selector.
fn tokens() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        (0u16..0x50).prop_map(|number| number.to_be_bytes().to_vec()),
        (0u32..5).prop_map(|number| number.to_be_bytes().to_vec()),
        (0x8000u16..0x8030).prop_map(|number| number.to_be_bytes().to_vec()),
        (0x4000_0000u32..0x4000_0010).prop_map(|number| number.to_be_bytes().to_vec()),
        Just(vec![3, 1, 0, 0]),
        Just(vec![0xFF, b'T', b'C', b'G']),
        Just(vec![0x00, 0x80, 0x00, 0x43]),
        prop::collection::vec(any::<u8>(), 1..40),
    ];
    prop::collection::vec(token, 1..20).prop_map(|tokens| tokens.concat())
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    Set(u8),
    Add(u8),
    Insert(u8),
    Remove,
    Cut,
}

impl Damage {
    fn apply(self, bytes: &mut Vec<u8>, at: Index) {
        if bytes.is_empty() {
            return;
        }
        let at = at.index(bytes.len());
        match self {
            Self::Set(byte) => bytes[at] = byte,
            Self::Add(byte) => bytes[at] = bytes[at].wrapping_add(byte),
            Self::Insert(byte) => bytes.insert(at, byte),
            Self::Remove => drop(bytes.remove(at)),
            Self::Cut => bytes.truncate(at),
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<u8>().prop_map(Damage::Set),
        select(vec![1, 2, 254, 255]).prop_map(Damage::Add),
        any::<u8>().prop_map(Damage::Insert),
        Just(Damage::Remove),
        Just(Damage::Cut),
    ]
}

fn octets(most: usize) -> impl Strategy<Value = &'static [u8]> {
    prop::collection::vec(any::<u8>(), 0..=most).prop_map(keep)
}

/// A strategy for each of these buffers.
macro_rules! buffers {
    ($($function:ident: $type:ident),* $(,)?) => {$(
        fn $function() -> impl Strategy<Value = $type<'static>> {
            octets($type::MAX).prop_map(|bytes| $type::new(bytes).unwrap())
        }
    )*};
}
buffers!(
    digest: Tpm2bDigest,
    data: Tpm2bData,
    name: Tpm2bName,
    coordinate: Tpm2bEccParameter,
    modulus: Tpm2bPublicKeyRsa,
    mldsa_key: Tpm2bPublicKeyMldsa,
    mlkem_key: Tpm2bPublicKeyMlkem,
    mldsa_signature: Tpm2bSignatureMldsa,
    eddsa_signature: Tpm2bSignatureEddsa,
    nv_buffer: Tpm2bMaxNvBuffer,
);

fn hash() -> impl Strategy<Value = TpmiAlgHash> {
    select(TpmiAlgHash::ALL)
}

fn scheme_hash() -> impl Strategy<Value = TpmsSchemeHash> {
    hash().prop_map(|hash_alg| TpmsSchemeHash { hash_alg })
}

fn ecdaa() -> impl Strategy<Value = TpmsSchemeEcdaa> {
    (hash(), any::<u16>()).prop_map(|(hash_alg, count)| TpmsSchemeEcdaa { hash_alg, count })
}

fn ha() -> impl Strategy<Value = TpmtHa<'static>> {
    (hash(), any::<[u8; 64]>())
        .prop_map(|(hash, bytes)| TpmtHa::new(hash, keep(bytes[..hash.digest_size()].to_vec())).unwrap())
}

fn mode() -> impl Strategy<Value = Option<TpmiAlgSymMode>> {
    prop::option::of(select(TpmiAlgSymMode::ALL))
}

fn cipher() -> impl Strategy<Value = TpmtSymDefObject> {
    let aes = (select(vec![128, 192, 256]), mode()).prop_map(|(bits, mode)| TpmtSymDefObject::Aes {
        key_bits: TpmiAesKeyBits::new(bits).unwrap(),
        mode,
    });
    let sm4 =
        mode().prop_map(|mode| TpmtSymDefObject::Sm4 { key_bits: TpmiSm4KeyBits::new(128).unwrap(), mode });
    prop_oneof![aes, sm4]
}

fn rsa_scheme() -> impl Strategy<Value = TpmtRsaScheme> {
    prop_oneof![
        Just(TpmtRsaScheme::Rsaes),
        scheme_hash().prop_map(TpmtRsaScheme::Oaep),
        scheme_hash().prop_map(TpmtRsaScheme::Rsassa),
        scheme_hash().prop_map(TpmtRsaScheme::Rsapss),
    ]
}

fn ecc_scheme() -> impl Strategy<Value = TpmtEccScheme> {
    prop_oneof![
        scheme_hash().prop_map(TpmtEccScheme::Ecdsa),
        scheme_hash().prop_map(TpmtEccScheme::Ecdh),
        scheme_hash().prop_map(TpmtEccScheme::Sm2),
        scheme_hash().prop_map(TpmtEccScheme::Ecschnorr),
        scheme_hash().prop_map(TpmtEccScheme::Ecmqv),
        ecdaa().prop_map(TpmtEccScheme::Ecdaa),
        Just(TpmtEccScheme::Eddsa),
        Just(TpmtEccScheme::HashEddsa),
    ]
}

fn keyedhash_scheme() -> impl Strategy<Value = TpmtKeyedhashScheme> {
    let kdf = prop::option::of(select(TpmiAlgKdf::ALL));
    prop_oneof![
        scheme_hash().prop_map(TpmtKeyedhashScheme::Hmac),
        (hash(), kdf).prop_map(|(hash_alg, kdf)| TpmtKeyedhashScheme::Xor(TpmsSchemeXor { hash_alg, kdf })),
    ]
}

fn point() -> impl Strategy<Value = TpmsEccPoint<'static>> {
    (coordinate(), coordinate()).prop_map(|(x, y)| TpmsEccPoint { x, y })
}

fn body() -> impl Strategy<Value = TpmuPublic<'static>> {
    let symmetric = || prop::option::of(cipher());
    let keyed_hash = (prop::option::of(keyedhash_scheme()), digest())
        .prop_map(|(scheme, unique)| TpmuPublic::KeyedHash { parms: TpmsKeyedhashParms { scheme }, unique });
    let sym_cipher = (cipher(), digest())
        .prop_map(|(sym, unique)| TpmuPublic::SymCipher { parms: TpmsSymcipherParms { sym }, unique });
    let rsa_bits = select(vec![1024, 2048, 3072, 4096]).prop_map(|bits| TpmiRsaKeyBits::new(bits).unwrap());
    let rsa = (symmetric(), prop::option::of(rsa_scheme()), rsa_bits, any::<u32>(), modulus()).prop_map(
        |(symmetric, scheme, key_bits, exponent, unique)| TpmuPublic::Rsa {
            parms: TpmsRsaParms { symmetric, scheme, key_bits, exponent },
            unique,
        },
    );
    let kdf = prop::option::of(scheme_hash().prop_map(TpmtKdfScheme::Hkdf));
    let ecc = (symmetric(), prop::option::of(ecc_scheme()), select(TpmiEccCurve::ALL), kdf, point())
        .prop_map(|(symmetric, scheme, curve_id, kdf, unique)| TpmuPublic::Ecc {
            parms: TpmsEccParms { symmetric, scheme, curve_id, kdf },
            unique,
        });
    let mldsa =
        (select(TpmiMldsaParms::ALL), any::<bool>(), mldsa_key()).prop_map(|(parameter_set, mu, unique)| {
            TpmuPublic::MlDsa {
                parms: TpmsMldsaParms { parameter_set, allow_external_mu: TpmiYesNo(mu) },
                unique,
            }
        });
    let hash_mldsa =
        (select(TpmiMldsaParms::ALL), hash(), mldsa_key()).prop_map(|(parameter_set, hash_alg, unique)| {
            TpmuPublic::HashMlDsa { parms: TpmsHashMldsaParms { parameter_set, hash_alg }, unique }
        });
    let mlkem = (select(TpmiMlkemParms::ALL), symmetric(), mlkem_key()).prop_map(
        |(parameter_set, symmetric, unique)| TpmuPublic::MlKem {
            parms: TpmsMlkemParms { symmetric, parameter_set },
            unique,
        },
    );
    prop_oneof![keyed_hash, sym_cipher, rsa, ecc, mldsa, hash_mldsa, mlkem]
}

fn public_area() -> impl Strategy<Value = TpmtPublic<'static>> {
    (hash(), any::<u32>(), digest(), body()).prop_map(|(name_alg, attributes, auth_policy, body)| {
        TpmtPublic {
            name_alg: Some(name_alg),
            object_attributes: TpmaObject::from_bits_truncate(attributes),
            auth_policy,
            body,
        }
    })
}

fn signature() -> impl Strategy<Value = TpmtSignature<'static>> {
    let rsa = || (hash(), modulus()).prop_map(|(hash, sig)| TpmsSignatureRsa { hash, sig });
    let ecc = || {
        (hash(), point()).prop_map(|(hash, point)| TpmsSignatureEcc {
            hash,
            signature_r: point.x,
            signature_s: point.y,
        })
    };
    prop_oneof![
        rsa().prop_map(TpmtSignature::Rsassa),
        rsa().prop_map(TpmtSignature::Rsapss),
        ecc().prop_map(TpmtSignature::Ecdsa),
        ecc().prop_map(TpmtSignature::Ecdaa),
        ecc().prop_map(TpmtSignature::Sm2),
        ecc().prop_map(TpmtSignature::Ecschnorr),
        eddsa_signature().prop_map(TpmtSignature::Eddsa),
        mldsa_signature().prop_map(TpmtSignature::MlDsa),
        (hash(), mldsa_signature()).prop_map(|(hash, signature)| TpmtSignature::HashMlDsa(
            TpmsSignatureHashMldsa { hash, signature }
        )),
        ha().prop_map(TpmtSignature::Hmac),
    ]
}

fn pcr_selections() -> impl Strategy<Value = TpmlPcrSelection<'static>> {
    let selection = (hash(), any::<[u8; 3]>())
        .prop_map(|(hash, select)| TpmsPcrSelection { hash, pcr_select: TpmsPcrSelect(select) });
    prop::collection::vec(selection, 0..=16).prop_map(list)
}

fn clock_info() -> impl Strategy<Value = TpmsClockInfo> {
    any::<(u64, u32, u32, bool)>().prop_map(|(clock, reset_count, restart_count, safe)| TpmsClockInfo {
        clock,
        reset_count,
        restart_count,
        safe: TpmiYesNo(safe),
    })
}

fn attested() -> impl Strategy<Value = TpmuAttest<'static>> {
    prop_oneof![
        (name(), name())
            .prop_map(|(name, qualified_name)| TpmuAttest::Certify(TpmsCertifyInfo { name, qualified_name })),
        (name(), digest()).prop_map(|(object_name, creation_hash)| TpmuAttest::Creation(TpmsCreationInfo {
            object_name,
            creation_hash
        })),
        (pcr_selections(), digest())
            .prop_map(|(pcr_select, pcr_digest)| TpmuAttest::Quote(TpmsQuoteInfo { pcr_select, pcr_digest })),
        (any::<u64>(), any::<bool>(), digest()).prop_map(|(counter, exclusive, digest)| if exclusive {
            TpmuAttest::SessionAudit(TpmsSessionAuditInfo {
                exclusive_session: TpmiYesNo::YES,
                session_digest: digest,
            })
        } else {
            TpmuAttest::CommandAudit(TpmsCommandAuditInfo {
                audit_counter: counter,
                digest_alg: TpmAlgId::SHA384,
                audit_digest: digest,
                command_digest: digest,
            })
        }),
        (any::<u64>(), clock_info(), any::<u64>()).prop_map(|(time, clock_info, firmware_version)| {
            TpmuAttest::Time(TpmsTimeAttestInfo { time: TpmsTimeInfo { time, clock_info }, firmware_version })
        }),
        (name(), any::<u16>(), nv_buffer()).prop_map(|(index_name, offset, nv_contents)| {
            TpmuAttest::Nv(TpmsNvCertifyInfo { index_name, offset, nv_contents })
        }),
        (name(), digest()).prop_map(|(index_name, nv_digest)| {
            TpmuAttest::NvDigest(TpmsNvDigestCertifyInfo { index_name, nv_digest })
        }),
    ]
}

fn attest() -> impl Strategy<Value = TpmsAttest<'static>> {
    (name(), data(), clock_info(), any::<u64>(), attested()).prop_map(
        |(qualified_signer, extra_data, clock_info, firmware_version, attested)| TpmsAttest {
            qualified_signer,
            extra_data,
            clock_info,
            firmware_version,
            attested,
        },
    )
}
