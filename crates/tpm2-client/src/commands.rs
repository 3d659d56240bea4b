//! A constructor for each command, with its parameters in the order of Part 3. Structures are taken as their
//! marshalled bytes, without the TPM2B's size, so that illegal ones can be sent too.

use tpm2_types::{TpmAlgId, TpmCap, TpmCc, TpmHandle, TpmRh, TpmSt, TpmSu, TpmaNv};

use crate::{Append, Bytes, Command, Entity};

fn command(code: TpmCc) -> Command {
    Command::new(code)
}

/// A TPML_PCR_SELECTION of one bank.
pub fn pcr_selection(hash: TpmAlgId, pcrs: &[u8]) -> Bytes {
    let mut bitmap = [0_u8; 3];
    for &pcr in pcrs {
        if let Some(octet) = bitmap.get_mut(usize::from(pcr / 8)) {
            *octet |= 1 << (pcr % 8);
        }
    }
    Bytes::new().u32(1).u16(hash.0).u8(3).raw(&bitmap)
}

/// A TPML_PCR_SELECTION of no bank.
pub fn no_pcrs() -> Bytes {
    Bytes::new().u32(0)
}

/// A TPMS_SENSITIVE_CREATE.
pub fn sensitive(auth: &[u8], data: &[u8]) -> Bytes {
    Bytes::new().sized(auth).sized(data)
}

/// A TPMT_TK_HASHCHECK that proves nothing.
pub fn null_hash_check() -> Bytes {
    Bytes::new().u16(TpmSt::HASHCHECK.0).u32(TpmRh::NULL.0).sized([])
}

/// TPM2_Startup (Part 3, 9.3).
pub fn startup(startup_type: TpmSu) -> Command {
    command(TpmCc::STARTUP).u16(startup_type.0)
}

/// TPM2_Shutdown (Part 3, 9.4).
pub fn shutdown(shutdown_type: TpmSu) -> Command {
    command(TpmCc::SHUTDOWN).u16(shutdown_type.0)
}

/// TPM2_SelfTest (Part 3, 10.2).
pub fn self_test(full_test: bool) -> Command {
    command(TpmCc::SELF_TEST).u8(full_test.into())
}

/// TPM2_GetTestResult (Part 3, 10.4).
pub fn get_test_result() -> Command {
    command(TpmCc::GET_TEST_RESULT)
}

/// TPM2_PolicyRestart (Part 3, 11.2).
pub fn policy_restart(session: TpmHandle) -> Command {
    command(TpmCc::POLICY_RESTART).handle(session)
}

/// TPM2_Create (Part 3, 12.1).
pub fn create(
    parent: &Entity,
    in_sensitive: impl AsRef<[u8]>,
    in_public: &[u8],
    outside_info: &[u8],
    creation_pcr: impl AsRef<[u8]>,
) -> Command {
    command(TpmCc::CREATE)
        .auth(parent)
        .sized(in_sensitive)
        .sized(in_public)
        .sized(outside_info)
        .raw(creation_pcr.as_ref())
}

/// TPM2_Load (Part 3, 12.2).
pub fn load(parent: &Entity, in_private: &[u8], in_public: &[u8]) -> Command {
    command(TpmCc::LOAD).auth(parent).sized(in_private).sized(in_public)
}

/// TPM2_LoadExternal (Part 3, 12.3).
pub fn load_external(in_private: &[u8], in_public: &[u8], hierarchy: TpmHandle) -> Command {
    command(TpmCc::LOAD_EXTERNAL).sized(in_private).sized(in_public).u32(hierarchy.0)
}

/// TPM2_ReadPublic (Part 3, 12.4).
pub fn read_public(object: &Entity) -> Command {
    command(TpmCc::READ_PUBLIC).handle(object)
}

/// TPM2_ActivateCredential (Part 3, 12.5).
pub fn activate_credential(
    activate: &Entity,
    key: &Entity,
    credential_blob: &[u8],
    secret: &[u8],
) -> Command {
    command(TpmCc::ACTIVATE_CREDENTIAL).auth(activate).auth(key).sized(credential_blob).sized(secret)
}

/// TPM2_MakeCredential (Part 3, 12.6).
pub fn make_credential(handle: &Entity, credential: &[u8], object_name: &[u8]) -> Command {
    command(TpmCc::MAKE_CREDENTIAL).handle(handle).sized(credential).sized(object_name)
}

/// TPM2_Unseal (Part 3, 12.7).
pub fn unseal(item: &Entity) -> Command {
    command(TpmCc::UNSEAL).auth(item)
}

/// TPM2_ObjectChangeAuth (Part 3, 12.8).
pub fn object_change_auth(object: &Entity, parent: &Entity, new_auth: &[u8]) -> Command {
    command(TpmCc::OBJECT_CHANGE_AUTH).auth(object).handle(parent).sized(new_auth)
}

