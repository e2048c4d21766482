//! The addresses at which other machines can reach this one.
//!
//! A socket bound to `0.0.0.0` or `::` has all addresses of the machine. The useful one is the
//! source address of outgoing packets. To find it, this module connects a UDP socket to an external
//! address. The kernel then chooses the source address, and sends no packet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// The source addresses of outgoing packets: first IPv4, then IPv6. Empty without a network.
pub fn outward_addresses() -> Vec<IpAddr> {
    [
        outward(IpAddr::V4(Ipv4Addr::UNSPECIFIED), OUTER_IPV4),
        outward(IpAddr::V6(Ipv6Addr::UNSPECIFIED), OUTER_IPV6),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// 192.0.2.1 is reserved for documentation (RFC 5737). It is routed, but no machine has it.
const OUTER_IPV4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// 2001:db8::1 is the same for IPv6 (RFC 3849).
const OUTER_IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

fn outward(from: IpAddr, to: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((from, 0)).ok()?;
    socket.connect((to, 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}
