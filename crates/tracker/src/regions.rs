//! Which region an address is in, from lines of `network,region` such as `203.0.113.0/24,eu-west-1`; lines that begin with
//! `#` are comments.
//!
//! Invariant: the most specific network that holds an address decides. Region 0 is "unknown".

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The most regions told apart; more names than these are all "unknown".
const MAX_REGIONS: usize = 4_096;

/// Regions of networks, and the numbers of their names.
#[derive(Debug, Clone, Default)]
pub struct Regions {
    networks: BTreeMap<(u8, u128), u16>,
    lengths: BTreeSet<u8>,
    names: BTreeMap<String, u16>,
}

impl Regions {
    /// Reads lines.
    ///
    /// # Errors
    /// The line that is none of a network and its region.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut regions = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || line == "network,region" {
                continue;
            }
            let (network, name) = line
                .split_once(',')
                .and_then(|(network, name)| Some((self::network(network.trim())?, name.trim())))
                .ok_or_else(|| format!("line {number} is no `network,region`: {line}"))?;
            let region = regions.number(name);
            regions.lengths.insert(network.0);
            regions.networks.insert(network, region);
        }
        Ok(regions)
    }

    /// The number of a region's name; names get theirs as they come.
    pub fn number(&mut self, name: &str) -> u16 {
        if let Some(number) = self.names.get(name) {
            return *number;
        }
        if self.names.len() >= MAX_REGIONS {
            return 0;
        }
        let number = u16::try_from(self.names.len().saturating_add(1)).unwrap_or_default();
        self.names.insert(name.to_owned(), number);
        number
    }

    /// The number of a name that has one already.
    #[must_use]
    pub fn known(&self, name: &str) -> Option<u16> {
        self.names.get(name).copied()
    }

    /// The region of an address, if the file knows it.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<u16> {
        let bits = bits(address);
        let found = self.lengths.iter().rev();
        found
            .filter_map(|length| self.networks.get(&(*length, masked(bits, *length))))
            .next()
            .copied()
    }
}

/// IPv4 addresses as the IPv6 addresses they are mapped to.
const fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn masked(bits: u128, length: u8) -> u128 {
    bits & u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(length))).unwrap_or_default()
}

fn network(text: &str) -> Option<(u8, u128)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address.parse::<IpAddr>().ok()?, Some(length.parse().ok()?)),
        None => (text.parse::<IpAddr>().ok()?, None),
    };
    let (width, prefix) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
    let length: u8 = length.unwrap_or(width);
    let length = length.checked_add(prefix).filter(|_| length <= width)?;
    Some((length, masked(bits(address), length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn the_most_specific_network_decides() {
        let text = "network,region\n# ours\n203.0.113.0/24, eu\n203.0.113.128/25,us\n2001:db8::/32,asia\n0.0.0.0/0,rest\n198.51.100.7,eu\n";
        let mut regions = Regions::parse(text).unwrap();
        let (eu, us, asia) = (regions.number("eu"), regions.number("us"), regions.number("asia"));
        assert_eq!(regions.of(at("203.0.113.5")), Some(eu));
        assert_eq!(regions.of(at("203.0.113.200")), Some(us));
        assert_eq!(regions.of(at("::ffff:203.0.113.200")), Some(us));
        assert_eq!(regions.of(at("2001:db8:7::1")), Some(asia));
        assert_eq!(regions.of(at("198.51.100.7")), Some(eu));
        assert_eq!(regions.of(at("198.51.100.8")), Some(regions.number("rest")));
        assert_eq!(regions.of(at("2001:db9::1")), None);
        assert!([eu, us, asia].iter().all(|number| *number > 0));
    }

    #[test]
    fn a_wrong_line_is_named() {
        for text in ["203.0.113.0/33,eu", "here,eu", "203.0.113.0/24", "::/129,eu"] {
            assert!(Regions::parse(text).unwrap_err().starts_with("line 1"), "{text}");
        }
    }

    #[test]
    fn names_are_bounded() {
        let mut regions = Regions::default();
        for number in 0..10_000 {
            regions.number(&number.to_string());
        }
        assert_eq!(regions.names.len(), MAX_REGIONS);
    }
}
