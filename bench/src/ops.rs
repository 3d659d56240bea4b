//! The catalogue of measured operations.
//!
//! An operation's `make` sets up and returns a step. A step sends what it needs untimed, then
//! the measured command through [`Tpm::timed`], then cleans up untimed.

use crate::Result;
use crate::cmd::{self, alg, cc, curve, frame, nv, oa, pw, rh, se};
use crate::session::HmacSession;
use crate::tpm::{NV_BASE, Tpm, load, policy_pcr, read_public};
use crate::wire::{R, W};

pub type Step = Box<dyn FnMut(&mut Tpm, u64) -> Result<()>>;

pub struct Op {
    pub name: &'static str,
    /// Samples in a default run.
    pub n: usize,
    /// Whether it changes the TPM's persistent state.
    pub writes: bool,
    pub make: fn(&mut Tpm) -> Result<Step>,
}

const EMPTY: &[u8] = b"";
const DATA: [u8; 1024] = [0xa5; 1024];
const DIGEST: [u8; 48] = [0x3c; 48];
const RSASSA: Option<(u16, u16)> = Some((alg::RSASSA, alg::SHA256));
const ECDSA256: Option<(u16, u16)> = Some((alg::ECDSA, alg::SHA256));
const ECDSA384: Option<(u16, u16)> = Some((alg::ECDSA, alg::SHA384));

/// A step that repeats one command.
fn fixed(c: Vec<u8>) -> Step {
    Box::new(move |t, _| t.timed(&c).map(|_| ()))
}

/// A step that repeats one command and flushes the handle it returns.
fn fixed_flush(c: Vec<u8>) -> Step {
    Box::new(move |t, _| {
        let h = t.timed(&c)?.handle()?;
        t.call(&cmd::flush(h)).map(|_| ())
    })
}

/// CreatePrimary with a template that differs at each step.
fn primary(template: fn(&[u8]) -> Vec<u8>) -> Step {
    let salt = std::process::id();
    Box::new(move |t, i| {
        let unique = W::new().u32(salt).u32(i as u32).raw(&[0x11; 24]).0;
        let p = cmd::create_params(EMPTY, EMPTY, &template(&unique));
        let c = frame(cc::CREATE_PRIMARY, &[rh::OWNER], &[pw(EMPTY)], &p);
        let h = t.timed(&c)?.handle()?;
        t.call(&cmd::flush(h)).map(|_| ())
    })
}

fn create(t: &mut Tpm, public: Vec<u8>, data: &[u8]) -> Result<Step> {
    let parent = t.parent()?;
    let p = cmd::create_params(b"secret", data, &public);
    Ok(fixed(frame(cc::CREATE, &[parent], &[pw(EMPTY)], &p)))
}

fn load_op(t: &mut Tpm, public: Vec<u8>) -> Result<Step> {
    let parent = t.parent()?;
    let (private, public) = t.create(parent, &public, EMPTY, EMPTY)?;
    Ok(fixed_flush(load(parent, &private, &public)))
}

fn ecc_key(c: u16, attrs: u32, scheme: Option<(u16, u16)>) -> Vec<u8> {
    cmd::ecc(c, oa::KEY | attrs, scheme, &[])
}

fn rsa_sign_key() -> Vec<u8> {
    cmd::rsa2048(oa::KEY | oa::SIGN, RSASSA, &[])
}

/// A loaded key and a Sign command for it.
fn signer(t: &mut Tpm, public: Vec<u8>, digest: &[u8]) -> Result<(u32, Vec<u8>)> {
    let (h, _) = t.child(&public, EMPTY, EMPTY)?;
    let p = W::new().b2(digest).u16(alg::NULL).raw(&cmd::null_ticket()).0;
    Ok((h, frame(cc::SIGN, &[h], &[pw(EMPTY)], &p)))
}

