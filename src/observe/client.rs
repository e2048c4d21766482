//! The client of a connection.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// What is known about a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The remote address of the socket: the client's, or that of a proxy.
    pub peer: SocketAddr,
    /// The address of the client of the current request, if a trusted proxy has named it. The port is 0 if the
    /// proxy has not named it.
    pub forwarded: Option<Box<SocketAddr>>,
    /// The number of the connection, from 1. 0 if it has none.
    pub connection: u64,
}

impl Client {
    /// A client with this address and whose connection has no number.
    pub fn at(peer: SocketAddr) -> Client {
        Client {
            peer,
            forwarded: None,
            connection: 0,
        }
    }

    /// The address of the client, as far as it is known. A proxy that is not trusted counts as the client.
    pub fn address(&self) -> SocketAddr {
        self.forwarded.as_deref().copied().unwrap_or(self.peer)
    }

    /// Notes which client a trusted proxy has named for the current request, if one has.
    pub fn note_forwarded(&mut self, client: Option<SocketAddr>) {
        if self.forwarded.as_deref() != client.as_ref() {
            self.forwarded = client.map(Box::new);
        }
    }

    /// The unit for fair sharing between clients: the IPv4 address, or the /64 of an IPv6 address. One
    /// machine can use every address of a /64.
    pub fn network(&self) -> IpAddr {
        network_of(self.address())
    }

    /// The same of the remote address of the socket. It does not change with the requests.
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
        client.forwarded = Some(Box::new(([192, 0, 2, 1], 0).into()));
        assert_eq!(client.address().to_string(), "192.0.2.1:0");
        assert_eq!(client.network().to_string(), "192.0.2.1");
    }
}
