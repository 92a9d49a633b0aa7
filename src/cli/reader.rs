//! `empanel reader`: a worker that reads files for a service, spoken to over its standard streams. The service starts it;
//! nobody else needs to.

use super::Failure;
use crate::reading;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Bytes of address space
    #[arg(long)]
    memory: u64,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    reading::serve_worker(args.memory).map_err(Failure::mistake)
}
