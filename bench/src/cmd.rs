//! Raw TPM 2.0 commands: constants, framing, public templates, parameters.

use crate::Result;
use crate::wire::{R, W};

pub mod cc {
    pub const NV_UNDEFINE_SPACE: u32 = 0x122;
    pub const CLEAR: u32 = 0x126;
    pub const NV_DEFINE_SPACE: u32 = 0x12A;
    pub const CREATE_PRIMARY: u32 = 0x131;
    pub const NV_INCREMENT: u32 = 0x134;
    pub const NV_EXTEND: u32 = 0x136;
    pub const NV_WRITE: u32 = 0x137;
    pub const DA_LOCK_RESET: u32 = 0x139;
    pub const DA_PARAMETERS: u32 = 0x13A;
    pub const SELF_TEST: u32 = 0x143;
    pub const STARTUP: u32 = 0x144;
    pub const SHUTDOWN: u32 = 0x145;
    pub const ACTIVATE_CREDENTIAL: u32 = 0x147;
    pub const CERTIFY: u32 = 0x148;
    pub const NV_READ: u32 = 0x14E;
    pub const CREATE: u32 = 0x153;
    pub const ECDH_ZGEN: u32 = 0x154;
    pub const HMAC: u32 = 0x155;
    pub const LOAD: u32 = 0x157;
    pub const QUOTE: u32 = 0x158;
    pub const RSA_DECRYPT: u32 = 0x159;
    pub const SIGN: u32 = 0x15D;
    pub const UNSEAL: u32 = 0x15E;
    pub const CONTEXT_LOAD: u32 = 0x161;
    pub const CONTEXT_SAVE: u32 = 0x162;
    pub const ECDH_KEYGEN: u32 = 0x163;
    pub const FLUSH_CONTEXT: u32 = 0x165;
    pub const MAKE_CREDENTIAL: u32 = 0x168;
    pub const NV_READ_PUBLIC: u32 = 0x169;
    pub const READ_PUBLIC: u32 = 0x173;
    pub const RSA_ENCRYPT: u32 = 0x174;
    pub const START_AUTH_SESSION: u32 = 0x176;
    pub const VERIFY_SIGNATURE: u32 = 0x177;
    pub const GET_CAPABILITY: u32 = 0x17A;
    pub const GET_RANDOM: u32 = 0x17B;
    pub const HASH: u32 = 0x17D;
    pub const PCR_READ: u32 = 0x17E;
    pub const POLICY_PCR: u32 = 0x17F;
    pub const POLICY_RESTART: u32 = 0x180;
    pub const READ_CLOCK: u32 = 0x181;
    pub const PCR_EXTEND: u32 = 0x182;
    pub const POLICY_GET_DIGEST: u32 = 0x189;
    pub const ENCRYPT_DECRYPT_2: u32 = 0x193;
}

pub mod alg {
    pub const RSA: u16 = 0x01;
    pub const SHA1: u16 = 0x04;
    pub const HMAC: u16 = 0x05;
    pub const AES: u16 = 0x06;
    pub const KEYEDHASH: u16 = 0x08;
    pub const SHA256: u16 = 0x0B;
    pub const SHA384: u16 = 0x0C;
    pub const SHA512: u16 = 0x0D;
    pub const NULL: u16 = 0x10;
    pub const RSASSA: u16 = 0x14;
    pub const OAEP: u16 = 0x17;
    pub const ECDSA: u16 = 0x18;
    pub const ECC: u16 = 0x23;
    pub const SYMCIPHER: u16 = 0x25;
    pub const CFB: u16 = 0x43;
}

pub mod rh {
    pub const OWNER: u32 = 0x4000_0001;
    pub const NULL: u32 = 0x4000_0007;
    pub const PW: u32 = 0x4000_0009;
    pub const LOCKOUT: u32 = 0x4000_000A;
}

pub mod curve {
    pub const P256: u16 = 3;
    pub const P384: u16 = 4;
}

/// Object attribute bits.
pub mod oa {
    pub const FIXED_TPM: u32 = 1 << 1;
    pub const FIXED_PARENT: u32 = 1 << 4;
    pub const SENSITIVE_DATA_ORIGIN: u32 = 1 << 5;
    pub const USER_WITH_AUTH: u32 = 1 << 6;
    pub const NO_DA: u32 = 1 << 10;
    pub const RESTRICTED: u32 = 1 << 16;
    pub const DECRYPT: u32 = 1 << 17;
    pub const SIGN: u32 = 1 << 18;
    /// What every generated key here has.
    pub const KEY: u32 = FIXED_TPM | FIXED_PARENT | SENSITIVE_DATA_ORIGIN | USER_WITH_AUTH | NO_DA;
}