/// TPM2_RSA_Encrypt (Part 3, 14.2). `in_scheme` is a TPMT_RSA_DECRYPT.
pub fn rsa_encrypt(key: &Entity, message: &[u8], in_scheme: impl AsRef<[u8]>, label: &[u8]) -> Command {
    command(TpmCc::RSA_ENCRYPT).handle(key).sized(message).raw(in_scheme.as_ref()).sized(label)
}

/// TPM2_RSA_Decrypt (Part 3, 14.3). `in_scheme` is a TPMT_RSA_DECRYPT.
pub fn rsa_decrypt(key: &Entity, cipher_text: &[u8], in_scheme: impl AsRef<[u8]>, label: &[u8]) -> Command {
    command(TpmCc::RSA_DECRYPT).auth(key).sized(cipher_text).raw(in_scheme.as_ref()).sized(label)
}

/// TPM2_Hash (Part 3, 15.4).
pub fn hash(data: &[u8], hash_alg: TpmAlgId, hierarchy: TpmHandle) -> Command {
    command(TpmCc::HASH).sized(data).u16(hash_alg.0).u32(hierarchy.0)
}

/// TPM2_HMAC (Part 3, 15.5).
pub fn hmac(key: &Entity, buffer: &[u8], hash_alg: TpmAlgId) -> Command {
    command(TpmCc::HMAC).auth(key).sized(buffer).u16(hash_alg.0)
}

/// TPM2_GetRandom (Part 3, 16.1).
pub fn get_random(bytes_requested: u16) -> Command {
    command(TpmCc::GET_RANDOM).u16(bytes_requested)
}

/// TPM2_StirRandom (Part 3, 16.2).
pub fn stir_random(in_data: &[u8]) -> Command {
    command(TpmCc::STIR_RANDOM).sized(in_data)
}

/// TPM2_Certify (Part 3, 18.2). `in_scheme` is a TPMT_SIG_SCHEME.
pub fn certify(
    object: &Entity,
    sign: &Entity,
    qualifying_data: &[u8],
    in_scheme: impl AsRef<[u8]>,
) -> Command {
    command(TpmCc::CERTIFY).auth(object).auth(sign).sized(qualifying_data).raw(in_scheme.as_ref())
}

/// TPM2_Quote (Part 3, 18.4). `in_scheme` is a TPMT_SIG_SCHEME.
pub fn quote(
    sign: &Entity,
    qualifying_data: &[u8],
    in_scheme: impl AsRef<[u8]>,
    pcr_select: impl AsRef<[u8]>,
) -> Command {
    command(TpmCc::QUOTE).auth(sign).sized(qualifying_data).raw(in_scheme.as_ref()).raw(pcr_select.as_ref())
}

/// TPM2_VerifySignature (Part 3, 20.2). `signature` is a TPMT_SIGNATURE.
pub fn verify_signature(key: &Entity, digest: &[u8], signature: &[u8]) -> Command {
    command(TpmCc::VERIFY_SIGNATURE).handle(key).sized(digest).raw(signature)
}

/// TPM2_Sign (Part 3, 20.5). `in_scheme` is a TPMT_SIG_SCHEME, `validation` a TPMT_TK_HASHCHECK.
pub fn sign(
    key: &Entity,
    digest: &[u8],
    in_scheme: impl AsRef<[u8]>,
    validation: impl AsRef<[u8]>,
) -> Command {
    command(TpmCc::SIGN).auth(key).sized(digest).raw(in_scheme.as_ref()).raw(validation.as_ref())
}

/// TPM2_PCR_Extend with one digest (Part 3, 22.2).
pub fn pcr_extend(pcr: impl Into<Entity>, hash: TpmAlgId, digest: &[u8]) -> Command {
    command(TpmCc::PCR_EXTEND).auth(pcr).u32(1).u16(hash.0).raw(digest)
}

/// TPM2_PCR_Event (Part 3, 22.3).
pub fn pcr_event(pcr: impl Into<Entity>, event_data: &[u8]) -> Command {
    command(TpmCc::PCR_EVENT).auth(pcr).sized(event_data)
}

/// TPM2_PCR_Read (Part 3, 22.4).
pub fn pcr_read(selection: impl AsRef<[u8]>) -> Command {
    command(TpmCc::PCR_READ).raw(selection.as_ref())
}

/// TPM2_PCR_Reset (Part 3, 22.8).
pub fn pcr_reset(pcr: impl Into<Entity>) -> Command {
    command(TpmCc::PCR_RESET).auth(pcr)
}

