//! The checks of `cargo xtask test` and `ci`.

use crate::steps::Steps;

/// Options of `cargo xtask test` and `ci`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only the steps of this name; may be given several times
    #[arg(long)]
    pub(crate) only: Vec<String>,
}
pub(crate) fn test(_steps: &mut Steps, _options: &Options) {}
pub(crate) fn supply_chain_and_tables(_steps: &mut Steps) {}