fn verify(t: &mut Tpm, public: Vec<u8>, digest: &[u8]) -> Result<Step> {
    let (h, sign) = signer(t, public, digest)?;
    let rsp = t.call(&sign)?;
    let p = W::new().b2(digest).raw(rsp.params()?).0;
    Ok(fixed(frame(cc::VERIFY_SIGNATURE, &[h], &[], &p)))
}

fn rsa_cipher(t: &mut Tpm) -> Result<(u32, Vec<u8>)> {
    let (h, _) = t.child(&cmd::rsa2048(oa::KEY | oa::DECRYPT, None, &[]), EMPTY, EMPTY)?;
    Ok((h, W::new().u16(alg::OAEP).u16(alg::SHA256).b2(&[]).0))
}

fn rsa_encrypt(h: u32, scheme: &[u8]) -> Vec<u8> {
    frame(cc::RSA_ENCRYPT, &[h], &[], &W::new().b2(&[7; 32]).raw(scheme).0)
}

/// NV_Write of 64 bytes that begin with `tag`.
fn nv_write(tag: u32) -> Vec<u8> {
    let data = W::new().u32(tag).raw(&DATA[..60]).0;
    let p = W::new().b2(&data).u16(0).0;
    frame(cc::NV_WRITE, &[NV_BASE, NV_BASE], &[pw(EMPTY)], &p)
}

fn nv_op(t: &mut Tpm, attrs: u32, size: u16, code: u32, params: &[u8]) -> Result<Step> {
    t.nv_define(NV_BASE, attrs, size)?;
    Ok(fixed(frame(code, &[NV_BASE, NV_BASE], &[pw(EMPTY)], params)))
}

fn session(t: &mut Tpm, kind: u8, key: u32, salt: &[u8]) -> Result<u32> {
    t.call(&cmd::start_auth_session(kind, key, salt))?.handle()
}

fn get_random(_: &mut Tpm) -> Result<Step> {
    Ok(fixed(frame(cc::GET_RANDOM, &[], &[], &[0, 32])))
}

fn pcr_extend(t: &mut Tpm) -> Result<Step> {
    // The debug PCR, so that a real machine's measurements stay as they are.
    let mut p = W::new().u32(t.banks.len() as u32);
    for b in &t.banks {
        p = p.u16(*b).raw(&DATA[..cmd::digest_len(*b)]);
    }
    Ok(fixed(frame(cc::PCR_EXTEND, &[16], &[pw(EMPTY)], &p.0)))
}

fn pcr_read(t: &mut Tpm) -> Result<Step> {
    let s = cmd::pcr_select(t.bank(), &[0, 1, 2, 3, 4, 5, 6, 7]);
    Ok(fixed(frame(cc::PCR_READ, &[], &[], &s)))
}

fn hash(_: &mut Tpm) -> Result<Step> {
    let p = W::new().b2(&DATA).u16(alg::SHA256).u32(rh::NULL).0;
    Ok(fixed(frame(cc::HASH, &[], &[], &p)))
}

fn hmac(t: &mut Tpm) -> Result<Step> {
    let (h, _) = t.child(&cmd::hmac_key(), EMPTY, EMPTY)?;
    let p = W::new().b2(&DATA).u16(alg::NULL).0;
    Ok(fixed(frame(cc::HMAC, &[h], &[pw(EMPTY)], &p)))
}

fn start_hmac(_: &mut Tpm) -> Result<Step> {
    Ok(fixed_flush(cmd::start_auth_session(se::HMAC, rh::NULL, &[])))
}

fn start_policy(_: &mut Tpm) -> Result<Step> {
    Ok(fixed_flush(cmd::start_auth_session(se::POLICY, rh::NULL, &[])))
}

fn start_salted(t: &mut Tpm) -> Result<Step> {
    // The TPM's own KeyGen makes the ephemeral point; the salt itself is never needed here.
    let key = t.parent()?;
    let rsp = t.call(&frame(cc::ECDH_KEYGEN, &[key], &[], &[]))?;
    let mut r = R(&rsp.body);
    r.b2()?;
    let point = r.b2()?.to_vec();
    Ok(fixed_flush(cmd::start_auth_session(se::HMAC, key, &point)))
}

