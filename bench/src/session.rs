//! The caller's half of an unbound, unsalted HMAC session.

use crate::Result;
use crate::cmd::{self, Auth};
use crate::wire::{R, W};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

pub struct HmacSession {
    pub handle: u32,
    nonce_caller: Vec<u8>,
    nonce_tpm: Vec<u8>,
    turn: u64,
}

impl HmacSession {
    /// From the response to a StartAuthSession of type HMAC.
    pub fn new(start: &cmd::Rsp) -> Result<HmacSession> {
        let mut r = R(&start.body);
        let handle = r.u32()?;
        let nonce_tpm = r.b2()?.to_vec();
        Ok(HmacSession { handle, nonce_caller: vec![], nonce_tpm, turn: 0 })
    }

    /// A command whose first handle this session authorizes.
    /// `names` holds the names of all the handles, in order.
    pub fn command(
        &mut self,
        code: u32,
        handles: &[u32],
        names: &[&[u8]],
        auth: &[u8],
        params: &[u8],
    ) -> Result<Vec<u8>> {
        self.turn += 1;
        self.nonce_caller = Sha256::digest(self.turn.to_be_bytes())[..16].to_vec();
        let mut h = Sha256::new();
        h.update(code.to_be_bytes());
        names.iter().for_each(|n| h.update(n));
        h.update(params);
        let cp_hash = h.finalize();
        let mut mac = keyed(auth)?;
        mac.update(&cp_hash);
        mac.update(&self.nonce_caller);
        mac.update(&self.nonce_tpm);
        mac.update(&[cmd::CONTINUE_SESSION]);
        let entry = Auth {
            handle: self.handle,
            nonce: self.nonce_caller.clone(),
            attrs: cmd::CONTINUE_SESSION,
            hmac: mac.finalize().into_bytes().to_vec(),
        };
        Ok(cmd::frame(code, handles, &[entry], params))
    }

    /// Checks a successful response's HMAC and rolls the nonce.
    pub fn accept(&mut self, code: u32, auth: &[u8], rsp: &cmd::Rsp) -> Result<()> {
        let (_, params, area) = rsp.split(false)?;
        let mut r = R(area);
        self.nonce_tpm = r.b2()?.to_vec();
        let attrs = r.u8()?;
        let got = r.b2()?;
        let rp = Sha256::digest(W::new().u32(0).u32(code).raw(params).0);
        let mut mac = keyed(auth)?;
        mac.update(&rp);
        mac.update(&self.nonce_tpm);
        mac.update(&self.nonce_caller);
        mac.update(&[attrs]);
        mac.verify_slice(got).map_err(|_| "response HMAC does not match".to_string())
    }
}

fn keyed(auth: &[u8]) -> Result<Hmac<Sha256>> {
    Hmac::new_from_slice(auth).map_err(|e| e.to_string())
}
