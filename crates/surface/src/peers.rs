//! Which machines may talk to a listener that leaves TLS to a proxy.
//!
//! Invariant: who is neither this machine nor in the list is not answered at all.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// Addresses and networks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// From texts such as `10.0.0.7` and `fd00::/8`.
    ///
    /// # Errors
    /// The text that is neither.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Networks, &'t str> {
        let parse = |text: &'t str| {
            let network = text.trim().parse::<IpNet>().ok();
            network.or_else(|| text.trim().parse::<IpAddr>().ok().map(IpNet::from)).ok_or(text)
        };
        texts.into_iter().map(parse).collect::<Result<_, _>>().map(Networks)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a connection comes from this machine or from one in the list.
    pub fn admit(&self, peer: SocketAddr, own: Option<SocketAddr>) -> bool {
        let address = peer.ip().to_canonical();
        is_here(peer, own) || self.0.iter().any(|network| network.contains(&address))
    }
}

/// Whether a connection comes from this machine.
pub fn is_here(peer: SocketAddr, own: Option<SocketAddr>) -> bool {
    let address = peer.ip().to_canonical();
    address.is_loopback() || own.is_some_and(|own| own.ip().to_canonical() == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_in_the_list_and_this_machine_are_let_in() {
        let networks = Networks::parse(["10.1.0.0/16", " 192.0.2.7", "fd00::/8"]).unwrap();
        let own = "192.0.2.1:8080".parse().ok();
        for (peer, expect) in [
            ("10.1.2.3:5", true),
            ("10.2.0.1:5", false),
            ("[::ffff:10.1.2.3]:5", true),
            ("192.0.2.7:5", true),
            ("192.0.2.8:5", false),
            ("192.0.2.1:5", true),
            ("127.0.0.1:5", true),
            ("[::1]:5", true),
            ("[fd12::1]:5", true),
            ("[2001:db8::1]:5", false),
        ] {
            assert_eq!(networks.admit(peer.parse().unwrap(), own), expect, "{peer}");
        }
        assert_eq!(Networks::parse(["10.0.0.0/8", "proxy.example"]), Err("proxy.example"));
        assert!(!Networks::default().admit("10.1.2.3:5".parse().unwrap(), None));
    }
}