fn flush_session(_: &mut Tpm) -> Result<Step> {
    Ok(Box::new(|t, _| {
        let s = session(t, se::HMAC, rh::NULL, &[])?;
        t.timed(&cmd::flush(s)).map(|_| ())
    }))
}

fn unseal_password(t: &mut Tpm) -> Result<Step> {
    let (h, _) = t.child(&sealed_public(&[]), b"secret", &DATA[..32])?;
    Ok(fixed(frame(cc::UNSEAL, &[h], &[pw(b"secret")], &[])))
}

fn sealed_public(policy: &[u8]) -> Vec<u8> {
    let user = if policy.is_empty() { oa::USER_WITH_AUTH } else { 0 };
    cmd::sealed(oa::FIXED_TPM | oa::FIXED_PARENT | oa::NO_DA | user, policy)
}

fn unseal_hmac(t: &mut Tpm) -> Result<Step> {
    let (h, name) = t.child(&sealed_public(&[]), b"secret", &DATA[..32])?;
    let start = t.call(&cmd::start_auth_session(se::HMAC, rh::NULL, &[]))?;
    let mut s = HmacSession::new(&start)?;
    Ok(Box::new(move |t, _| {
        let c = s.command(cc::UNSEAL, &[h], &[&name], b"secret", &[])?;
        let rsp = t.timed(&c)?;
        s.accept(cc::UNSEAL, b"secret", &rsp)
    }))
}

fn unseal_policy_pcr(t: &mut Tpm) -> Result<Step> {
    let select = cmd::pcr_select(t.bank(), &[0, 1, 2, 3, 7]);
    let digest = t.pcr_policy_digest(&select)?;
    let (h, _) = t.child(&sealed_public(&digest), EMPTY, &DATA[..32])?;
    let s = session(t, se::POLICY, rh::NULL, &[])?;
    let policy = policy_pcr(s, &select);
    let unseal = frame(cc::UNSEAL, &[h], &[cmd::policy(s)], &[]);
    Ok(Box::new(move |t, _| {
        t.call(&policy)?;
        t.timed(&unseal).map(|_| ())
    }))
}

fn policy_pcr_op(t: &mut Tpm) -> Result<Step> {
    let select = cmd::pcr_select(t.bank(), &[0, 1, 2, 3, 7]);
    let s = session(t, se::POLICY, rh::NULL, &[])?;
    let restart = frame(cc::POLICY_RESTART, &[s], &[], &[]);
    let policy = policy_pcr(s, &select);
    Ok(Box::new(move |t, _| {
        t.call(&restart)?;
        t.timed(&policy).map(|_| ())
    }))
}

fn ecdh_keygen(t: &mut Tpm) -> Result<Step> {
    let (h, _) = t.child(&ecc_key(curve::P256, oa::DECRYPT, None), EMPTY, EMPTY)?;
    Ok(fixed(frame(cc::ECDH_KEYGEN, &[h], &[], &[])))
}

fn ecdh_zgen(t: &mut Tpm) -> Result<Step> {
    let (h, _) = t.child(&ecc_key(curve::P256, oa::DECRYPT, None), EMPTY, EMPTY)?;
    let rsp = t.call(&frame(cc::ECDH_KEYGEN, &[h], &[], &[]))?;
    let mut r = R(&rsp.body);
    r.b2()?;
    Ok(fixed(frame(cc::ECDH_ZGEN, &[h], &[pw(EMPTY)], &W::new().b2(r.b2()?).0)))
}

