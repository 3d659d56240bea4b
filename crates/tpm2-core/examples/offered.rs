//! Prints what the TPM offers, a line each: the commands without `TPM2_`, the algorithms without `TPM_ALG_`.

use tpm2_core::command::COMMANDS;
use tpm2_core::profile::PC_CLIENT;
use tpm2_types::TpmAlgId;

fn main() {
    for command in COMMANDS {
        println!("command {}", command.name());
    }
    let offered = TpmAlgId::ALL.iter().filter(|algorithm| PC_CLIENT.supported.algorithm(**algorithm));
    for name in offered.filter_map(|algorithm| algorithm.name()) {
        println!("algorithm {name}");
    }
}
