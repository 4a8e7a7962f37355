use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// What is known of the other end of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The network it comes from.
    pub network: Network,
    /// What it says it is.
    pub device: Option<Device>,
}

impl Client {
    /// A client by its address, as the first proxy that we trust reports it, and its `User-Agent`.
    pub fn new(address: IpAddr, user_agent: Option<&str>) -> Self {
        Self { network: Network::of(address), device: user_agent.and_then(Device::new) }
    }
}

/// Whoever shares it is throttled together: one IPv4 address, or the /64 that one IPv6 customer
/// gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The network of an address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.into()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

/// What a client says it is, from its `User-Agent`: printable, at most 200 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device(String);

impl Device {
    const MAX: usize = 200;

    /// Keeps what can be shown; `None` if nothing is left.
    pub fn new(user_agent: &str) -> Option<Self> {
        let shown: String =
            user_agent.trim().chars().filter(|c| !c.is_control()).take(Self::MAX).collect();
        if shown.is_empty() { None } else { Some(Self(shown)) }
    }

    /// The device of a record that was checked when it was written.
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The bare text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_customer_has_one_network() {
        let table = [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ];
        for (address, network) in table {
            assert_eq!(Network::of(address.parse().unwrap()).to_string(), network, "{address}");
        }
    }

    #[test]
    fn a_device_is_printable_and_short() {
        assert_eq!(Device::new(" \0 "), None);
        assert_eq!(Device::new("Fire\0fox\u{1b}[31m").unwrap().as_str(), "Firefox[31m");
        assert_eq!(Device::new(&"a".repeat(999)).unwrap().as_str().len(), 200);
    }
}
