//! Which addresses may connect to the site (RFC 9110 section 15.5.4, RFC 4632 section 3.1).
//!
//! ```text
//! --allow 10.0.0.0/8 --deny 10.1.0.0/16      10.2.0.1 may, 10.1.0.1 and 192.0.2.1 may not
//! ```
//!
//! The block with the longest prefix decides, and of two equal blocks the denied one. If no block has the
//! address, it may connect only if no block is allowed.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::trace::{Clause, Evidence, Quote, Step, Trace, clause};

/// A block of addresses in the notation of CIDR, such as `192.0.2.0/24` or `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressBlock {
    /// The first address. An IPv4 address that is mapped into IPv6 counts as the IPv4 address.
    first: IpAddr,
    /// How many bits all addresses have in common.
    prefix: u8,
}

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockError {
    /// The part before the slash is not an address.
    Address,
    /// The part behind the slash is not a number from 0 to this one.
    Prefix(u8),
    /// The address is not the first one of the block, which is this one.
    NotFirst(AddressBlock),
}

/// The blocks that are allowed and denied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressRules {
    allowed: Vec<AddressBlock>,
    denied: Vec<AddressBlock>,
}

/// The length of an IPv4 address in bits, and the bits before it in one that is mapped into IPv6.
const IPV4_BITS: u8 = 32;
const MAPPED_BITS: u8 = 96;

const CLAUSE: Clause = clause!("RFC 9110 section 15.5.4", "admits");

impl AddressBlock {
    /// Reads a block, or a single address.
    pub fn parse(text: &str) -> Result<AddressBlock, BlockError> {
        let text = text.trim();
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| BlockError::Address)?;
        let most = bits(address);
        let prefix = match prefix {
            None => most,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits
                .parse()
                .ok()
                .filter(|&prefix| prefix <= most)
                .ok_or(BlockError::Prefix(most))?,
            Some(_) => return Err(BlockError::Prefix(most)),
        };
        let block = AddressBlock::canonical(first(address, prefix), prefix);
        match address == first(address, prefix) {
            true => Ok(block),
            false => Err(BlockError::NotFirst(block)),
        }
    }

    /// The same block, in IPv4 if all its addresses are mapped from there.
    fn canonical(first: IpAddr, prefix: u8) -> AddressBlock {
        match (first.to_canonical(), first) {
            (IpAddr::V4(mapped), IpAddr::V6(_)) if prefix >= MAPPED_BITS => AddressBlock {
                first: mapped.into(),
                prefix: prefix - MAPPED_BITS,
            },
            _ => AddressBlock { first, prefix },
        }
    }

    /// Whether it has all addresses of its family.
    pub(super) fn is_everywhere(&self) -> bool {
        self.prefix == 0
    }

    /// Whether a canonical address is in the block.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        let is_same_family = self.first.is_ipv4() == address.is_ipv4();
        is_same_family && first(address, self.prefix) == self.first
    }
}

fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => IPV4_BITS,
        IpAddr::V6(_) => 128,
    }
}