/// TPM2_PolicySecret (Part 3, 23.4).
pub fn policy_secret(
    auth: &Entity,
    session: TpmHandle,
    nonce_tpm: &[u8],
    cp_hash: &[u8],
    policy_ref: &[u8],
    expiration: i32,
) -> Command {
    command(TpmCc::POLICY_SECRET)
        .auth(auth)
        .handle(session)
        .sized(nonce_tpm)
        .sized(cp_hash)
        .sized(policy_ref)
        .u32(expiration as u32)
}

/// TPM2_PolicyOR (Part 3, 23.6).
pub fn policy_or(session: TpmHandle, hash_list: &[&[u8]]) -> Command {
    let list = command(TpmCc::POLICY_OR).handle(session).u32(hash_list.len() as u32);
    hash_list.iter().fold(list, |list, digest| list.sized(digest))
}

/// TPM2_PolicyPCR (Part 3, 23.7).
pub fn policy_pcr(session: TpmHandle, pcr_digest: &[u8], pcrs: impl AsRef<[u8]>) -> Command {
    command(TpmCc::POLICY_PCR).handle(session).sized(pcr_digest).raw(pcrs.as_ref())
}

/// TPM2_PolicyCommandCode (Part 3, 23.11).
pub fn policy_command_code(session: TpmHandle, code: TpmCc) -> Command {
    command(TpmCc::POLICY_COMMAND_CODE).handle(session).u32(code.0)
}

/// TPM2_PolicyAuthValue (Part 3, 23.17).
pub fn policy_auth_value(session: TpmHandle) -> Command {
    command(TpmCc::POLICY_AUTH_VALUE).handle(session)
}

/// TPM2_PolicyPassword (Part 3, 23.18).
pub fn policy_password(session: TpmHandle) -> Command {
    command(TpmCc::POLICY_PASSWORD).handle(session)
}

/// TPM2_PolicyGetDigest (Part 3, 23.19).
pub fn policy_get_digest(session: TpmHandle) -> Command {
    command(TpmCc::POLICY_GET_DIGEST).handle(session)
}

/// TPM2_CreatePrimary (Part 3, 24.1).
pub fn create_primary(
    hierarchy: impl Into<Entity>,
    in_sensitive: impl AsRef<[u8]>,
    in_public: &[u8],
    outside_info: &[u8],
    creation_pcr: impl AsRef<[u8]>,
) -> Command {
    command(TpmCc::CREATE_PRIMARY)
        .auth(hierarchy)
        .sized(in_sensitive)
        .sized(in_public)
        .sized(outside_info)
        .raw(creation_pcr.as_ref())
}

/// TPM2_Clear (Part 3, 24.6).
pub fn clear(auth: impl Into<Entity>) -> Command {
    command(TpmCc::CLEAR).auth(auth).sets_auth(&[])
}

/// TPM2_ClearControl (Part 3, 24.7).
pub fn clear_control(auth: impl Into<Entity>, disable: bool) -> Command {
    command(TpmCc::CLEAR_CONTROL).auth(auth).u8(disable.into())
}

/// TPM2_HierarchyChangeAuth (Part 3, 24.8).
pub fn hierarchy_change_auth(auth: impl Into<Entity>, new_auth: &[u8]) -> Command {
    command(TpmCc::HIERARCHY_CHANGE_AUTH).auth(auth).sized(new_auth).sets_auth(new_auth)
}

/// TPM2_DictionaryAttackLockReset (Part 3, 25.2).
pub fn dictionary_attack_lock_reset(lockout: impl Into<Entity>) -> Command {
    command(TpmCc::DICTIONARY_ATTACK_LOCK_RESET).auth(lockout)
}

/// TPM2_DictionaryAttackParameters (Part 3, 25.3).
pub fn dictionary_attack_parameters(
    lockout: impl Into<Entity>,
    new_max_tries: u32,
    new_recovery_time: u32,
    lockout_recovery: u32,
) -> Command {
    command(TpmCc::DICTIONARY_ATTACK_PARAMETERS)
        .auth(lockout)
        .u32(new_max_tries)
        .u32(new_recovery_time)
        .u32(lockout_recovery)
}

/// TPM2_ContextSave (Part 3, 28.2).
pub fn context_save(handle: TpmHandle) -> Command {
    command(TpmCc::CONTEXT_SAVE).handle(handle)
}

/// TPM2_ContextLoad (Part 3, 28.3). `context` is a TPMS_CONTEXT.
pub fn context_load(context: &[u8]) -> Command {
    command(TpmCc::CONTEXT_LOAD).raw(context)
}

/// TPM2_FlushContext (Part 3, 28.4). The handle is a parameter.
pub fn flush_context(handle: TpmHandle) -> Command {
    command(TpmCc::FLUSH_CONTEXT).u32(handle.0)
}

