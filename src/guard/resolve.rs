//! Names, resolved as the system does, without the addresses that may not be called: the one that is connected to is the
//! one that was looked at, wherever the name leads the next time.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Guard;

/// A name leads to nothing that may be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not sent: {name} leads elsewhere: {why}")]
pub struct Elsewhere {
    name: String,
    why: String,
}

/// For a client: what its names may lead to.
#[derive(Debug, Clone)]
pub struct Resolver {
    pub guard: Guard,
    /// Only what is special and allowed: one's own network.
    pub own_only: bool,
    /// Names of this machine itself (`localhost`) lead where the system says.
    pub this_machine: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        let name = name.as_str().to_owned();
        Box::pin(async move {
            let asked = name.clone();
            let found = tokio::task::spawn_blocking(move || (asked.as_str(), 0).to_socket_addrs()).await??;
            let allowed = resolver.allowed(&name, found.map(|address| address.ip()))?;
            Ok(Box::new(allowed.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        })
    }
}

impl Resolver {
    /// Of the addresses of a name those that may be called.
    ///
    /// # Errors
    /// If there are some, and none of them.
    pub fn allowed(&self, name: &str, found: impl Iterator<Item = IpAddr>) -> Result<Vec<IpAddr>, Elsewhere> {
        let Self { guard, own_only, this_machine } = self;
        let bare = name.trim_end_matches('.').to_ascii_lowercase();
        let is_this_machine = *this_machine && (bare == "localhost" || bare.ends_with(".localhost"));
        let (mut allowed, mut refused) = (Vec::new(), None);
        for address in found {
            match guard.check(address) {
                // A name that says it is this machine, and leads to another, is none of this machine.
                Err(_) if is_this_machine && address.to_canonical().is_loopback() => allowed.push(address),
                Ok(()) if *own_only && !guard.is_own(address) => {
                    refused = Some(format!("{address} is not in an allowed network, and http:// is not for others"));
                }
                Ok(()) => allowed.push(address),
                Err(forbidden) => refused = Some(forbidden.to_string()),
            }
        }
        match refused {
            Some(why) if allowed.is_empty() => Err(Elsewhere { name: name.to_owned(), why }),
            _ => Ok(allowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn of(guard: &Guard, own_only: bool, name: &str, found: &[&str]) -> Result<Vec<IpAddr>, Elsewhere> {
        let this_machine = name.to_lowercase().contains("localhost");
        Resolver { guard: guard.clone(), own_only, this_machine }.allowed(name, ips(found).into_iter())
    }

    #[test]
    fn of_the_addresses_of_a_name_only_those_are_called_that_may_be() {
        let closed = Guard::default();
        assert_eq!(of(&closed, false, "h", &["10.0.0.1", "1.1.1.1", "::1"]).unwrap(), ips(&["1.1.1.1"]));
        let error = of(&closed, false, "h", &["10.0.0.1"]).unwrap_err().to_string();
        assert!(error.contains("10.0.0.1 is a private address"), "{error}");
        let own = Guard { allow_private: true, allow: vec![] };
        assert_eq!(of(&own, true, "h", &["10.0.0.1", "1.1.1.1"]).unwrap(), ips(&["10.0.0.1"]));
        assert!(of(&own, true, "h", &["1.1.1.1"]).unwrap_err().to_string().contains("http://"));
    }

    #[test]
    fn this_machines_own_name_leads_to_this_machine_and_nowhere_else() {
        let closed = Guard::default();
        assert_eq!(of(&closed, false, "localhost", &["127.0.0.1", "::1"]).unwrap().len(), 2);
        assert_eq!(of(&closed, false, "a.LOCALHOST.", &["127.0.0.1"]).unwrap().len(), 1);
        assert!(of(&closed, false, "localhost", &["10.0.0.1"]).is_err());
        assert!(of(&closed, false, "localhost.evil.example", &["127.0.0.1"]).is_err());
        let resolver = Resolver { guard: closed, own_only: false, this_machine: false };
        assert!(resolver.allowed("localhost", ips(&["127.0.0.1"]).into_iter()).is_err());
    }
}