fn encrypt(t: &mut Tpm) -> Result<Step> {
    let (h, _) = t.child(&cmd::aes_key(), EMPTY, EMPTY)?;
    let p = W::new().b2(&DATA).u8(0).u16(alg::CFB).b2(&[0; 16]).0;
    Ok(fixed(frame(cc::ENCRYPT_DECRYPT_2, &[h], &[pw(EMPTY)], &p)))
}

fn quote(t: &mut Tpm, public: Vec<u8>) -> Result<Step> {
    let (h, _) = t.child(&public, EMPTY, EMPTY)?;
    let select = cmd::pcr_select(t.bank(), &[0, 1, 2, 3, 4, 5, 6, 7]);
    let p = W::new().b2(&[9; 20]).u16(alg::NULL).raw(&select).0;
    Ok(fixed(frame(cc::QUOTE, &[h], &[pw(EMPTY)], &p)))
}

fn certify(t: &mut Tpm) -> Result<Step> {
    let public = ecc_key(curve::P256, oa::SIGN | oa::RESTRICTED, ECDSA256);
    let (ak, _) = t.child(&public, EMPTY, EMPTY)?;
    let (h, _) = t.child(&ecc_key(curve::P256, oa::DECRYPT, None), EMPTY, EMPTY)?;
    let p = W::new().b2(&[9; 20]).u16(alg::NULL).0;
    Ok(fixed(frame(cc::CERTIFY, &[h, ak], &[pw(EMPTY), pw(EMPTY)], &p)))
}

fn nv_define(_: &mut Tpm) -> Result<Step> {
    let p = cmd::nv_public(NV_BASE, nv::BASE, 64);
    let c = frame(cc::NV_DEFINE_SPACE, &[rh::OWNER], &[pw(EMPTY)], &p);
    Ok(Box::new(move |t, _| {
        t.timed(&c)?;
        t.nv_undefine(NV_BASE)
    }))
}

fn nv_write_same(t: &mut Tpm) -> Result<Step> {
    t.nv_define(NV_BASE, nv::BASE, 64)?;
    Ok(fixed(nv_write(0)))
}

fn nv_write_new(t: &mut Tpm) -> Result<Step> {
    t.nv_define(NV_BASE, nv::BASE, 64)?;
    Ok(Box::new(|t, i| t.timed(&nv_write(i as u32)).map(|_| ())))
}

fn nv_read(t: &mut Tpm) -> Result<Step> {
    t.nv_define(NV_BASE, nv::BASE, 64)?;
    t.call(&nv_write(0))?;
    Ok(fixed(frame(cc::NV_READ, &[NV_BASE, NV_BASE], &[pw(EMPTY)], &[0, 64, 0, 0])))
}

fn nv_increment(t: &mut Tpm) -> Result<Step> {
    nv_op(t, nv::BASE | nv::COUNTER, 8, cc::NV_INCREMENT, &[])
}

fn nv_increment_orderly(t: &mut Tpm) -> Result<Step> {
    nv_op(t, nv::BASE | nv::COUNTER | nv::ORDERLY, 8, cc::NV_INCREMENT, &[])
}

fn nv_extend(t: &mut Tpm) -> Result<Step> {
    nv_op(t, nv::BASE | nv::EXTEND, 32, cc::NV_EXTEND, &W::new().b2(&DATA[..32]).0)
}

fn context_save(t: &mut Tpm) -> Result<Step> {
    let (h, _) = t.child(&ecc_key(curve::P256, oa::SIGN, ECDSA256), EMPTY, EMPTY)?;
    Ok(fixed(frame(cc::CONTEXT_SAVE, &[], &[], &h.to_be_bytes())))
}

fn context_load(t: &mut Tpm) -> Result<Step> {
    let (h, _) = t.child(&ecc_key(curve::P256, oa::SIGN, ECDSA256), EMPTY, EMPTY)?;
    let saved = t.call(&frame(cc::CONTEXT_SAVE, &[], &[], &h.to_be_bytes()))?.body;
    t.call(&cmd::flush(h))?;
    Ok(fixed_flush(frame(cc::CONTEXT_LOAD, &[], &[], &saved)))
}

