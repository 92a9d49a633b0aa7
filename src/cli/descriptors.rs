//! How many files and connections this process may have open. Shells give 1,024, which is fewer than a busy service has
//! connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For the store, files that are read, judges, reading processes.
const BESIDE: u64 = 4_096;

/// Raises the limit as far as it is needed and the machine lets it.
pub(super) fn raise(connections: usize) {
    let wanted = connections as u64 + BESIDE;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // None is no limit.
    let Some(now) = current.filter(|now| *now < wanted) else { return };
    let most = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum }) {
        Ok(()) if most >= wanted => {}
        Ok(()) => tracing::warn!(
            files = most,
            wanted,
            "fewer files may be open than [server] max_connections needs; raise the limit of the service (ulimit -n)"
        ),
        Err(error) => tracing::warn!(files = now, wanted, %error, "the limit of open files could not be raised"),
    }
}
