//! Which addresses are of the public internet. All others may be the operator's own network, which subscribers must not reach.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::IpNet;

/// Why an address is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPublic {
    #[error("a loopback address")]
    Loopback,
    #[error("an address of a private network")]
    Private,
    #[error("a link-local address")]
    LinkLocal,
    #[error("an address of a cloud's metadata service")]
    Metadata,
    #[error("a multicast or broadcast address")]
    Multicast,
    #[error("an address that is translated to another")]
    Translated,
    #[error("a reserved address")]
    Reserved,
}

/// The special-purpose registries of IANA for IPv4 and IPv6, the first range that fits deciding. Ranges that IANA carves out of
/// another as public (such as 192.0.0.9) are refused with it: no webhook receiver is there.
const NOT_PUBLIC: &[(&str, NotPublic)] = &[
    ("0.0.0.0/8", NotPublic::Reserved), // "this network": Linux connects 0.0.0.0 to itself
    ("10.0.0.0/8", NotPublic::Private),
    ("100.64.0.0/10", NotPublic::Private), // shared by a carrier's customers; a cloud's metadata at 100.100.100.200
    ("127.0.0.0/8", NotPublic::Loopback),
    ("168.63.129.16/32", NotPublic::Metadata), // public by its number, but Azure's host answers on it inside every machine
    ("169.254.0.0/16", NotPublic::LinkLocal),  // most clouds' metadata at 169.254.169.254
    ("172.16.0.0/12", NotPublic::Private),
    ("192.0.0.0/24", NotPublic::Reserved),
    ("192.0.2.0/24", NotPublic::Reserved),     // documentation
    ("192.88.99.0/24", NotPublic::Translated), // relays of 6to4
    ("192.168.0.0/16", NotPublic::Private),
    ("198.18.0.0/15", NotPublic::Reserved),   // benchmarks
    ("198.51.100.0/24", NotPublic::Reserved), // documentation
    ("203.0.113.0/24", NotPublic::Reserved),  // documentation
    ("224.0.0.0/4", NotPublic::Multicast),
    ("255.255.255.255/32", NotPublic::Multicast),
    ("240.0.0.0/4", NotPublic::Reserved),
    ("::/128", NotPublic::Reserved), // like 0.0.0.0
    ("::1/128", NotPublic::Loopback),
    ("::ffff:0:0/96", NotPublic::Translated),  // IPv4 as IPv6
    ("::/96", NotPublic::Translated),          // the same, deprecated
    ("64:ff9b::/96", NotPublic::Translated),   // NAT64
    ("64:ff9b:1::/48", NotPublic::Translated), // NAT64 of a local network
    ("100::/64", NotPublic::Reserved),         // discarded
    ("2001::/32", NotPublic::Translated),      // Teredo
    ("2001::/23", NotPublic::Reserved),        // protocols of the IETF
    ("2001:db8::/32", NotPublic::Reserved),    // documentation
    ("2002::/16", NotPublic::Translated),      // 6to4
    ("3fff::/20", NotPublic::Reserved),        // documentation
    ("5f00::/16", NotPublic::Reserved),        // segment routing
    ("fc00::/7", NotPublic::Private),          // a cloud's metadata at fd00:ec2::254
    ("fe80::/10", NotPublic::LinkLocal),
    ("fec0::/10", NotPublic::Private), // site-local, deprecated
    ("ff00::/8", NotPublic::Multicast),
];

static RANGES: LazyLock<Vec<(IpNet, NotPublic)>> = LazyLock::new(|| {
    let parsed = |(range, why): &(&str, NotPublic)| (range.parse().expect("a constant that the tests parse"), *why);
    NOT_PUBLIC.iter().map(parsed).collect()
});

/// IANA gives addresses of the internet out of this range only.
const GLOBAL_UNICAST_BITS: u16 = 0xe000;
const GLOBAL_UNICAST: u16 = 0x2000;

/// Whether an address is of the public internet. An IPv6 address that carries an IPv4 address is not, whichever it carries.
pub(super) fn is_public(address: IpAddr) -> Result<(), NotPublic> {
    if let Some((_, why)) = RANGES.iter().find(|(range, _)| range.contains(&address)) {
        return Err(*why);
    }
    match address {
        IpAddr::V4(_) => Ok(()),
        IpAddr::V6(address) if is_global_unicast(address) => Ok(()),
        IpAddr::V6(_) => Err(NotPublic::Reserved),
    }
}