fn credential(t: &mut Tpm) -> Result<(u32, u32, Vec<u8>)> {
    let public = ecc_key(curve::P256, oa::SIGN | oa::RESTRICTED, ECDSA256);
    let (ak, name) = t.child(&public, EMPTY, EMPTY)?;
    let (ek, _) = t.create_primary(&cmd::storage_p256(&[0x77; 32]))?;
    let p = W::new().b2(&[3; 32]).b2(&name).0;
    Ok((ak, ek, frame(cc::MAKE_CREDENTIAL, &[ek], &[], &p)))
}

fn make_credential(t: &mut Tpm) -> Result<Step> {
    Ok(fixed(credential(t)?.2))
}

fn activate_credential(t: &mut Tpm) -> Result<Step> {
    let (ak, ek, make) = credential(t)?;
    let blobs = t.call(&make)?.body;
    Ok(fixed(frame(cc::ACTIVATE_CREDENTIAL, &[ak, ek], &[pw(EMPTY), pw(EMPTY)], &blobs)))
}

fn read_public_op(t: &mut Tpm) -> Result<Step> {
    let (h, _) = t.child(&ecc_key(curve::P256, oa::SIGN, ECDSA256), EMPTY, EMPTY)?;
    Ok(fixed(read_public(h)))
}

/// A wrong password for an object under dictionary-attack protection.
fn da_failure(t: &mut Tpm) -> Result<Step> {
    let p = W::new().u32(1_000_000).u32(1_000_000).u32(0).0;
    t.call(&frame(cc::DA_PARAMETERS, &[rh::LOCKOUT], &[pw(EMPTY)], &p))?;
    let public = cmd::sealed(oa::FIXED_TPM | oa::FIXED_PARENT | oa::USER_WITH_AUTH, &[]);
    let (h, _) = t.child(&public, b"secret", &DATA[..32])?;
    let c = frame(cc::UNSEAL, &[h], &[pw(b"wrong")], &[]);
    // The first use after a startup may be answered TPM_RC_RETRY.
    t.exec(&c)?;
    Ok(Box::new(move |t, _| match t.timed_any(&c)?.rc {
        0x98e => Ok(()),
        rc => Err(format!("0x{rc:x} instead of TPM_RC_AUTH_FAIL")),
    }))
}

fn read_clock(_: &mut Tpm) -> Result<Step> {
    Ok(fixed(frame(cc::READ_CLOCK, &[], &[], &[])))
}

macro_rules! op {
    ($name:literal, $n:literal, $make:expr) => {
        Op { name: $name, n: $n, writes: false, make: $make }
    };
    ($name:literal, $n:literal, writes, $make:expr) => {
        Op { name: $name, n: $n, writes: true, make: $make }
    };
}

