//! What runs inside a TEE, for machines without an operating system.
//!
//! Debian's own Rust brings the sources of its library, from which `core` alone is built for each target: what needs
//! `std` or `alloc` cannot be found then, and the build fails.

use crate::steps::Outcome;
use crate::workspace::{root, run, target};
use anyhow::Result;
use std::process::Command;

const TARGETS: [&str; 2] = ["thumbv8m.main-none-eabi", "aarch64-unknown-none"];

/// The roots: with them comes all that they depend on, `tee-api`, `posture` and `tpm2-crypto` among it.
const PACKAGES: [&str; 4] = ["tpm2-core", "posture", "tee-conformance", "ftpm-service"];

/// Builds the packages for each target.
pub(super) fn build() -> Result<Outcome> {
    let mut command = Command::new("/usr/bin/cargo");
    command.current_dir(root());
    // Debian's cargo and compiler, whatever rustup put into the environment.
    for variable in ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTC_WRAPPER", "RUSTFLAGS"] {
        command.env_remove(variable);
    }
    command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
    command.env("CARGO_TARGET_DIR", target().join("bare-arm"));
    command.args(["build", "--quiet", "--release", "-Zbuild-std=core"]);
    for name in PACKAGES {
        command.args(["--package", name]);
    }
    for name in TARGETS {
        println!("   {name}");
        command.args(["--target", name]);
    }
    run(&mut command)?;
    Ok(Outcome::Counted { passed: TARGETS.len() as u64, failed: 0 })
}
