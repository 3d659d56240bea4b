//! A legal value of every structure, written down.

use tpm2_types::*;

/// The bytes of a value and what its type says about itself.
#[derive(Clone)]
pub(crate) struct Sample {
    /// The specification's name of the type.
    pub(crate) name: &'static str,
    /// The canonical form.
    pub(crate) bytes: Vec<u8>,
    /// The largest canonical form.
    pub(crate) max_size: usize,
    /// Reads `bytes` with this reader, writes the value again and answers what was written and what was left.
    pub(crate) rewrite: fn(Reader<'_>) -> Result<(Vec<u8>, usize)>,
}

impl Sample {
    /// Rewrites other bytes as this type, read as input to a TPM that offers everything.
    pub(crate) fn rewrite(&self, bytes: &[u8]) -> Result<(Vec<u8>, usize)> {
        (self.rewrite)(Reader::new(bytes, &Supported::EVERYTHING))
    }

    /// The code that other bytes get as this type when nothing may follow them.
    pub(crate) fn code(&self, bytes: &[u8]) -> Option<ResponseCode> {
        match self.rewrite(bytes) {
            Ok((_, 0)) => None,
            Ok(_) => Some(ResponseCode::SIZE),
            Err(code) => Some(code),
        }
    }
}

/// The canonical form of `value`.
pub(crate) fn write(value: &impl Marshal) -> Vec<u8> {
    let mut buffer = vec![0; 16_384];
    let mut writer = Writer::new(&mut buffer);
    writer.write(value).unwrap();
    writer.written().to_vec()
}

/// Memory that lives as long as the test: what borrowed values borrow.
pub(crate) fn keep(bytes: Vec<u8>) -> &'static [u8] {
    bytes.leak()
}

/// A list of `items`.
pub(crate) fn list<T>(items: impl IntoIterator<Item = T>) -> List<'static, T>
where
    T: Element + Unmarshal<'static> + Marshal,
{
    List::build(vec![0; 16_384].leak(), items).unwrap()
}

/// `length` different bytes.
pub(crate) fn octets(length: usize) -> &'static [u8] {
    keep((0..length).map(|byte| byte as u8 | 1).collect())
}

/// [`Sample`]s of values, each with the type to read it as.
macro_rules! samples {
    ($($type:ty: $($value:expr),+;)*) => {
        vec![$($(Sample {
            name: <$type as TypeName>::NAME,
            bytes: write(&{ let value: $type = $value; value }),
            max_size: <$type as MaxSize>::MAX_SIZE,
            rewrite: |mut reader| {
                let value: $type = reader.read()?;
                Ok((write(&value), reader.rest().len()))
            },
        },)+)*]
    };
}

/// [`Sample`]s of buffers: the shortest, one in between and the longest.
macro_rules! buffers {
    ($($type:ident),*) => {
        [$(samples! {
            $type<'_>:
                $type::new(octets($type::MIN)).unwrap(),
                $type::new(octets($type::MIN + ($type::MAX - $type::MIN) / 2)).unwrap(),
                $type::new(octets($type::MAX)).unwrap();
        }),*].concat()
    };
}

/// Every buffer.
pub(crate) fn buffers() -> Vec<Sample> {
    buffers!(
        Tpm2bDigest,
        Tpm2bSecretDigest,
        Tpm2bData,
        Tpm2bNonce,
        Tpm2bAuth,
        Tpm2bOperand,
        Tpm2bEvent,
        Tpm2bMaxBuffer,
        Tpm2bMaxNvBuffer,
        Tpm2bTimeout,
        Tpm2bIv,
        Tpm2bSharedSecret,
        Tpm2bKemCiphertext,
        Tpm2bVendorProperty,
        Tpm2bName,
        Tpm2bAttest,
        Tpm2bSymKey,
        Tpm2bLabel,
        Tpm2bDerive,
        Tpm2bSensitiveData,
        Tpm2bPublicKeyRsa,
        Tpm2bPrivateKeyRsa,
        Tpm2bEccParameter,
        Tpm2bEccPrivateKey,
        Tpm2bPublicKeyMlkem,
        Tpm2bPrivateKeyMlkem,
        Tpm2bPublicKeyMldsa,
        Tpm2bPrivateKeyMldsa,
        Tpm2bSignatureEddsa,
        Tpm2bSignatureMldsa,
        Tpm2bSignatureCtx,
        Tpm2bSignatureHint,
        Tpm2bEncryptedSecret,
        Tpm2bTemplate,
        Tpm2bPrivate,
        Tpm2bIdObject,
        Tpm2bContextSensitive,
        Tpm2bContextData
    )
}

