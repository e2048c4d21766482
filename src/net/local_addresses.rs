//! Where others can reach this machine.
//!
//! A socket bound to `0.0.0.0` or `::` has as many addresses as the machine. The one people want
//! is the one the machine itself would send from, and the routing table knows it: a datagram
//! socket that is connected to an outer address takes it, without a packet being sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// The addresses this machine would send from, first IPv4, then IPv6. Empty without a network.
pub fn outward_addresses() -> Vec<IpAddr> {
    [
        outward(IpAddr::V4(Ipv4Addr::UNSPECIFIED), OUTER_IPV4),
        outward(IpAddr::V6(Ipv6Addr::UNSPECIFIED), OUTER_IPV6),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// 192.0.2.1, of a block kept for documentation (RFC 5737): routed outwards, owned by nobody.
const OUTER_IPV4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// 2001:db8::1, the same for IPv6 (RFC 3849).
const OUTER_IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

fn outward(from: IpAddr, to: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((from, 0)).ok()?;
    socket.connect((to, 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}