/// TPM2_EvictControl (Part 3, 28.5).
pub fn evict_control(auth: impl Into<Entity>, object: &Entity, persistent: TpmHandle) -> Command {
    command(TpmCc::EVICT_CONTROL).auth(auth).handle(object).u32(persistent.0)
}

/// TPM2_ReadClock (Part 3, 29.1).
pub fn read_clock() -> Command {
    command(TpmCc::READ_CLOCK)
}

/// TPM2_GetCapability (Part 3, 30.2).
pub fn get_capability(capability: TpmCap, property: u32, property_count: u32) -> Command {
    command(TpmCc::GET_CAPABILITY).u32(capability.0).u32(property).u32(property_count)
}

/// TPM2_TestParms (Part 3, 30.3). `parameters` is a TPMT_PUBLIC_PARMS.
pub fn test_parms(parameters: &[u8]) -> Command {
    command(TpmCc::TEST_PARMS).raw(parameters)
}

/// TPM2_NV_DefineSpace (Part 3, 31.3). `public_info` is a TPMS_NV_PUBLIC.
pub fn nv_define_space(
    auth_handle: impl Into<Entity>,
    auth: &[u8],
    public_info: impl AsRef<[u8]>,
) -> Command {
    command(TpmCc::NV_DEFINE_SPACE).auth(auth_handle).sized(auth).sized(public_info)
}

/// A TPMS_NV_PUBLIC.
pub fn nv_public(
    index: TpmHandle,
    name_alg: TpmAlgId,
    attributes: TpmaNv,
    policy: &[u8],
    data_size: u16,
) -> Bytes {
    Bytes::new().u32(index.0).u16(name_alg.0).u32(attributes.bits()).sized(policy).u16(data_size)
}

/// TPM2_NV_UndefineSpace (Part 3, 31.4).
pub fn nv_undefine_space(auth: impl Into<Entity>, index: &Entity) -> Command {
    command(TpmCc::NV_UNDEFINE_SPACE).auth(auth).handle(index)
}

/// TPM2_NV_ReadPublic (Part 3, 31.6).
pub fn nv_read_public(index: TpmHandle) -> Command {
    command(TpmCc::NV_READ_PUBLIC).handle(index)
}

/// TPM2_NV_Write (Part 3, 31.7).
pub fn nv_write(auth: impl Into<Entity>, index: &Entity, data: &[u8], offset: u16) -> Command {
    command(TpmCc::NV_WRITE).auth(auth).handle(index).sized(data).u16(offset)
}

/// TPM2_NV_Increment (Part 3, 31.8).
pub fn nv_increment(auth: impl Into<Entity>, index: &Entity) -> Command {
    command(TpmCc::NV_INCREMENT).auth(auth).handle(index)
}

/// TPM2_NV_Extend (Part 3, 31.9).
pub fn nv_extend(auth: impl Into<Entity>, index: &Entity, data: &[u8]) -> Command {
    command(TpmCc::NV_EXTEND).auth(auth).handle(index).sized(data)
}

/// TPM2_NV_SetBits (Part 3, 31.10).
pub fn nv_set_bits(auth: impl Into<Entity>, index: &Entity, bits: u64) -> Command {
    command(TpmCc::NV_SET_BITS).auth(auth).handle(index).u64(bits)
}

/// TPM2_NV_WriteLock (Part 3, 31.11).
pub fn nv_write_lock(auth: impl Into<Entity>, index: &Entity) -> Command {
    command(TpmCc::NV_WRITE_LOCK).auth(auth).handle(index)
}

/// TPM2_NV_Read (Part 3, 31.13).
pub fn nv_read(auth: impl Into<Entity>, index: &Entity, size: u16, offset: u16) -> Command {
    command(TpmCc::NV_READ).auth(auth).handle(index).u16(size).u16(offset)
}

/// TPM2_NV_ReadLock (Part 3, 31.14).
pub fn nv_read_lock(auth: impl Into<Entity>, index: &Entity) -> Command {
    command(TpmCc::NV_READ_LOCK).auth(auth).handle(index)
}

/// TPM2_NV_Certify (Part 3, 31.16). `in_scheme` is a TPMT_SIG_SCHEME.
pub fn nv_certify(
    sign: &Entity,
    auth: impl Into<Entity>,
    index: &Entity,
    qualifying_data: &[u8],
    in_scheme: impl AsRef<[u8]>,
    size: u16,
    offset: u16,
) -> Command {
    command(TpmCc::NV_CERTIFY)
        .auth(sign)
        .auth(auth)
        .handle(index)
        .sized(qualifying_data)
        .raw(in_scheme.as_ref())
        .u16(size)
        .u16(offset)
}