const SHA256: TpmiAlgHash = TpmiAlgHash::SHA256;

fn scheme_hash() -> TpmsSchemeHash {
    TpmsSchemeHash { hash_alg: SHA256 }
}

fn aes_cfb() -> TpmtSymDefObject {
    TpmtSymDefObject::Aes { key_bits: TpmiAesKeyBits::new(128).unwrap(), mode: Some(TpmiAlgSymMode::CFB) }
}

fn digest() -> Tpm2bDigest<'static> {
    Tpm2bDigest::new(octets(32)).unwrap()
}

fn name() -> Tpm2bName<'static> {
    Tpm2bName::new(octets(34)).unwrap()
}

fn coordinate() -> Tpm2bEccParameter<'static> {
    Tpm2bEccParameter::new(octets(32)).unwrap()
}

fn point() -> TpmsEccPoint<'static> {
    TpmsEccPoint { x: coordinate(), y: coordinate() }
}

fn clock_info() -> TpmsClockInfo {
    TpmsClockInfo { clock: 1 << 40, reset_count: 3, restart_count: 7, safe: TpmiYesNo::YES }
}

fn time_info() -> TpmsTimeInfo {
    TpmsTimeInfo { time: 99, clock_info: clock_info() }
}

fn pcr_selections() -> TpmlPcrSelection<'static> {
    list([
        TpmsPcrSelection { hash: TpmiAlgHash::SHA1, pcr_select: TpmsPcrSelect::ALL },
        TpmsPcrSelection { hash: SHA256, pcr_select: TpmsPcrSelect::of([0, 7, 23]) },
    ])
}

fn rsa_parms() -> TpmsRsaParms {
    TpmsRsaParms {
        symmetric: None,
        scheme: Some(TpmtRsaScheme::Rsapss(scheme_hash())),
        key_bits: TpmiRsaKeyBits::new(2048).unwrap(),
        exponent: 0,
    }
}

fn ecc_parms() -> TpmsEccParms {
    TpmsEccParms { symmetric: Some(aes_cfb()), scheme: None, curve_id: TpmiEccCurve::NIST_P256, kdf: None }
}

/// A public area of every type of object.
pub(crate) fn bodies() -> Vec<TpmuPublic<'static>> {
    vec![
        TpmuPublic::KeyedHash {
            parms: TpmsKeyedhashParms { scheme: Some(TpmtKeyedhashScheme::Hmac(scheme_hash())) },
            unique: digest(),
        },
        TpmuPublic::KeyedHash { parms: TpmsKeyedhashParms { scheme: None }, unique: Tpm2bDigest::EMPTY },
        TpmuPublic::SymCipher { parms: TpmsSymcipherParms { sym: aes_cfb() }, unique: digest() },
        TpmuPublic::Rsa { parms: rsa_parms(), unique: Tpm2bPublicKeyRsa::new(octets(256)).unwrap() },
        TpmuPublic::Ecc { parms: ecc_parms(), unique: point() },
        TpmuPublic::MlDsa {
            parms: TpmsMldsaParms {
                parameter_set: TpmiMldsaParms::MlDsa65,
                allow_external_mu: TpmiYesNo::NO,
            },
            unique: Tpm2bPublicKeyMldsa::new(octets(1952)).unwrap(),
        },
        TpmuPublic::HashMlDsa {
            parms: TpmsHashMldsaParms { parameter_set: TpmiMldsaParms::MlDsa44, hash_alg: SHA256 },
            unique: Tpm2bPublicKeyMldsa::new(octets(1312)).unwrap(),
        },
        TpmuPublic::MlKem {
            parms: TpmsMlkemParms { symmetric: Some(aes_cfb()), parameter_set: TpmiMlkemParms::MlKem768 },
            unique: Tpm2bPublicKeyMlkem::new(octets(1184)).unwrap(),
        },
    ]
}

