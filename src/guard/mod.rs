//! Which addresses a request may go to that somebody else has named.
//!
//! Whoever may have the service send requests could use it to reach what only the service can reach: its own machine,
//! the network it stands in, the metadata of its cloud. So an address is looked at before a connection is made: the
//! one that is connected to, not the name that was written, because a name may lead elsewhere the next time.
//!
//! When to use: [`Resolver`] in a client, which looks at every resolved address by [`Guard::check`];
//! [`Guard::check_host`] on the host of a URL before a request, because clients do not resolve what is an address already.
//!
//! Limits: it knows addresses, not paths, and not what a public address forwards to. A service that stands behind a
//! proxy must not use it for these requests: the proxy would do the connecting.
//!
//! Sources: the IANA registries of special-purpose addresses (RFC 6890 and what followed), RFC 6052 and RFC 8215
//! (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo); the metadata addresses as the clouds document them.

mod resolve;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

pub use resolve::{Elsewhere, Resolver};

/// What kind of address it is, where it is not simply a public one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Special {
    Loopback,
    Private,
    LinkLocal,
    /// Shared by a provider's customers (100.64.0.0/10).
    CarrierNat,
    /// Where a cloud tells its machines their secrets.
    Metadata,
    Unspecified,
    Multicast,
    /// For examples and measurements.
    Documentation,
    Reserved,
}

impl Special {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::CarrierNat => "an address behind a carrier's NAT",
            Self::Metadata => "a cloud's metadata address",
            Self::Unspecified => "the unspecified address",
            Self::Multicast => "a multicast address",
            Self::Documentation => "an address for documentation",
            Self::Reserved => "a reserved address",
        }
    }

    /// Whether `allow_private` covers it: networks that somebody may run a receiver in.
    #[must_use]
    pub fn is_private(self) -> bool {
        matches!(self, Self::Loopback | Self::Private | Self::LinkLocal | Self::CarrierNat)
    }
}

/// Why no request may go there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {}", special.as_str())]
pub struct Forbidden {
    pub address: IpAddr,
    pub special: Special,
}

/// A network in CIDR notation: `10.1.0.0/16`, `fd00::/8`; an address alone is the network of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network; write `10.1.0.0/16`, `fd12::/48` or an address")]
pub struct InvalidNetwork(String);

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let invalid = || InvalidNetwork(text.chars().take(80).collect());
        let (address, bits) = match text.trim().split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text.trim(), None),
        };
        let base: IpAddr = address.parse().map_err(|_| invalid())?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) if bits.len() <= 3 && bits.bytes().all(|b| b.is_ascii_digit()) => {
                bits.parse().map_err(|_| invalid())?
            }
            Some(_) => return Err(invalid()),
            None => most,
        };
        if bits > most {
            return Err(invalid());
        }
        Ok(Self { base, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

impl Network {
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                base.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                base.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// Which of the special addresses are allowed all the same. The default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    /// Loopback, private, link-local and carriers' addresses. Metadata and what is no receiver's address is not
    /// among them.
    pub allow_private: bool,
    /// Networks that are allowed whatever they are.
    pub allow: Vec<Network>,
}

impl Guard {
    /// # Errors
    /// If no connection may be made to this address.
    pub fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        let real = real(address);
        let Some(special) = special(real) else { return Ok(()) };
        let listed = self.allow.iter().any(|network| network.contains(address) || network.contains(real));
        if listed || (self.allow_private && special.is_private()) {
            return Ok(());
        }
        Err(Forbidden { address, special })
    }

    /// The same for a host as a URL parser wrote it (decimal, octal and hex forms of IPv4 are dotted decimals then):
    /// its address, if it is one. A name is `None`: what it leads to is checked when it is resolved.
    ///
    /// # Errors
    /// If it is an address that no connection may be made to.
    pub fn check_host(&self, host: &str) -> Result<Option<IpAddr>, Forbidden> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let Ok(address) = bare.parse::<IpAddr>() else { return Ok(None) };
        self.check(address).map(|()| Some(address))
    }

    /// The same for the host of a URL. What is no URL leads nowhere.
    ///
    /// # Errors
    /// If its host is an address that no connection may be made to.
    pub fn check_url(&self, url: &str) -> Result<Option<IpAddr>, Forbidden> {
        let url = reqwest::Url::parse(url).ok();
        url.as_ref().and_then(|url| url.host_str()).map_or(Ok(None), |host| self.check_host(host))
    }

    /// Whether it is a special address that this guard allows: inside the operator's own network.
    #[must_use]
    pub fn is_own(&self, address: IpAddr) -> bool {
        special(real(address)).is_some() && self.check(address).is_ok()
    }

    /// Whether anything special is allowed at all.
    #[must_use]
    pub fn allows_anything_special(&self) -> bool {
        self.allow_private || !self.allow.is_empty()
    }
}

