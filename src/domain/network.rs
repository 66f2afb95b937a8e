//! Networks: addresses that begin alike, and the lists of them that settings name.

use std::{fmt, net::IpAddr, sync::Arc};

/// Addresses whose first bits are the same; a single address is the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    first: IpAddr,
    /// How many bits are the same.
    length: u32,
}

/// A list of networks; cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Arc<[Network]>);

impl Networks {
    /// Reads addresses and networks (RFC 4632 section 3.1, RFC 4291 section 2.3) with commas between them, such as
    /// `10.0.0.5, 10.0.0.0/28, fd00::/8`.
    ///
    /// # Errors
    /// Why one of them is not taken; empty where it is neither an address nor a network.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        parts
            .map(Network::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether `address` is in one of them. An IPv4 address is the same in IPv6's form of it.
    pub fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.holds(address))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Network {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let address = |text: &str| text.parse::<IpAddr>().map_err(|_| "");
        let Some((first, length)) = text.split_once('/') else {
            let first = address(text)?.to_canonical();
            return Ok(Self {
                first,
                length: bits(first),
            });
        };
        let first = address(first)?;
        let is_plain = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        let length: u32 = length.parse().map_err(|_| "")?;
        if !is_plain || length > bits(first) || first != first.to_canonical() {
            return Err("");
        }
        if length == 0 {
            return Err("everybody could then say to be somebody else");
        }
        let network = Self { first, length };
        match network.differing(first) {
            0 => Ok(network),
            _ => Err("a network is written with its first address, such as 10.0.0.0/28"),
        }
    }

    fn holds(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                (first.to_bits() ^ address.to_bits()).leading_zeros() >= self.length
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                (first.to_bits() ^ address.to_bits()).leading_zeros() >= self.length
            }
            _ => false,
        }
    }

    /// The bits of `address` behind the network's own.
    fn differing(&self, address: IpAddr) -> u128 {
        let bits: u128 = match address {
            IpAddr::V4(address) => address.to_bits().into(),
            IpAddr::V6(address) => address.to_bits(),
        };
        let rest = self::bits(address) - self.length;
        bits & 1_u128.checked_shl(rest).unwrap_or(0).wrapping_sub(1)
    }
}

/// How long an address of this kind is.
fn bits(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Network { first, length }) in self.0.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { ", " })?;
            write!(f, "{first}")?;
            if *length < bits(*first) {
                write!(f, "/{length}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_its_addresses_and_networks_and_nothing_beside_them() {
        let list =
            Networks::parse("10.0.0.5, 10.0.0.16/28,fd00::/8, ::ffff:192.0.2.1, ::1").unwrap();
        assert_eq!(
            list.to_string(),
            "10.0.0.5, 10.0.0.16/28, fd00::/8, 192.0.2.1, ::1"
        );
        let holds = |text: &str| list.holds(text.parse().unwrap());
        for inside in [
            "10.0.0.5",
            "::ffff:10.0.0.5",
            "10.0.0.16",
            "10.0.0.31",
            "fd00::1",
            "fdff:ffff::1",
            "192.0.2.1",
            "::1",
        ] {
            assert!(holds(inside), "{inside}");
        }
        for outside in [
            "10.0.0.4",
            "10.0.0.15",
            "10.0.0.32",
            "fc00::1",
            "fe00::1",
            "192.0.2.2",
            "::2",
            "::10.0.0.5",
        ] {
            assert!(!holds(outside), "{outside}");
        }
        assert!(Networks::parse("").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_network_is_refused_and_mistakes_are_named() {
        for text in [
            "proxy",
            "10.0.0",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/33",
            "fd00::/129",
            "10.0.0.0/255.0.0.0",
            "10.0.0.1:22",
            "::ffff:10.0.0.0/104",
        ] {
            assert_eq!(Networks::parse(text), Err(""), "{text}");
        }
        for (text, why) in [
            ("0.0.0.0/0", "everybody"),
            ("::1, ::/0", "everybody"),
            ("10.0.0.5/28", "first address"),
            ("fd00::1/8", "first address"),
        ] {
            let refused = Networks::parse(text).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }
}