/// A public area around `body`.
pub(crate) fn public(body: TpmuPublic<'static>) -> TpmtPublic<'static> {
    TpmtPublic {
        name_alg: Some(SHA256),
        object_attributes: TpmaObject::FIXED_TPM | TpmaObject::FIXED_PARENT | TpmaObject::USER_WITH_AUTH,
        auth_policy: digest(),
        body,
    }
}

fn sensitive(sensitive: TpmuSensitiveComposite<'static>) -> TpmtSensitive<'static> {
    TpmtSensitive {
        auth_value: Tpm2bAuth::new(octets(20)).unwrap(),
        seed_value: Tpm2bSecretDigest::new(octets(32)).unwrap(),
        sensitive,
    }
}

fn nv_public() -> TpmsNvPublic<'static> {
    TpmsNvPublic {
        nv_index: TpmiRhNvLegacyIndex::new(TpmHandle::nv_index(0x123456)).unwrap(),
        name_alg: SHA256,
        attributes: TpmaNv::OWNERREAD | TpmaNv::OWNERWRITE,
        auth_policy: digest(),
        data_size: 2048,
    }
}

fn nv_public_exp_attr() -> TpmsNvPublicExpAttr<'static> {
    TpmsNvPublicExpAttr {
        nv_index: TpmiRhNvExpIndex::new(TpmHandle::new(TpmHt::EXTERNAL_NV, 5)).unwrap(),
        name_alg: SHA256,
        attributes: TpmaNvExp::empty(),
        auth_policy: Tpm2bDigest::EMPTY,
        data_size: 8,
    }
}

fn attest(attested: TpmuAttest<'static>) -> TpmsAttest<'static> {
    TpmsAttest {
        qualified_signer: name(),
        extra_data: Tpm2bData::new(octets(16)).unwrap(),
        clock_info: clock_info(),
        firmware_version: u64::MAX,
        attested,
    }
}

/// Structures whose size is that of a TPM2B around them.
pub(crate) fn sized_structures() -> Vec<Sample> {
    let mut samples = samples! {
        Tpm2bEccPoint<'_>: point().into();
        Tpm2bSensitiveCreate<'_>: TpmsSensitiveCreate {
            user_auth: Tpm2bAuth::new(octets(8)).unwrap(),
            data: Tpm2bSensitiveData::new(octets(128)).unwrap(),
        }.into();
        Tpm2bNvPublic<'_>: nv_public().into();
        Tpm2bNvPublic2<'_>:
            TpmtNvPublic2::NvIndex(nv_public()).into(), TpmtNvPublic2::ExternalNv(nv_public_exp_attr()).into();
        Tpm2bCreationData<'_>: TpmsCreationData {
            pcr_select: pcr_selections(),
            pcr_digest: digest(),
            locality: TpmaLocality::ZERO,
            parent_name_alg: TpmAlgId::NULL,
            parent_name: Tpm2bName::new(octets(4)).unwrap(),
            parent_qualified_name: Tpm2bName::new(octets(4)).unwrap(),
            outside_info: Tpm2bData::EMPTY,
        }.into();
    };
    for body in bodies() {
        samples.extend(samples! {
            Tpm2bPublic<'_>: public(body).into();
            Tpm2bPublicOrNull<'_>: Tpm2bPublicOrNull(TpmtPublic { name_alg: None, ..public(body) });
        });
    }
    for composite in composites() {
        samples.extend(samples! { Tpm2bSensitive<'_>: Tpm2bSensitive(Some(sensitive(composite))); });
    }
    samples
}

fn composites() -> Vec<TpmuSensitiveComposite<'static>> {
    vec![
        TpmuSensitiveComposite::Rsa(Tpm2bPrivateKeyRsa::new(octets(128)).unwrap()),
        TpmuSensitiveComposite::Ecc(Tpm2bEccPrivateKey::new(octets(32)).unwrap()),
        TpmuSensitiveComposite::KeyedHash(Tpm2bSensitiveData::new(octets(64)).unwrap()),
        TpmuSensitiveComposite::SymCipher(Tpm2bSymKey::new(octets(16)).unwrap()),
        TpmuSensitiveComposite::MlDsa(Tpm2bPrivateKeyMldsa::new(octets(32)).unwrap()),
        TpmuSensitiveComposite::HashMlDsa(Tpm2bPrivateKeyMldsa::new(octets(32)).unwrap()),
        TpmuSensitiveComposite::MlKem(Tpm2bPrivateKeyMlkem::new(octets(64)).unwrap()),
    ]
}

