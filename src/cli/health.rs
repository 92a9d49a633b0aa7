//! `empanel health`: asks a service on this machine whether it lives, for health checks of containers, whose image then
//! needs no other program.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::{Failure, load};
use crate::judge;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Configuration file; `empanel.toml` is used where it exists. It says where the service listens
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Ask whether it can work (/readyz), not only whether it answers (/healthz)
    #[arg(long)]
    ready: bool,
    /// Seconds to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    timeout: u64,
    /// Where it listens, if not where the configuration says
    #[arg(long, value_name = "ADDRESS")]
    address: Option<SocketAddr>,
}

/// Exit 0: yes; 1: it answers no; 2: it does not answer.
pub(super) async fn health(args: Args) -> Result<(), Failure> {
    let address = match args.address {
        Some(address) => address,
        None => here(load(args.config.as_ref())?.server.bind),
    };
    let path = if args.ready { "readyz" } else { "healthz" };
    let url = format!("http://{address}/{path}");
    let client = judge::client(false).map_err(Failure::mistake)?;
    let asked = client.get(&url).timeout(Duration::from_secs(args.timeout)).send().await;
    let unreachable = |error: &dyn std::fmt::Display| Failure::Mistake(format!("{url} does not answer: {error}"));
    let answer = asked.map_err(|error| unreachable(&error.without_url()))?;
    let status = answer.status();
    let said = answer.text().await.map_err(|error| unreachable(&error.without_url()))?;
    println!("{status} {said}");
    if status.is_success() { Ok(()) } else { Err(Failure::Below) }
}

/// Where somebody on this machine reaches what listens there.
fn here(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_everywhere_is_asked_on_this_machine() {
        for (bind, asked) in [("0.0.0.0:8787", "127.0.0.1:8787"), ("[::]:1", "[::1]:1"), ("10.1.2.3:80", "10.1.2.3:80")]
        {
            assert_eq!(here(bind.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
