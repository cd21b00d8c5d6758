//! Networks of IP addresses, as `in cidr` compares them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address and how many of its leading bits count. An IPv4 address mapped into IPv6 is that IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    V4 { bits: u32, mask: u32 },
    V6 { bits: u128, mask: u128 },
}

impl Network {
    /// Reads `address/prefix`; bits behind the prefix are ignored.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let sound = (1..=3).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_digit());
        if !sound || (prefix.len() > 1 && prefix.starts_with('0')) {
            return None;
        }
        let prefix: u32 = prefix.parse().ok()?;
        match address.parse().ok()? {
            IpAddr::V4(address) => Self::v4(address, prefix),
            IpAddr::V6(address) => match (address.to_ipv4_mapped(), prefix) {
                (Some(mapped), 96..) => Self::v4(mapped, prefix - 96),
                _ => Self::v6(address, prefix),
            },
        }
    }

    fn v4(address: Ipv4Addr, prefix: u32) -> Option<Self> {
        let mask = u32::MAX.checked_shl(32u32.checked_sub(prefix)?).unwrap_or(0);
        Some(Self::V4 { bits: address.to_bits() & mask, mask })
    }

    fn v6(address: Ipv6Addr, prefix: u32) -> Option<Self> {
        let mask = u128::MAX.checked_shl(128u32.checked_sub(prefix)?).unwrap_or(0);
        Some(Self::V6 { bits: address.to_bits() & mask, mask })
    }

    /// Whether the text is an address of this network.
    pub(super) fn contains(self, text: &str) -> bool {
        let address = text.parse::<IpAddr>().map(|address| address.to_canonical());
        match (self, address) {
            (Self::V4 { bits, mask }, Ok(IpAddr::V4(address))) => address.to_bits() & mask == bits,
            (Self::V6 { bits, mask }, Ok(IpAddr::V6(address))) => address.to_bits() & mask == bits,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_by_their_leading_bits() {
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3/8", "10.0.0.0", true),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("1.2.3.4/32", "1.2.3.4", true),
            ("1.2.3.4/32", "1.2.3.5", false),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("::ffff:10.0.0.0/104", "10.9.9.9", true),
            ("::/0", "10.0.0.1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("fe80::/10", "fe80::1%eth0", false),
            ("10.0.0.0/8", "10.1", false),
            ("10.0.0.0/8", "010.0.0.1", false),
            ("10.0.0.0/8", " 10.0.0.1", false),
            ("::1/128", "::1", true),
        ] {
            assert_eq!(Network::parse(network).unwrap().contains(address), expected, "{network} {address}");
        }
    }

    #[test]
    fn only_an_address_with_a_prefix_is_a_network() {
        for text in [
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0/8",
            "::/129",
            "fe80::1%eth0/64",
            "x/8",
            "/8",
            "",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
