//! A board that does not exist: what a port finds in registers and memories. A real port has drivers in its place.

use std::cell::RefCell;
use std::rc::Rc;

use tpm2_crypto::{HashAlgorithm, Hmac};

/// Bytes of one of the two flash areas.
pub const AREA_SIZE: usize = 64 * 1024;
/// Bytes that are written at once.
pub const PAGE_SIZE: usize = 256;

/// The board, as everybody who has wires to it sees it.
pub type Board = Rc<RefCell<Hardware>>;

/// Flash was not written: the power is gone.
pub struct PowerGone;

#[derive(Clone)]
pub struct Hardware {
    random: u64,
    pub random_runs_dry: bool,
    pub random_is_stuck: bool,
    pub flash: [Vec<u8>; 2],
    /// After so many writes the power goes away.
    pub writes_left: Option<u32>,
    counter: u64,
    pub microseconds: u64,
    pub marker_fuse: bool,
    fused_key: [u8; 32],
    /// The reset controller's: the service's core alone was reset.
    pub core_reset_alone: bool,
    /// The console's last line, and with it the light that stays on until the board's reset.
    pub failure: Option<String>,
    pub cancel_line: bool,
}

impl Hardware {
    pub fn new() -> Board {
        Rc::new(RefCell::new(Self {
            random: 0x9E37_79B9_7F4A_7C15,
            random_runs_dry: false,
            random_is_stuck: false,
            flash: [vec![0xFF; AREA_SIZE], vec![0xFF; AREA_SIZE]],
            writes_left: None,
            counter: 0,
            microseconds: 1_000_000,
            marker_fuse: false,
            fused_key: [0x5C; 32],
            core_reset_alone: false,
            failure: None,
            cancel_line: false,
        }))
    }

    /// 32 bits of the noise source; `None` while it gathers more.
    pub fn random_word(&mut self) -> Option<u32> {
        if self.random_runs_dry {
            return None;
        }
        if !self.random_is_stuck {
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        }
        Some((self.random >> 32) as u32)
    }

    /// Everything in the area is 0xFF afterwards.
    pub fn erase(&mut self, area: usize) -> Result<(), PowerGone> {
        self.write_begins()?;
        self.flash[area].fill(0xFF);
        Ok(())
    }

    /// Writes page by page.
    pub fn write(&mut self, area: usize, offset: usize, bytes: &[u8]) -> Result<(), PowerGone> {
        for (page, content) in bytes.chunks(PAGE_SIZE).enumerate() {
            self.write_begins()?;
            let at = offset + page * PAGE_SIZE;
            self.flash[area][at..at + content.len()].copy_from_slice(content);
        }
        Ok(())
    }

    fn write_begins(&mut self) -> Result<(), PowerGone> {
        match &mut self.writes_left {
            Some(0) => Err(PowerGone),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The secure element's counter. It has no way down.
    pub const fn counter(&self) -> u64 {
        self.counter
    }

    pub const fn count(&mut self) {
        self.counter += 1;
    }

    /// The key ladder: 32 bytes from the fused key, which itself has no way out.
    pub fn ladder(&self, block: u8, label: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::new(HashAlgorithm::Sha256, &self.fused_key);
        mac.update(&[block]);
        mac.update(label);
        let mut out = [0; 32];
        out.copy_from_slice(&mac.finish());
        out
    }
}