/// NV attribute bits.
pub mod nv {
    pub const AUTH_WRITE: u32 = 1 << 2;
    pub const COUNTER: u32 = 1 << 4;
    pub const EXTEND: u32 = 4 << 4;
    pub const AUTH_READ: u32 = 1 << 18;
    pub const NO_DA: u32 = 1 << 25;
    pub const ORDERLY: u32 = 1 << 26;
    pub const BASE: u32 = AUTH_WRITE | AUTH_READ | NO_DA;
}

pub mod st {
    pub const NO_SESSIONS: u16 = 0x8001;
    pub const SESSIONS: u16 = 0x8002;
    pub const HASHCHECK: u16 = 0x8024;
}

pub mod se {
    pub const HMAC: u8 = 0;
    pub const POLICY: u8 = 1;
    pub const TRIAL: u8 = 3;
}

pub const CONTINUE_SESSION: u8 = 1;

/// One entry of a command's authorization area.
#[derive(Clone, Debug)]
pub struct Auth {
    pub handle: u32,
    pub nonce: Vec<u8>,
    pub attrs: u8,
    pub hmac: Vec<u8>,
}

/// A password authorization.
pub fn pw(auth: &[u8]) -> Auth {
    Auth { handle: rh::PW, nonce: vec![], attrs: 0, hmac: auth.to_vec() }
}

/// A policy session that asks for no HMAC.
pub fn policy(session: u32) -> Auth {
    Auth { handle: session, nonce: vec![], attrs: CONTINUE_SESSION, hmac: vec![] }
}

/// Frames a command.
pub fn frame(code: u32, handles: &[u32], auths: &[Auth], params: &[u8]) -> Vec<u8> {
    let mut body = W::new();
    for h in handles {
        body = body.u32(*h);
    }
    if !auths.is_empty() {
        let mut area = W::new();
        for a in auths {
            area = area.u32(a.handle).b2(&a.nonce).u8(a.attrs).b2(&a.hmac);
        }
        body = body.u32(area.0.len() as u32).raw(&area.0);
    }
    body = body.raw(params);
    let tag = if auths.is_empty() { st::NO_SESSIONS } else { st::SESSIONS };
    W::new().u16(tag).u32(10 + body.0.len() as u32).u32(code).raw(&body.0).0
}

/// A parsed response.
#[derive(Debug, Default, Clone)]
pub struct Rsp {
    pub rc: u32,
    /// The bytes after the header, authorization area included.
    pub body: Vec<u8>,
    sessions: bool,
}

impl Rsp {
    pub fn parse(bytes: &[u8]) -> Result<Rsp> {
        let mut r = R(bytes);
        let tag = r.u16()?;
        let size = r.u32()? as usize;
        let rc = r.u32()?;
        if size != bytes.len() {
            return Err(format!("response says {size} bytes, {} came", bytes.len()));
        }
        Ok(Rsp { rc, body: r.rest().to_vec(), sessions: tag == st::SESSIONS })
    }
    pub fn ok(self) -> Result<Rsp> {
        match self.rc {
            0 => Ok(self),
            rc => Err(format!("TPM response code 0x{rc:03x}")),
        }
    }
    /// (handle if the command returns one, parameters, authorization area)
    pub fn split(&self, has_handle: bool) -> Result<(u32, &[u8], &[u8])> {
        let mut r = R(&self.body);
        let handle = if has_handle { r.u32()? } else { 0 };
        if !self.sessions {
            return Ok((handle, r.rest(), &[]));
        }
        let n = r.u32()? as usize;
        Ok((handle, r.take(n)?, r.rest()))
    }
    pub fn params(&self) -> Result<&[u8]> {
        Ok(self.split(false)?.1)
    }
    pub fn handle(&self) -> Result<u32> {
        R(&self.body).u32()
    }
}

fn sym_aes128cfb(w: W) -> W {
    w.u16(alg::AES).u16(128).u16(alg::CFB)
}

fn public(kind: u16, name_alg: u16, attrs: u32, policy: &[u8], rest: W) -> Vec<u8> {
    W::new().u16(kind).u16(name_alg).u32(attrs).b2(policy).raw(&rest.0).0
}

/// RSA-2048: a storage key, a signing key, or a decryption key.
pub fn rsa2048(attrs: u32, scheme: Option<(u16, u16)>, unique: &[u8]) -> Vec<u8> {
    let storage = attrs & oa::RESTRICTED != 0 && attrs & oa::DECRYPT != 0;
    let w = if storage { sym_aes128cfb(W::new()) } else { W::new().u16(alg::NULL) };
    let w = match scheme {
        Some((s, h)) => w.u16(s).u16(h),
        None => w.u16(alg::NULL),
    };
    public(alg::RSA, alg::SHA256, attrs, &[], w.u16(2048).u32(0).b2(unique))
}