fn is_global_unicast(address: Ipv6Addr) -> bool {
    address.segments()[0] & GLOBAL_UNICAST_BITS == GLOBAL_UNICAST
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn judged(address: &str) -> Result<(), NotPublic> {
        is_public(address.parse().unwrap())
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2000::",
            "2001:200::1",
            "2001:db7:ffff::1",
            "2001:db9::1",
            "2003::1",
            "2606:4700:4700::1111",
            "2a00:1450:4001:82a::200e",
            "3ffe:ffff::1",
            "3fff:1000::1",
        ] {
            assert_eq!(judged(address), Ok(()), "{address}");
        }
    }

    #[test]
    fn both_ends_of_every_special_range_are_refused() {
        for (range, why) in NOT_PUBLIC {
            let parsed: IpNet = range.parse().unwrap();
            assert!(is_public(parsed.network()).is_err(), "{range} begins");
            assert!(is_public(parsed.broadcast()).is_err(), "{range} ends");
            assert!(RANGES.contains(&(parsed, *why)));
        }
    }

    #[test]
    fn each_address_is_refused_for_its_own_reason() {
        for (address, why) in [
            ("0.0.0.0", NotPublic::Reserved),
            ("0.255.255.255", NotPublic::Reserved),
            ("10.0.0.1", NotPublic::Private),
            ("100.64.0.1", NotPublic::Private),
            ("127.0.0.1", NotPublic::Loopback),
            ("127.255.255.254", NotPublic::Loopback),
            ("172.16.0.1", NotPublic::Private),
            ("172.31.255.255", NotPublic::Private),
            ("192.0.0.9", NotPublic::Reserved),
            ("192.0.2.1", NotPublic::Reserved),
            ("192.88.99.1", NotPublic::Translated),
            ("192.168.1.1", NotPublic::Private),
            ("198.18.0.1", NotPublic::Reserved),
            ("198.19.255.255", NotPublic::Reserved),
            ("198.51.100.1", NotPublic::Reserved),
            ("203.0.113.1", NotPublic::Reserved),
            ("224.0.0.1", NotPublic::Multicast),
            ("239.255.255.255", NotPublic::Multicast),
            ("240.0.0.1", NotPublic::Reserved),
            ("255.255.255.255", NotPublic::Multicast),
            ("::", NotPublic::Reserved),
            ("::1", NotPublic::Loopback),
            ("::7f00:1", NotPublic::Translated),
            ("::ffff:127.0.0.1", NotPublic::Translated),
            ("::ffff:8.8.8.8", NotPublic::Translated),
            ("::ffff:0:8.8.8.8", NotPublic::Reserved),
            ("64:ff9b::8.8.8.8", NotPublic::Translated),
            ("64:ff9b:1::1", NotPublic::Translated),
            ("100::1", NotPublic::Reserved),
            ("2001::1", NotPublic::Translated),
            ("2001:20::1", NotPublic::Reserved),
            ("2001:db8::1", NotPublic::Reserved),
            ("2002:7f00:1::1", NotPublic::Translated),
            ("3fff:fff::1", NotPublic::Reserved),
            ("5f00::1", NotPublic::Reserved),
            ("fc00::1", NotPublic::Private),
            ("fd12:3456::1", NotPublic::Private),
            ("fe80::1", NotPublic::LinkLocal),
            ("fec0::1", NotPublic::Private),
            ("ff02::1", NotPublic::Multicast),
            ("4000::1", NotPublic::Reserved),
            ("1fff::1", NotPublic::Reserved),
            ("e000::1", NotPublic::Reserved),
        ] {
            assert_eq!(judged(address), Err(why), "{address}");
        }
    }

    #[test]
    fn the_metadata_services_of_clouds_are_refused() {
        for (address, why) in [
            ("169.254.169.254", NotPublic::LinkLocal), // AWS, Google, Azure, DigitalOcean, Oracle
            ("169.254.170.2", NotPublic::LinkLocal),   // AWS, of a container
            ("fd00:ec2::254", NotPublic::Private),     // AWS
            ("100.100.100.200", NotPublic::Private),   // Alibaba
            ("192.0.0.192", NotPublic::Reserved),      // Oracle, older
            ("168.63.129.16", NotPublic::Metadata),    // Azure
        ] {
            assert_eq!(judged(address), Err(why), "{address}");
        }
    }

    proptest! {
        #[test]
        fn no_ipv4_address_is_public_once_it_is_mapped(bits: u32) {
            let address = std::net::Ipv4Addr::from_bits(bits);
            prop_assert_eq!(is_public(address.to_ipv6_mapped().into()), Err(NotPublic::Translated));
            prop_assert!(is_public(address.to_ipv6_compatible().into()).is_err());
        }

        /// What the standard library knows to be special is special here as well.
        #[test]
        fn the_standard_library_finds_nothing_that_is_missing(bits: u32) {
            let address = std::net::Ipv4Addr::from_bits(bits);
            let is_special = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_multicast() || address.is_broadcast() || address.is_documentation();
            prop_assert!(!(is_special && is_public(address.into()).is_ok()));
        }
    }
}
