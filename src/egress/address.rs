//! Which addresses are not on the public internet, and what they are.
//!
//! IPv4 is public unless it is listed. IPv6 is refused unless it is in 2000::/3 and not listed there. An
//! address that carries another one (v4-mapped) is judged by the one it carries; translators and tunnels
//! (NAT64, 6to4, Teredo) are refused whole, since what they lead to is decided elsewhere.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{Ipv4Net, Ipv6Net};

/// A range that receivers of webhooks do not live in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// `0.0.0.0/8`, `::`
    ThisNetwork,
    /// RFC 1918
    Private,
    /// `100.64.0.0/10`, between a provider and its customers
    CarrierGradeNat,
    /// `127.0.0.0/8`, `::1`
    Loopback,
    /// `169.254.0.0/16` (cloud metadata among them), `fe80::/10`
    LinkLocal,
    /// Set aside for protocols
    Protocol,
    /// For examples in text
    Documentation,
    /// For measuring equipment
    Benchmarking,
    /// To many at once
    Multicast,
    /// Never given out
    Reserved,
    /// `fc00::/7`
    UniqueLocal,
    /// `64:ff9b::/96`, `64:ff9b:1::/48`
    Nat64,
    /// `2002::/16`, `192.88.99.0/24`
    SixToFour,
    /// `2001::/32`
    Teredo,
    /// `5f00::/16`
    SegmentRouting,
}

impl Range {
    /// The range that makes `address` unfit; none if it is a public address.
    pub fn of(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::of_v4(v4),
            IpAddr::V6(v6) => Self::of_v6(v6),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Option<Self> {
        V4.iter()
            .find(|(net, _)| net.contains(&address))
            .map(|(_, range)| *range)
    }

    fn of_v6(address: Ipv6Addr) -> Option<Self> {
        V6.iter()
            .find(|(net, _)| net.contains(&address))
            .map(|(_, range)| *range)
            .or_else(|| (!GLOBAL_V6.contains(&address)).then_some(Self::Reserved))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::ThisNetwork => "this-network",
            Self::Private => "private",
            Self::CarrierGradeNat => "carrier-grade NAT",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::Protocol => "protocol-assigned",
            Self::Documentation => "documentation",
            Self::Benchmarking => "benchmarking",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
            Self::UniqueLocal => "unique local",
            Self::Nat64 => "NAT64",
            Self::SixToFour => "6to4",
            Self::Teredo => "Teredo",
            Self::SegmentRouting => "segment-routing",
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const fn v4(a: u8, b: u8, c: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

const V4: [(Ipv4Net, Range); 16] = [
    (v4(0, 0, 0, 8), Range::ThisNetwork),
    (v4(10, 0, 0, 8), Range::Private),
    (v4(100, 64, 0, 10), Range::CarrierGradeNat),
    (v4(127, 0, 0, 8), Range::Loopback),
    (v4(169, 254, 0, 16), Range::LinkLocal),
    (v4(172, 16, 0, 12), Range::Private),
    (v4(192, 0, 0, 24), Range::Protocol),
    (v4(192, 0, 2, 24), Range::Documentation),
    (v4(192, 88, 99, 24), Range::SixToFour),
    (v4(192, 168, 0, 16), Range::Private),
    (v4(198, 18, 0, 15), Range::Benchmarking),
    (v4(198, 51, 100, 24), Range::Documentation),
    (v4(203, 0, 113, 24), Range::Documentation),
    (v4(224, 0, 0, 4), Range::Multicast),
    (v4(233, 252, 0, 24), Range::Documentation),
    (v4(240, 0, 0, 4), Range::Reserved),
];

/// What is in use of IPv6; the rest is local, special or not given out.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// The narrower comes before the wider.
const V6: [(Ipv6Net, Range); 15] = [
    (
        Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128),
        Range::Loopback,
    ),
    (
        Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128),
        Range::ThisNetwork,
    ),
    (v6(0x64, 0xff9b, 0, 96), Range::Nat64),
    (v6(0x64, 0xff9b, 1, 48), Range::Nat64),
    (v6(0x2001, 0, 0, 32), Range::Teredo),
    (v6(0x2001, 2, 0, 48), Range::Benchmarking),
    (v6(0x2001, 0xdb8, 0, 32), Range::Documentation),
    (v6(0x2001, 0, 0, 23), Range::Protocol),
    (v6(0x2002, 0, 0, 16), Range::SixToFour),
    (v6(0x3fff, 0, 0, 20), Range::Documentation),
    (v6(0x5f00, 0, 0, 16), Range::SegmentRouting),
    (v6(0xfc00, 0, 0, 7), Range::UniqueLocal),
    (v6(0xfe80, 0, 0, 10), Range::LinkLocal),
    (v6(0xfec0, 0, 0, 10), Range::UniqueLocal),
    (v6(0xff00, 0, 0, 8), Range::Multicast),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Option<Range> {
        Range::of(text.parse().unwrap())
    }

    #[test]
    fn every_range_is_refused_by_its_name() {
        for (address, expected) in [
            ("0.0.0.0", Range::ThisNetwork),
            ("10.255.255.255", Range::Private),
            ("100.64.0.1", Range::CarrierGradeNat),
            ("100.127.255.255", Range::CarrierGradeNat),
            ("127.0.0.53", Range::Loopback),
            ("169.254.169.254", Range::LinkLocal),
            ("172.31.0.1", Range::Private),
            ("192.0.0.8", Range::Protocol),
            ("192.0.2.7", Range::Documentation),
            ("192.88.99.1", Range::SixToFour),
            ("192.168.1.1", Range::Private),
            ("198.19.0.1", Range::Benchmarking),
            ("198.51.100.1", Range::Documentation),
            ("203.0.113.1", Range::Documentation),
            ("239.1.1.1", Range::Multicast),
            ("240.0.0.1", Range::Reserved),
            ("255.255.255.255", Range::Reserved),
            ("::", Range::ThisNetwork),
            ("::1", Range::Loopback),
            ("::7f00:1", Range::Reserved),
            ("::ffff:10.0.0.1", Range::Private),
            ("::ffff:169.254.169.254", Range::LinkLocal),
            ("64:ff9b::7f00:1", Range::Nat64),
            ("64:ff9b:1::1", Range::Nat64),
            ("100::1", Range::Reserved),
            ("2001::1", Range::Teredo),
            ("2001:2::1", Range::Benchmarking),
            ("2001:10::1", Range::Protocol),
            ("2001:db8::1", Range::Documentation),
            ("2002:7f00:1::", Range::SixToFour),
            ("3fff::1", Range::Documentation),
            ("5f00::1", Range::SegmentRouting),
            ("fd00::1", Range::UniqueLocal),
            ("fe80::1", Range::LinkLocal),
            ("fec0::1", Range::UniqueLocal),
            ("ff02::1", Range::Multicast),
        ] {
            assert_eq!(range(address), Some(expected), "{address}");
        }
    }

    #[test]
    fn public_addresses_are_not_refused() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert_eq!(range(address), None, "{address}");
        }
    }
}