/// ECC: a storage key, a signing key, or a key-agreement key.
pub fn ecc(curve: u16, attrs: u32, scheme: Option<(u16, u16)>, unique_x: &[u8]) -> Vec<u8> {
    let storage = attrs & oa::RESTRICTED != 0 && attrs & oa::DECRYPT != 0;
    let w = if storage { sym_aes128cfb(W::new()) } else { W::new().u16(alg::NULL) };
    let w = match scheme {
        Some((s, h)) => w.u16(s).u16(h),
        None => w.u16(alg::NULL),
    };
    let rest = w.u16(curve).u16(alg::NULL).b2(unique_x).b2(&[]);
    public(alg::ECC, alg::SHA256, attrs, &[], rest)
}

/// The storage parent under which child objects are made.
pub fn storage_p256(unique_x: &[u8]) -> Vec<u8> {
    ecc(curve::P256, oa::KEY | oa::RESTRICTED | oa::DECRYPT, None, unique_x)
}

/// A sealed-data object.
pub fn sealed(attrs: u32, policy: &[u8]) -> Vec<u8> {
    public(alg::KEYEDHASH, alg::SHA256, attrs, policy, W::new().u16(alg::NULL).b2(&[]))
}

/// An HMAC-SHA-256 key.
pub fn hmac_key() -> Vec<u8> {
    let rest = W::new().u16(alg::HMAC).u16(alg::SHA256).b2(&[]);
    public(alg::KEYEDHASH, alg::SHA256, oa::KEY | oa::SIGN, &[], rest)
}

/// An AES-128-CFB key.
pub fn aes_key() -> Vec<u8> {
    let rest = sym_aes128cfb(W::new()).b2(&[]);
    public(alg::SYMCIPHER, alg::SHA256, oa::KEY | oa::SIGN | oa::DECRYPT, &[], rest)
}

/// The parameters of Create and CreatePrimary.
pub fn create_params(auth: &[u8], data: &[u8], public: &[u8]) -> Vec<u8> {
    let sensitive = W::new().b2(auth).b2(data);
    W::new().b2(&sensitive.0).b2(public).b2(&[]).u32(0).0
}

/// A PCR selection of one bank.
pub fn pcr_select(bank: u16, pcrs: &[u32]) -> Vec<u8> {
    let mut map = [0u8; 3];
    for p in pcrs {
        map[(*p / 8) as usize] |= 1 << (*p % 8);
    }
    W::new().u32(1).u16(bank).u8(3).raw(&map).0
}

/// NV_DefineSpace parameters.
pub fn nv_public(index: u32, attrs: u32, size: u16) -> Vec<u8> {
    let p = W::new().u32(index).u16(alg::SHA256).u32(attrs).b2(&[]).u16(size);
    W::new().b2(&[]).b2(&p.0).0
}

/// The name of an NV index or object whose name algorithm is SHA-256.
pub fn name_of(public: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    W::new().u16(alg::SHA256).raw(&Sha256::digest(public)).0
}

/// A hash-check ticket that says nothing.
pub fn null_ticket() -> Vec<u8> {
    W::new().u16(st::HASHCHECK).u32(rh::NULL).b2(&[]).0
}

pub fn get_capability(cap: u32, property: u32, count: u32) -> Vec<u8> {
    let p = W::new().u32(cap).u32(property).u32(count).0;
    frame(cc::GET_CAPABILITY, &[], &[], &p)
}

pub fn start_auth_session(kind: u8, tpm_key: u32, salt: &[u8]) -> Vec<u8> {
    let p = W::new().b2(&[0x5a; 16]).b2(salt).u8(kind).u16(alg::NULL).u16(alg::SHA256).0;
    frame(cc::START_AUTH_SESSION, &[tpm_key, rh::NULL], &[], &p)
}

pub fn flush(handle: u32) -> Vec<u8> {
    frame(cc::FLUSH_CONTEXT, &[], &[], &handle.to_be_bytes())
}

/// Digest size in bytes.
pub fn digest_len(hash: u16) -> usize {
    match hash {
        alg::SHA1 => 20,
        alg::SHA384 => 48,
        alg::SHA512 => 64,
        _ => 32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames() {
        let c = frame(cc::GET_RANDOM, &[], &[], &[0, 32]);
        assert_eq!(c, [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 32]);
        let c = frame(cc::CLEAR, &[rh::LOCKOUT], &[pw(b"")], &[]);
        assert_eq!(c.len(), 10 + 4 + 4 + 9);
        assert_eq!(&c[14..18], &[0, 0, 0, 9]);
    }

    #[test]
    fn selection() {
        assert_eq!(pcr_select(alg::SHA256, &[0, 9, 23]), [0, 0, 0, 1, 0, 0x0b, 3, 1, 2, 0x80]);
    }

    #[test]
    fn responses() {
        let r = Rsp::parse(&[0x80, 2, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 1, 7, 9, 9]).unwrap();
        assert_eq!(r.split(false).unwrap(), (0, &[7][..], &[9, 9][..]));
        assert!(Rsp::parse(&[0x80, 1, 0, 0, 0, 99, 0, 0, 0, 0]).is_err());
    }
}