/// Lists, each not full, and with at least as many elements as input needs.
pub(crate) fn lists() -> Vec<Sample> {
    samples! {
        TpmlCc<'_>: list([TpmCc::PCR_READ, TpmCc::CREATE]);
        TpmlCca<'_>: list([TpmaCc::default()]);
        TpmlAlg<'_>: list([TpmAlgId::RSA, TpmAlgId::NULL]);
        TpmlHandle<'_>: list([TpmHandle::persistent(1), TpmHandle::pcr(0)]);
        TpmlDigest<'_>: list([digest(), Tpm2bDigest::EMPTY, digest()]);
        TpmlDigestValues<'_>: list([TpmtHa::new(SHA256, octets(32)).unwrap()]);
        TpmlPcrSelection<'_>: pcr_selections();
        TpmlAlgProperty<'_>: list([
            TpmsAlgProperty { alg: TpmAlgId::AES, alg_properties: TpmaAlgorithm::SYMMETRIC }
        ]);
        TpmlTaggedTpmProperty<'_>: list([TpmsTaggedProperty { property: TpmPt::MANUFACTURER, value: 1 }]);
        TpmlTaggedPcrProperty<'_>: list([
            TpmsTaggedPcrSelect { tag: TpmPtPcr::SAVE, pcr_select: TpmsPcrSelect::of([16]) }
        ]);
        TpmlEccCurve<'_>: list([TpmEccCurve::NIST_P256, TpmEccCurve::NIST_P384]);
        TpmlTaggedPolicy<'_>: list([
            TpmsTaggedPolicy { handle: TpmRh::OWNER, policy_hash: None },
            TpmsTaggedPolicy { handle: TpmRh::LOCKOUT, policy_hash: TpmtHa::new(SHA256, octets(32)).ok() },
        ]);
        TpmlActData<'_>: list([
            TpmsActData { handle: TpmRh::OWNER, timeout: 5, attributes: TpmaAct::empty() }
        ]);
        TpmlSpdmSessionInfo<'_>: list([
            TpmsSpdmSessionInfo { req_key_name: Tpm2bName::EMPTY, tpm_key_name: name() }
        ]);
        TpmlAcCapabilities<'_>: list([TpmsAcOutput { tag: TpmAt::ANY, data: 9 }]);
        TpmlPubKey<'_>: list([]);
        TpmlVendorProperty<'_>: list([]);
    }
}

