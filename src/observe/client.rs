//! The client of a connection.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// What is known about a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The remote address of the socket: the client's, or that of a proxy. With the PROXY protocol, the one that the
    /// header names.
    pub peer: SocketAddr,
    /// What trusted proxies have said of the client. In a box, because most connections have none.
    pub proxied: Option<Box<ProxyClaims>>,
    /// The number of the connection, from 1. 0 if it has none.
    pub connection: u64,
}

/// What trusted proxies have said of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProxyClaims {
    /// The remote address of the socket, if the header of the PROXY protocol has named another one.
    pub sender: Option<IpAddr>,
    /// The address of the client of the current request, if the request names it. The port is 0 if the proxy has not
    /// named it.
    pub forwarded: Option<SocketAddr>,
}

impl Client {
    /// A client with this address and whose connection has no number.
    pub fn at(peer: SocketAddr) -> Client {
        Client {
            peer,
            proxied: None,
            connection: 0,
        }
    }

    /// The address of the client, as far as it is known. A proxy that is not trusted counts as the client.
    pub fn address(&self) -> SocketAddr {
        self.forwarded().unwrap_or(self.peer)
    }

    /// The trusted proxy that has named the client, if one has. `is_named`: the request names its client.
    pub fn proxy(&self, is_named: bool) -> Option<IpAddr> {
        let sender = self.proxied.as_deref().and_then(|proxied| proxied.sender);
        sender.or(is_named.then(|| self.peer.ip()))
    }

    /// The address of the client of the current request, if a trusted proxy has named it there.
    pub fn forwarded(&self) -> Option<SocketAddr> {
        self.proxied.as_deref()?.forwarded
    }

    /// Notes which client a trusted proxy has named for the current request, if one has.
    pub fn note_forwarded(&mut self, client: Option<SocketAddr>) {
        if self.forwarded() != client {
            let sender = self.proxied.as_ref().and_then(|proxied| proxied.sender);
            self.note(ProxyClaims {
                sender,
                forwarded: client,
            });
        }
    }

    /// Notes that the header of the PROXY protocol names this address.
    pub fn note_source(&mut self, source: SocketAddr) {
        let sender = std::mem::replace(&mut self.peer, source);
        self.note(ProxyClaims {
            sender: Some(sender.ip()),
            forwarded: None,
        });
    }

    fn note(&mut self, proxied: ProxyClaims) {
        let says_something = proxied != ProxyClaims::default();
        self.proxied = says_something.then(|| Box::new(proxied));
    }

    /// The unit for fair sharing between clients: the IPv4 address, or the /64 of an IPv6 address. One
    /// machine can use every address of a /64.
    pub fn network(&self) -> IpAddr {
        network_of(self.address())
    }

    /// The same of [`Client::peer`]. It does not change with the requests.
    pub fn network_of_peer(&self) -> IpAddr {
        network_of(self.peer)
    }
}

fn network_of(address: SocketAddr) -> IpAddr {
    const PREFIX: u128 = u128::MAX << 64;
    match address.ip().to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & PREFIX).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, network: &str) {
        let client = Client::at(SocketAddr::new(address.parse().expect("an address"), 1));
        assert_eq!(client.network().to_string(), network);
    }

    #[test]
    fn clients_of_one_ipv6_network_are_one() {
        check("192.0.2.1", "192.0.2.1");
        check("::ffff:192.0.2.1", "192.0.2.1");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
        check("::1", "::");
    }

    #[test]
    fn a_client_behind_a_proxy_is_not_the_proxy() {
        let mut client = Client::at(([10, 0, 0, 1], 1).into());
        assert_eq!(client.proxy(false), None);
        client.note_forwarded(Some(([192, 0, 2, 1], 0).into()));
        assert_eq!(client.address().to_string(), "192.0.2.1:0");
        assert_eq!(client.network().to_string(), "192.0.2.1");
        assert_eq!(client.proxy(true), Some([10, 0, 0, 1].into()));
        // A request before this one may not have named a client.
        assert_eq!(client.proxy(false), None);
        client.note_forwarded(None);
        assert_eq!(client.proxied, None);
        // The proxy at 10.0.0.1 says that another one has connected to it, and that one names the client.
        client.note_source(([10, 0, 0, 9], 1).into());
        for forwarded in [None, Some(([192, 0, 2, 1], 0).into()), None] {
            client.note_forwarded(forwarded);
            let address = forwarded.unwrap_or(([10, 0, 0, 9], 1).into());
            assert_eq!(client.address(), address);
            let is_named = forwarded.is_some();
            assert_eq!(client.proxy(is_named), Some([10, 0, 0, 1].into()));
        }
    }
}