/// The first address of the block with this prefix.
fn first(address: IpAddr, prefix: u8) -> IpAddr {
    let rest = u32::from(bits(address) - prefix);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(rest).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

impl AddressRules {
    /// Only the loopback addresses of this machine may connect (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3).
    pub fn loopback() -> AddressRules {
        let block = |first: IpAddr, prefix| AddressBlock { first, prefix };
        AddressRules {
            allowed: vec![
                block(Ipv4Addr::new(127, 0, 0, 0).into(), 8),
                block(Ipv6Addr::LOCALHOST.into(), 128),
            ],
            denied: Vec::new(),
        }
    }

    /// Adds the blocks of private networks: RFC 1918 section 3, RFC 3927, RFC 4193 and RFC 4291 section 2.5.6.
    pub fn allow_private(&mut self) {
        let four = [
            ([10, 0, 0, 0], 8),
            ([169, 254, 0, 0], 16),
            ([172, 16, 0, 0], 12),
            ([192, 168, 0, 0], 16),
        ];
        let six = [(0xfc00, 7), (0xfe80, 10)];
        let four = four.map(|(first, prefix)| (IpAddr::from(first), prefix));
        let six = six.map(|(first, prefix)| ([first, 0, 0, 0, 0, 0, 0, 0].into(), prefix));
        let blocks = four.into_iter().chain(six);
        let blocks = blocks.map(|(first, prefix)| AddressBlock { first, prefix });
        self.allowed.extend(blocks);
    }

    /// Adds an address that may connect.
    pub fn allow_address(&mut self, address: IpAddr) {
        let first = address.to_canonical();
        let prefix = bits(first);
        self.allowed.push(AddressBlock { first, prefix });
    }

    /// Adds a block that may connect.
    pub fn allow(&mut self, text: &str) -> Result<(), BlockError> {
        self.allowed.push(AddressBlock::parse(text)?);
        Ok(())
    }

    /// Adds a block that may not.
    pub fn deny(&mut self, text: &str) -> Result<(), BlockError> {
        self.denied.push(AddressBlock::parse(text)?);
        Ok(())
    }

    /// Removes the blocks that may connect.
    pub fn clear_allowed(&mut self) {
        self.allowed.clear();
    }

    /// Removes the blocks that may not.
    pub fn clear_denied(&mut self) {
        self.denied.clear();
    }

    /// Whether an allow block contains the address.
    pub fn names(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|block| block.has(address))
    }

    /// Whether a client with this address may connect. Adds the step that says why, if there is a rule.
    pub fn admits(&self, address: IpAddr, trace: &mut Trace) -> bool {
        if self.allowed.is_empty() && self.denied.is_empty() {
            return true;
        }
        let address = address.to_canonical();
        let find = |blocks| smallest(blocks, |&block| block, address);
        let (allowed, denied) = (find(&self.allowed), find(&self.denied));
        let prefix = |block: Option<&AddressBlock>| block.map(|block| block.prefix);
        let (is_admitted, block, finding) = match prefix(allowed).cmp(&prefix(denied)) {
            std::cmp::Ordering::Greater => (true, allowed, "the address is in an allowed block"),
            _ if denied.is_some() => (false, denied, "the address is in a denied block"),
            _ if self.allowed.is_empty() => (true, None, "the address is in no denied block"),
            _ => (false, None, "the address is in no allowed block"),
        };
        trace.note(|| {
            let sent = Quote::of(address.to_string().as_bytes());
            Step::new(CLAUSE, finding).with(match block {
                None => Evidence::Value(sent),
                Some(block) => Evidence::Compared {
                    sent,
                    own: Quote::of(block.to_string().as_bytes()),
                    how: "longest prefix",
                },
            })
        });
        is_admitted
    }
}

/// The one whose block has the canonical address and the longest prefix.
pub(super) fn smallest<T>(
    all: &[T],
    block: impl Fn(&T) -> AddressBlock,
    address: IpAddr,
) -> Option<&T> {
    let matching = all.iter().filter(|one| block(one).has(address));
    matching.max_by_key(|one| block(one).prefix)
}

impl fmt::Display for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlockError::Address => f.write_str(
                "write an address or a block of addresses, such as 192.0.2.7, 192.0.2.0/24 or \
                 2001:db8::/32",
            ),
            BlockError::Prefix(most) => write!(
                f,
                "the prefix length must be a number from 0 to {most}: write it after the slash, such as /24"
            ),
            BlockError::NotFirst(block) => write!(
                f,
                "the address is not the first one of its block: write {block}"
            ),
        }
    }
}