/// Everything else.
pub(crate) fn structures() -> Vec<Sample> {
    let rsa_signature = TpmsSignatureRsa { hash: SHA256, sig: Tpm2bPublicKeyRsa::new(octets(256)).unwrap() };
    let ecc_signature =
        TpmsSignatureEcc { hash: SHA256, signature_r: coordinate(), signature_s: coordinate() };
    let mldsa_signature = Tpm2bSignatureMldsa::new(octets(3309)).unwrap();
    let eddsa_signature = Tpm2bSignatureEddsa::new(octets(64)).unwrap();
    let ecdaa = TpmsSchemeEcdaa { hash_alg: SHA256, count: 4 };
    let mut samples = samples! {
        TpmtHa<'_>: TpmtHa::new(SHA256, octets(32)).unwrap(), TpmtHa::new(TpmiAlgHash::SHA512, octets(64)).unwrap();
        Option<TpmtHa<'_>>: None, TpmtHa::new(TpmiAlgHash::SHA384, octets(48)).ok();
        TpmsPcrSelect: TpmsPcrSelect::of([1, 22]);
        TpmtTkCreation<'_>: TpmtTkCreation {
            hierarchy: TpmiRhHierarchy::new(TpmRh::OWNER).unwrap(), digest: digest()
        };
        TpmtTkVerified<'_>:
            TpmtTkVerified {
                hierarchy: TpmiRhHierarchy::new(TpmRh::NULL).unwrap(),
                metadata: TpmuTkVerifiedMeta::Verified,
                hmac: Tpm2bDigest::EMPTY,
            },
            TpmtTkVerified {
                hierarchy: TpmiRhHierarchy::new(TpmRh::OWNER).unwrap(),
                metadata: TpmuTkVerifiedMeta::MessageVerified,
                hmac: digest(),
            },
            TpmtTkVerified {
                hierarchy: TpmiRhHierarchy::new(TpmRh::OWNER).unwrap(),
                metadata: TpmuTkVerifiedMeta::DigestVerified(SHA256),
                hmac: digest(),
            };
        TpmtTkAuth<'_>:
            TpmtTkAuth {
                tag: TkAuthTag::Signed,
                hierarchy: TpmiRhHierarchy::new(TpmRh::PLATFORM).unwrap(),
                digest: digest(),
            },
            TpmtTkAuth {
                tag: TkAuthTag::Secret,
                hierarchy: TpmiRhHierarchy::new(TpmRh::ENDORSEMENT).unwrap(),
                digest: digest(),
            };
        TpmtTkHashcheck<'_>: TpmtTkHashcheck {
            hierarchy: TpmiRhHierarchy::new(TpmRh::OWNER).unwrap(), digest: digest()
        };
        TpmsCapabilityData<'_>:
            TpmsCapabilityData::AssignedPcr(pcr_selections()),
            TpmsCapabilityData::Handles(list([TpmHandle::pcr(3)])),
            TpmsCapabilityData::AuthPolicies(List::EMPTY);
        Tpm2bSetCapabilityData<'_>: Tpm2bSetCapabilityData(TpmsSetCapabilityData {
            set_capability: TpmCap::VENDOR_PROPERTY, data: octets(5)
        });
        TpmsTimeInfo: time_info();
        TpmsAttest<'_>:
            attest(TpmuAttest::Certify(TpmsCertifyInfo { name: name(), qualified_name: name() })),
            attest(TpmuAttest::Creation(TpmsCreationInfo { object_name: name(), creation_hash: digest() })),
            attest(TpmuAttest::Quote(TpmsQuoteInfo { pcr_select: pcr_selections(), pcr_digest: digest() })),
            attest(TpmuAttest::CommandAudit(TpmsCommandAuditInfo {
                audit_counter: 1, digest_alg: TpmAlgId::SHA256, audit_digest: digest(), command_digest: digest(),
            })),
            attest(TpmuAttest::SessionAudit(TpmsSessionAuditInfo {
                exclusive_session: TpmiYesNo::NO, session_digest: digest(),
            })),
            attest(TpmuAttest::Time(TpmsTimeAttestInfo { time: time_info(), firmware_version: 2 })),
            attest(TpmuAttest::Nv(TpmsNvCertifyInfo {
                index_name: name(), offset: 3, nv_contents: Tpm2bMaxNvBuffer::new(octets(2048)).unwrap(),
            })),
            attest(TpmuAttest::NvDigest(TpmsNvDigestCertifyInfo { index_name: name(), nv_digest: digest() }));
        TpmsAuthCommand<'_>:
            TpmsAuthCommand {
                session_handle: None,
                nonce: Tpm2bNonce::EMPTY,
                session_attributes: TpmaSession::empty(),
                hmac: Tpm2bAuth::new(octets(4)).unwrap(),
            },
            TpmsAuthCommand {
                session_handle: TpmiShAuthSession::new(TpmHandle::hmac_session(1)),
                nonce: Tpm2bNonce::new(octets(16)).unwrap(),
                session_attributes: TpmaSession::CONTINUE_SESSION,
                hmac: Tpm2bAuth::new(octets(32)).unwrap(),
            };
        TpmsAuthResponse<'_>: TpmsAuthResponse {
            nonce: Tpm2bNonce::new(octets(16)).unwrap(),
            session_attributes: TpmaSession::CONTINUE_SESSION,
            hmac: Tpm2bAuth::new(octets(32)).unwrap(),
        };
        Option<TpmtSymDef>:
            None,
            Some(TpmtSymDef::Xor(SHA256)),
            Some(TpmtSymDef::Tdes { key_bits: TpmiTdesKeyBits::new(192).unwrap(), mode: Some(TpmiAlgSymMode::CBC) }),
            Some(TpmtSymDef::Aes { key_bits: TpmiAesKeyBits::new(256).unwrap(), mode: Some(TpmiAlgSymMode::CFB) }),
            Some(TpmtSymDef::Sm4 { key_bits: TpmiSm4KeyBits::new(128).unwrap(), mode: Some(TpmiAlgSymMode::CTR) }),
            Some(TpmtSymDef::Camellia { key_bits: TpmiCamelliaKeyBits::new(128).unwrap(), mode: None });
        Option<TpmtSymDefObject>:
            None,
            Some(aes_cfb()),
            Some(TpmtSymDefObject::Sm4 { key_bits: TpmiSm4KeyBits::new(128).unwrap(), mode: None });
        TpmsDerive<'_>: TpmsDerive { label: Tpm2bLabel::new(octets(32)).unwrap(), context: Tpm2bLabel::EMPTY };
        Option<TpmtKeyedhashScheme>:
            None,
            Some(TpmtKeyedhashScheme::Hmac(scheme_hash())),
            Some(TpmtKeyedhashScheme::Xor(TpmsSchemeXor {
                hash_alg: SHA256, kdf: Some(TpmiAlgKdf::KDF1_SP800_108),
            }));
        Option<TpmtSigScheme>:
            None,
            Some(TpmtSigScheme::Rsassa(scheme_hash())),
            Some(TpmtSigScheme::Rsapss(scheme_hash())),
            Some(TpmtSigScheme::Ecdsa(scheme_hash())),
            Some(TpmtSigScheme::Ecdaa(ecdaa)),
            Some(TpmtSigScheme::Sm2(scheme_hash())),
            Some(TpmtSigScheme::Ecschnorr(scheme_hash())),
            Some(TpmtSigScheme::Eddsa),
            Some(TpmtSigScheme::HashEddsa),
            Some(TpmtSigScheme::Hmac(scheme_hash()));
        Option<TpmtKdfScheme>:
            None,
            Some(TpmtKdfScheme::Mgf1(scheme_hash())),
            Some(TpmtKdfScheme::Kdf1Sp80056a(scheme_hash())),
            Some(TpmtKdfScheme::Kdf1Sp800108(scheme_hash())),
            Some(TpmtKdfScheme::Kdf2(scheme_hash())),
            Some(TpmtKdfScheme::Hkdf(scheme_hash()));
        Option<TpmtRsaScheme>:
            None, Some(TpmtRsaScheme::Rsaes), Some(TpmtRsaScheme::Oaep(scheme_hash())),
            Some(TpmtRsaScheme::Rsassa(scheme_hash()));
        Option<TpmtRsaDecrypt>: None, Some(TpmtRsaDecrypt::Rsaes), Some(TpmtRsaDecrypt::Oaep(scheme_hash()));
        Option<TpmtEccScheme>:
            None,
            Some(TpmtEccScheme::Ecdsa(scheme_hash())),
            Some(TpmtEccScheme::Ecdaa(ecdaa)),
            Some(TpmtEccScheme::Ecdh(scheme_hash())),
            Some(TpmtEccScheme::Ecmqv(scheme_hash())),
            Some(TpmtEccScheme::Eddsa);
        TpmsAlgorithmDetailEcc<'_>: TpmsAlgorithmDetailEcc {
            curve_id: TpmEccCurve::NIST_P256,
            key_size: 256,
            kdf: None,
            sign: Some(TpmtEccScheme::Ecdsa(scheme_hash())),
            p: coordinate(),
            a: coordinate(),
            b: coordinate(),
            g_x: coordinate(),
            g_y: coordinate(),
            n: coordinate(),
            h: Tpm2bEccParameter::EMPTY,
        };
        Option<TpmtSignature<'_>>:
            None,
            Some(TpmtSignature::Rsassa(rsa_signature)),
            Some(TpmtSignature::Rsapss(rsa_signature)),
            Some(TpmtSignature::Ecdsa(ecc_signature)),
            Some(TpmtSignature::Ecdaa(ecc_signature)),
            Some(TpmtSignature::Sm2(ecc_signature)),
            Some(TpmtSignature::Ecschnorr(ecc_signature)),
            Some(TpmtSignature::Eddsa(eddsa_signature)),
            Some(TpmtSignature::HashEddsa(eddsa_signature)),
            Some(TpmtSignature::MlDsa(mldsa_signature)),
            Some(TpmtSignature::HashMlDsa(TpmsSignatureHashMldsa { hash: SHA256, signature: mldsa_signature })),
            Some(TpmtSignature::Hmac(TpmtHa::new(SHA256, octets(32)).unwrap()));
        Tpm2bSensitive<'_>: Tpm2bSensitive(None);
        TpmsIdObject<'_>: TpmsIdObject { integrity_hmac: digest(), enc_identity: digest() };
        TpmsNvPinCounterParameters: TpmsNvPinCounterParameters { pin_count: 1, pin_limit: 2 };
        TpmsContext<'_>: TpmsContext {
            sequence: 12,
            saved_handle: TpmiDhSaved::OBJECT,
            hierarchy: TpmiRhHierarchy::new(TpmRh::OWNER).unwrap(),
            context_blob: Tpm2bContextData::new(octets(300)).unwrap(),
        };
        TpmsContextData<'_>: TpmsContextData {
            integrity: digest(), encrypted: Tpm2bContextSensitive::new(octets(200)).unwrap(),
        };
    };
    for body in bodies() {
        samples.extend(samples! { TpmtPublicParms: body.parameters(); });
    }
    samples
}

/// All of the above.
pub(crate) fn all() -> Vec<Sample> {
    [buffers(), sized_structures(), lists(), structures()].concat()
}
