//! The fTPM on a new board, complete: the board's platform, the conformance suite over it, the service on top.
//!
//! `platform.rs` and `flash_store.rs` are the port; `board.rs` stands for hardware, `bench.rs` for whoever tests it.
//! `docs/unified-api.md` goes through it step by step.
//!
//!     cargo run -p ftpm-service --example minimal_port

mod bench;
mod board;
mod flash_store;
mod platform;

use std::error::Error;

use ftpm_service::{Buffer, Ftpm, MAX_MESSAGE_SIZE};
use platform_memory::SharedMemory;
use tee_api::{Client, Direction, Parameter, TrustedService};
use tee_conformance::{Verdict, run};
use tpm2_core::{Memory, Tpm};
use tpm2_crypto::engine::SOFTWARE;

use crate::bench::PortBench;
use crate::board::{Board, Hardware};
use crate::platform::Port;

fn main() -> Result<(), Box<dyn Error>> {
    let summary = run(&mut PortBench::new(), &mut |outcome| {
        if outcome.verdict != Verdict::Passed {
            println!("{outcome}");
        }
    });
    println!(
        "{} passed, {} failed, {} skipped, {} not claimed",
        summary.passed, summary.failed, summary.skipped, summary.not_claimed
    );
    if !summary.is_conformant() {
        return Err("this platform does not keep what it claims".into());
    }

    let board = Hardware::new();
    let first = serve(&board)?;
    // The board's reset: the same TPM, made once.
    let again = serve(&board)?;
    println!("PCR 4 after an extend, before and after the board's reset: {}", hexadecimal(&first));
    if first == again { Ok(()) } else { Err("the PCR did not begin at zero again".into()) }
}

/// The composition root: board, platform, TPM, service. Extends PCR 4 as a driver does and gives its value.
fn serve(board: &Board) -> Result<[u8; 32], Box<dyn Error>> {
    // On a real board all three are statics.
    let mut memory = Box::new(Memory::<{ 32 * 1024 }, { 16 * 1024 }>::new());
    let mut buffer = Box::new(Buffer::new());
    let mut tpm = Tpm::new(memory.slices(), Port::start(board), &SOFTWARE);
    if tpm.start() == tpm2_core::Start::Empty {
        tpm.manufacture()?;
    }
    let mut ftpm = Ftpm::new(tpm, &mut buffer);

    let session = ftpm.open_session(Client::NormalWorld, &mut [const { Parameter::None }; 4])?;
    let mut send = |command: &[u8]| -> Result<Vec<u8>, Box<dyn Error>> {
        let mut request = SharedMemory::new(command);
        let mut response = SharedMemory::new([0; MAX_MESSAGE_SIZE]);
        let mut parameters = [
            Parameter::Memory { direction: Direction::In, buffer: &mut request, written: 0 },
            Parameter::Memory { direction: Direction::InOut, buffer: &mut response, written: 0 },
            Parameter::None,
            Parameter::None,
        ];
        ftpm.invoke(session, Ftpm::<Port>::SUBMIT_COMMAND, &mut parameters)?;
        let answer = response.bytes();
        if answer[6..10] == [0; 4] { Ok(answer) } else { Err("a command was refused".into()) }
    };
    send(b"\x80\x01\0\0\0\x0c\0\0\x01\x44\0\0")?; // TPM2_Startup(CLEAR)
    let mut extend =
        *b"\x80\x02\0\0\0\x41\0\0\x01\x82\0\0\0\x04\0\0\0\x09\x40\0\0\x09\0\0\0\0\0\0\0\0\x01\0\x0b\
        ................................";
    extend[33..].fill(0xAB);
    send(&extend)?; // TPM2_PCR_Extend(4, SHA-256)
    let value = send(b"\x80\x01\0\0\0\x14\0\0\x01\x7e\0\0\0\x01\0\x0b\x03\x10\0\0")?; // TPM2_PCR_Read(4, SHA-256)
    Ok(value[30..62].try_into()?)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_port_conforms_and_serves() {
        super::main().unwrap();
    }
}