/// Every operation, in the order of a run.
pub const OPS: &[Op] = &[
    op!("read_clock", 1000, read_clock),
    op!("get_random_32", 1000, get_random),
    op!("get_capability", 1000, |_| Ok(fixed(cmd::get_capability(6, 0x100, 32)))),
    op!("read_public", 1000, read_public_op),
    op!("pcr_extend_all_banks", 1000, pcr_extend),
    op!("pcr_read_8", 1000, pcr_read),
    op!("hash_1k", 1000, hash),
    op!("hmac_1k", 1000, hmac),
    op!("start_session_hmac", 500, start_hmac),
    op!("start_session_policy", 500, start_policy),
    op!("start_session_salted_p256", 300, start_salted),
    op!("flush_session", 500, flush_session),
    op!("policy_pcr", 500, policy_pcr_op),
    op!("create_primary_rsa2048", 100, |_| {
        Ok(primary(|u| cmd::rsa2048(oa::KEY | oa::RESTRICTED | oa::DECRYPT, None, u)))
    }),
    op!("create_primary_p256", 300, |_| Ok(primary(cmd::storage_p256))),
    op!("create_primary_p384", 200, |_| {
        Ok(primary(|u| cmd::ecc(curve::P384, oa::KEY | oa::SIGN, ECDSA384, u)))
    }),
    op!("create_rsa2048", 100, |t| create(t, rsa_sign_key(), EMPTY)),
    op!("create_p256", 300, |t| create(t, ecc_key(curve::P256, oa::SIGN, ECDSA256), EMPTY)),
    op!("create_sealed", 300, |t| create(t, sealed_public(&[]), &DATA[..32])),
    op!("load_rsa2048", 300, |t| load_op(t, rsa_sign_key())),
    op!("load_p256", 300, |t| load_op(t, ecc_key(curve::P256, oa::SIGN, ECDSA256))),
    op!("unseal_password", 500, unseal_password),
    op!("unseal_hmac_session", 500, unseal_hmac),
    op!("unseal_policy_pcr", 500, unseal_policy_pcr),
    op!("sign_rsassa2048", 300, |t| Ok(fixed(signer(t, rsa_sign_key(), &DIGEST[..32])?.1))),
    op!("sign_ecdsa_p256", 300, |t| {
        let key = ecc_key(curve::P256, oa::SIGN, ECDSA256);
        Ok(fixed(signer(t, key, &DIGEST[..32])?.1))
    }),
    op!("sign_ecdsa_p384", 300, |t| {
        let key = ecc_key(curve::P384, oa::SIGN, ECDSA384);
        Ok(fixed(signer(t, key, &DIGEST)?.1))
    }),
    op!("sign_hmac", 500, |t| Ok(fixed(signer(t, cmd::hmac_key(), &DIGEST[..32])?.1))),
    op!("verify_rsassa2048", 300, |t| verify(t, rsa_sign_key(), &DIGEST[..32])),
    op!("verify_ecdsa_p256", 300, |t| { verify(t, ecc_key(curve::P256, oa::SIGN, ECDSA256), &DIGEST[..32]) }),
    op!("rsa_encrypt_oaep", 300, |t| {
        let (h, scheme) = rsa_cipher(t)?;
        Ok(fixed(rsa_encrypt(h, &scheme)))
    }),
    op!("rsa_decrypt_oaep", 300, |t| {
        let (h, scheme) = rsa_cipher(t)?;
        let c = t.call(&rsa_encrypt(h, &scheme))?.body;
        let p = W::new().raw(&c).raw(&scheme).0;
        Ok(fixed(frame(cc::RSA_DECRYPT, &[h], &[pw(EMPTY)], &p)))
    }),
    op!("ecdh_keygen_p256", 300, ecdh_keygen),
    op!("ecdh_zgen_p256", 300, ecdh_zgen),
    op!("encrypt_aes128cfb_1k", 500, encrypt),
    op!("quote_p256", 300, |t| { quote(t, ecc_key(curve::P256, oa::SIGN | oa::RESTRICTED, ECDSA256)) }),
    op!("quote_rsa2048", 200, |t| {
        quote(t, cmd::rsa2048(oa::KEY | oa::SIGN | oa::RESTRICTED, RSASSA, &[]))
    }),
    op!("certify_p256", 300, certify),
    op!("context_save", 300, context_save),
    op!("context_load", 300, context_load),
    op!("make_credential_p256", 300, make_credential),
    op!("activate_credential_p256", 300, activate_credential),
    op!("nv_define", 200, writes, nv_define),
    op!("nv_write_64", 300, writes, nv_write_new),
    op!("nv_write_64_unchanged", 300, writes, nv_write_same),
    op!("nv_read_64", 500, writes, nv_read),
    op!("nv_increment", 300, writes, nv_increment),
    op!("nv_increment_orderly", 300, writes, nv_increment_orderly),
    op!("nv_extend", 300, writes, nv_extend),
    op!("da_failure", 200, writes, da_failure),
];
