//! The client of a connection.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// What is known about a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The remote address of the socket.
    pub peer: SocketAddr,
    /// The subject of the client's TLS certificate; `None` if it showed none. It may contain any
    /// character, so it must be escaped.
    pub identity: Option<Box<str>>,
    /// The number of the connection, from 1. 0 if it has none.
    pub connection: u64,
}

impl Client {
    /// A client with this address and without a certificate.
    pub fn at(peer: SocketAddr) -> Client {
        Client {
            peer,
            identity: None,
            connection: 0,
        }
    }

    /// The unit for fair sharing between clients: the IPv4 address, or the /64 of an IPv6 address. One
    /// machine can use every address of a /64.
    pub fn network(&self) -> IpAddr {
        const PREFIX: u128 = u128::MAX << 64;
        match self.peer.ip().to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & PREFIX).into(),
        }
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
}