/// The address that is reached in the end: the IPv4 one inside an IPv6 one that only carries it.
fn real(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match (a, b, c, d, e, f) {
        // Mapped (::ffff:a.b.c.d) and translated (::ffff:0:a.b.c.d); compatible (::a.b.c.d), of which :: and ::1 are
        // addresses of their own.
        (0, 0, 0, 0, 0, 0xffff) | (0, 0, 0, 0, 0xffff, 0) => v4(g, h),
        (0, 0, 0, 0, 0, 0) if g != 0 || h > 1 => v4(g, h),
        // NAT64: the well-known prefix.
        (0x64, 0xff9b, 0, 0, 0, 0) => v4(g, h),
        // 6to4.
        (0x2002, ..) => v4(b, c),
        _ => address,
    }
}

fn special(address: IpAddr) -> Option<Special> {
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<Special> {
    let [a, b, c, d] = address.octets();
    Some(match (a, b, c, d) {
        // AWS, Azure, Google, DigitalOcean; AWS's tasks; Alibaba; Azure's wire server, which is a public address;
        // Oracle.
        (169, 254, 169, 254)
        | (169, 254, 170, 2 | 23)
        | (100, 100, 100, 200)
        | (168, 63, 129, 16)
        | (192, 0, 0, 192) => Special::Metadata,
        (0, 0, 0, 0) => Special::Unspecified,
        (0, ..) => Special::Reserved,
        (127, ..) => Special::Loopback,
        (10, ..) | (172, 16..=31, ..) | (192, 168, ..) => Special::Private,
        (169, 254, ..) => Special::LinkLocal,
        (100, 64..=127, ..) => Special::CarrierNat,
        (192, 0, 2, _) | (198, 51, 100, _) | (203, 0, 113, _) | (198, 18..=19, ..) => Special::Documentation,
        (192, 0, 0, _) | (192, 88, 99, _) | (240.., ..) => Special::Reserved,
        (224..=239, ..) => Special::Multicast,
        _ => return None,
    })
}

fn special_v6(address: Ipv6Addr) -> Option<Special> {
    let [a, b, c, ..] = address.segments();
    // AWS, and Google's.
    let metadata =
        [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];
    Some(match (a, b, c) {
        _ if metadata.contains(&address) => Special::Metadata,
        _ if address == Ipv6Addr::UNSPECIFIED => Special::Unspecified,
        _ if address == Ipv6Addr::LOCALHOST => Special::Loopback,
        (0xfc00..=0xfdff, ..) | (0xfec0..=0xfeff, ..) => Special::Private,
        (0xfe80..=0xfebf, ..) => Special::LinkLocal,
        (0xff00..=0xffff, ..) => Special::Multicast,
        (0x2001, 0xdb8, _) | (0x3fff, 0..=0xfff, _) | (0x2001, 2, 0) => Special::Documentation,
        // A NAT64 of one's own leads into one's own network; Teredo hides an address; discard; ORCHID.
        (0x64, 0xff9b, 1) | (0x2001, 0, _) | (0x100, 0, 0) | (0x2001, 0x10..=0x3f, _) => Special::Reserved,
        // Everything that is given out to anybody begins with 001.
        (0x2000..=0x3fff, ..) => return None,
        _ => Special::Reserved,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Special::*;

    fn closed() -> Guard {
        Guard::default()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn every_address_that_is_not_simply_public_is_refused_and_told_what_it_is() {
        for (address, kind) in [
            ("127.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("::1", Loopback),
            ("10.0.0.1", Private),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("192.168.1.1", Private),
            ("fc00::1", Private),
            ("fd12:3456::1", Private),
            ("fec0::1", Private),
            ("169.254.0.1", LinkLocal),
            ("fe80::1", LinkLocal),
            ("febf::1", LinkLocal),
            ("100.64.0.1", CarrierNat),
            ("100.127.255.255", CarrierNat),
            ("169.254.169.254", Metadata),
            ("169.254.170.2", Metadata),
            ("100.100.100.200", Metadata),
            ("168.63.129.16", Metadata),
            ("192.0.0.192", Metadata),
            ("fd00:ec2::254", Metadata),
            ("0.0.0.0", Unspecified),
            ("::", Unspecified),
            ("0.1.2.3", Reserved),
            ("224.0.0.1", Multicast),
            ("239.255.255.255", Multicast),
            ("ff02::1", Multicast),
            ("192.0.2.1", Documentation),
            ("198.51.100.1", Documentation),
            ("203.0.113.1", Documentation),
            ("198.18.0.1", Documentation),
            ("2001:db8::1", Documentation),
            ("3fff::1", Documentation),
            ("240.0.0.1", Reserved),
            ("255.255.255.255", Reserved),
            ("192.0.0.1", Reserved),
            ("192.88.99.1", Reserved),
            ("64:ff9b:1::1", Reserved),
            ("2001::1", Reserved),
            ("100::1", Reserved),
            ("4000::1", Reserved),
        ] {
            let refused = closed().check(ip(address)).expect_err(address);
            assert_eq!(refused.special, kind, "{address}");
            assert!(refused.to_string().contains(kind.as_str()));
        }
    }

    #[test]
    fn an_ipv4_address_inside_an_ipv6_one_is_that_ipv4_address() {
        for inside in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.0.1"] {
            let bits = inside.parse::<Ipv4Addr>().unwrap().to_bits();
            let (high, low) = (bits >> 16, bits & 0xffff);
            for carrier in [
                format!("::ffff:{inside}"),
                format!("::ffff:0:{inside}"),
                format!("::{inside}"),
                format!("64:ff9b::{inside}"),
                format!("2002:{high:x}:{low:x}::1"),
            ] {
                let refused = closed().check(ip(&carrier)).expect_err(&carrier);
                assert_eq!(refused.special, closed().check(ip(inside)).unwrap_err().special, "{carrier}");
            }
        }
        closed().check(ip("::ffff:93.184.216.34")).unwrap();
        closed().check(ip("64:ff9b::93.184.216.34")).unwrap();
    }

    #[test]
    fn public_addresses_are_allowed_up_to_the_edge_of_what_is_not() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "169.253.255.255",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00::1",
        ] {
            closed().check(ip(address)).unwrap_or_else(|e| panic!("{e}"));
        }
    }

    #[test]
    fn private_networks_can_be_allowed_and_metadata_only_by_name() {
        let own = Guard { allow_private: true, allow: vec![] };
        for address in ["127.0.0.1", "10.1.2.3", "::1", "fd12::1", "100.64.0.1", "fe80::1", "::ffff:10.0.0.1"] {
            own.check(ip(address)).unwrap();
            assert!(own.is_own(ip(address)) && !closed().is_own(ip(address)));
        }
        for address in ["169.254.169.254", "fd00:ec2::254", "0.0.0.0", "224.0.0.1", "192.0.2.1", "255.255.255.255"] {
            own.check(ip(address)).unwrap_err();
        }
        assert!(!own.is_own(ip("1.1.1.1")));
        let named = Guard { allow_private: false, allow: vec!["10.1.0.0/16".parse().unwrap()] };
        named.check(ip("10.1.255.255")).unwrap();
        named.check(ip("::ffff:10.1.0.1")).unwrap();
        named.check(ip("10.2.0.0")).unwrap_err();
        let metadata = Guard { allow_private: false, allow: vec!["169.254.169.254".parse().unwrap()] };
        metadata.check(ip("169.254.169.254")).unwrap();
    }

    #[test]
    fn a_network_is_read_strictly_and_holds_what_it_says() {
        let of = |text: &str| text.parse::<Network>();
        for bad in
            ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/+8", "::/129", "x/8", "::/0008"]
        {
            assert!(of(bad).is_err(), "{bad}");
        }
        assert!(of("0.0.0.0/0").unwrap().contains(ip("255.0.0.1")));
        assert!(!of("0.0.0.0/0").unwrap().contains(ip("::1")));
        assert!(of("::/0").unwrap().contains(ip("ff::1")));
        assert!(of("10.1.2.3").unwrap().contains(ip("10.1.2.3")) && !of("10.1.2.3").unwrap().contains(ip("10.1.2.2")));
        assert!(
            of("fd12::/16").unwrap().contains(ip("fd12:ffff::")) && !of("fd12::/16").unwrap().contains(ip("fd13::"))
        );
        assert_eq!(of("10.1.2.3/16").unwrap().to_string(), "10.1.2.3/16");
    }

    #[test]
    fn other_spellings_of_an_address_are_the_address_once_the_url_is_parsed() {
        for host in [
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "①②⑦.0.0.1",
            "[::ffff:7f00:1]",
            "[0:0:0:0:0:0:0:1]",
        ] {
            let url = reqwest::Url::parse(&format!("http://{host}/")).unwrap_or_else(|e| panic!("{host}: {e}"));
            let refused = closed().check_host(url.host_str().unwrap()).expect_err(host);
            assert_eq!(refused.special, Loopback, "{host}");
        }
        assert_eq!(closed().check_host("localhost"), Ok(None), "a name is looked at when it is resolved");
        assert_eq!(closed().check_host("1.1.1.1"), Ok(Some(ip("1.1.1.1"))));
    }

    #[test]
    fn a_url_is_read_as_a_client_reads_it_whatever_form_its_address_has() {
        for url in [
            "http://169.254.169.254/v1",
            "http://0xA9FEA9FE/v1",
            "http://2852039166/v1",
            "http://0251.0376.0251.0376/v1",
            "http://[::ffff:169.254.169.254]/v1",
            "http://user@169.254.169.254:80/",
        ] {
            let told = Guard { allow_private: true, allow: vec![] }.check_url(url).unwrap_err().to_string();
            assert!(told.contains("metadata"), "{url}: {told}");
        }
        assert!(closed().check_url("http://127.1/").is_err());
        assert_eq!(closed().check_url("https://example.com/169.254.169.254").unwrap(), None);
        assert_eq!(closed().check_url("no url").unwrap(), None);
    }
}