impl std::error::Error for BlockError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allowed: &[&str], denied: &[&str]) -> AddressRules {
        let mut rules = AddressRules::default();
        allowed.iter().for_each(|one| rules.allow(one).expect(one));
        denied.iter().for_each(|one| rules.deny(one).expect(one));
        rules
    }

    #[track_caller]
    fn check(rules: &AddressRules, address: &str, want: bool) {
        let parsed = address.parse().expect(address);
        assert_eq!(rules.admits(parsed, &mut Trace::off()), want, "{address}");
    }

    #[test]
    fn without_rules_everyone_may_connect() {
        check(&rules(&[], &[]), "192.0.2.1", true);
    }

    #[test]
    fn only_allowed_blocks_deny_the_others() {
        let rules = rules(&["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"], &[]);
        check(&rules, "192.0.2.255", true);
        check(&rules, "192.0.3.0", false);
        check(&rules, "198.51.100.7", true);
        check(&rules, "198.51.100.6", false);
        check(&rules, "2001:db8:ffff::1", true);
        check(&rules, "2001:db9::", false);
    }

    #[test]
    fn an_address_is_a_block_of_its_own() {
        let mut rules = AddressRules::loopback();
        rules.allow_address("::ffff:192.0.2.7".parse().expect("an address"));
        check(&rules, "192.0.2.7", true);
        check(&rules, "127.0.0.1", true);
        check(&rules, "192.0.2.8", false);
    }

    #[test]
    fn private_networks_are_known() {
        let mut rules = AddressRules::default();
        rules.allow_private();
        for address in [
            "10.0.0.1",
            "172.31.255.255",
            "192.168.1.20",
            "169.254.7.7",
            "fd12:3456:789a::1",
            "fe80::1",
            "::ffff:192.168.1.20",
        ] {
            check(&rules, address, true);
        }
        for address in [
            "11.0.0.1",
            "172.32.0.0",
            "127.0.0.1",
            "192.0.2.1",
            "2001:db8::1",
            "fec0::1",
        ] {
            check(&rules, address, false);
        }
    }

    #[test]
    fn only_denied_blocks_allow_the_others() {
        let rules = rules(&[], &["10.0.0.0/8"]);
        check(&rules, "10.255.0.1", false);
        check(&rules, "11.0.0.1", true);
        check(&rules, "::1", true);
    }

    #[test]
    fn the_longest_prefix_decides_and_a_tie_denies() {
        let both = rules(&["10.0.0.0/8", "10.1.2.0/24"], &["10.1.0.0/16", "10.9.9.9"]);
        check(&both, "10.2.0.1", true);
        check(&both, "10.1.0.1", false);
        check(&both, "10.1.2.1", true);
        check(&both, "10.9.9.9", false);
        check(&both, "192.0.2.1", false);
        check(&rules(&["10.0.0.0/8"], &["10.0.0.0/8"]), "10.0.0.1", false);
        let all = rules(&["10.0.0.0/8"], &["0.0.0.0/0"]);
        check(&all, "10.0.0.1", true);
        check(&all, "11.0.0.1", false);
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        let plain = rules(&["192.0.2.0/24"], &[]);
        check(&plain, "::ffff:192.0.2.1", true);
        check(&plain, "::ffff:192.0.3.1", false);
        let mapped = rules(&["::ffff:192.0.2.0/120"], &[]);
        check(&mapped, "192.0.2.1", true);
        check(&mapped, "192.0.3.1", false);
        // The families are apart: a block of IPv6 has no IPv4 address.
        let sixes = rules(&["::/0"], &[]);
        check(&sixes, "192.0.2.1", false);
        check(&sixes, "::ffff:192.0.2.1", false);
        check(&sixes, "2001:db8::1", true);
    }

    #[track_caller]
    fn check_error(text: &str, want: &str) {
        let fault = AddressBlock::parse(text).expect_err(text);
        assert!(fault.to_string().contains(want), "{text}: {fault}");
    }

    #[test]
    fn a_mistake_is_told() {
        for text in [
            "",
            "/8",
            "10.0.0/8",
            "10.0.0.256",
            "localhost",
            "fe80::1%eth0",
        ] {
            check_error(text, "192.0.2.0/24");
        }
        for text in ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/-1"] {
            check_error(text, "from 0 to 32");
        }
        check_error("2001:db8::/129", "from 0 to 128");
        check_error("10.1.2.3/8", "write 10.0.0.0/8");
        check_error("2001:db8::1/32", "write 2001:db8::/32");
        check_error("::ffff:10.1.2.3/104", "write 10.0.0.0/8");
        assert_eq!(
            AddressBlock::parse(" 0.0.0.0/0 ").expect("all").to_string(),
            "0.0.0.0/0"
        );
    }
}
