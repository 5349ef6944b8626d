//! IPv4 addresses in every form of the URL standard
//! (<https://url.spec.whatwg.org/#concept-ipv4-parser>). `inet_aton`, and so a host that resolves
//! names, reads the same forms.

use std::net::Ipv4Addr;

/// Whether the last label of a host is a number. Then the host is an IPv4 address or invalid.
pub(crate) fn ends_in_number(host: &str) -> bool {
    let last = labels(host).last().copied().unwrap_or_default();
    let is_decimal = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
    is_decimal || number(last).is_some()
}

/// Reads an address of one to four numbers, each decimal, octal (`0177`) or hexadecimal (`0x7f`).
/// The last number fills all remaining bytes.
pub(crate) fn parse_ipv4(host: &str) -> Option<Ipv4Addr> {
    let labels = labels(host);
    let (last, first) = labels.split_last()?;
    if first.len() > 3 {
        return None;
    }
    let mut address = 0;
    for label in first {
        let byte = number(label).filter(|byte| *byte <= 255)?;
        address = address << 8 | byte;
    }
    let bits = 8 * (4 - first.len());
    let rest = number(last).filter(|rest| *rest < 1 << bits)?;
    u32::try_from(address << bits | rest)
        .ok()
        .map(Ipv4Addr::from)
}

/// The labels of a host, without the empty one that follows a dot at its end.
fn labels(host: &str) -> Vec<&str> {
    host.strip_suffix('.').unwrap_or(host).split('.').collect()
}

fn number(label: &str) -> Option<u64> {
    let hex = label.strip_prefix("0x").or(label.strip_prefix("0X"));
    let (digits, radix) = match (hex, label.strip_prefix('0')) {
        _ if label.is_empty() => return None,
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) => (digits, 8),
        (None, None) => (label, 10),
    };
    if digits.is_empty() {
        return Some(0);
    }
    let are_digits = digits.chars().all(|c| c.is_digit(radix));
    are_digits.then(|| u64::from_str_radix(digits, radix).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: a host, and its address. All but the last five come from the tests of the URL standard
    /// (<https://github.com/web-platform-tests/wpt/blob/master/url/resources/urltestdata.json>).
    #[test]
    fn addresses_are_read_in_all_forms() {
        for (host, address) in [
            ("1.2.3.4", "1.2.3.4"),
            ("1.2.3.4.", "1.2.3.4"),
            ("192.0x00A80001", "192.168.0.1"),
            ("0xc0.0250.01", "192.168.0.1"),
            ("0xc0.0250.01.", "192.168.0.1"),
            ("192.168.257", "192.168.1.1"),
            ("192.168.257.", "192.168.1.1"),
            ("256", "0.0.1.0"),
            ("999999999", "59.154.201.255"),
            ("999999999.", "59.154.201.255"),
            ("4294967295", "255.255.255.255"),
            ("0xffffffff", "255.255.255.255"),
            ("0x.0x.0", "0.0.0.0"),
            ("127.1", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0X7F000001", "127.0.0.1"),
            ("017700000001", "127.0.0.1"),
            ("0000000000000000000000177.0.1", "127.0.0.1"),
        ] {
            assert!(ends_in_number(host), "{host}");
            assert_eq!(parse_ipv4(host), address.parse().ok(), "{host}");
        }
    }

    /// From the same tests, except the last three.
    #[test]
    fn what_is_no_address_is_not_read() {
        for host in [
            "10000000000",
            "4294967296",
            "0xffffffff1",
            "0x100000000",
            "256.256.256.256",
            "192.168.0.257",
            "256.0.0.1",
            "1.2.3.4.5",
            "1.2.3.4.5.",
            "0..0x300",
            "0..0x300.",
            "1.2.3.08",
            "1.2.3.09",
            "09.2.3.4",
            "01.2.3.4.5",
            "0x100.2.3.4",
            "0x1.2.3.4.5",
            "foo.1.2.3.4",
            "foo.2.3.4.",
            "foo.09",
            "foo.0x4",
            "foo.0x",
            "foo.0XFfFfFfFfFfFfFfFfFfAcE123",
            "0999999999999999999",
            "127.+1.1",
            "-1.1",
            "99999999999999999999999999",
        ] {
            assert_eq!(parse_ipv4(host), None, "{host}");
        }
        for name in [
            "256.com",
            "192.168.257.com",
            "foo.09..",
            "foo.0xg",
            "3com",
            "",
            ".",
        ] {
            assert!(!ends_in_number(name), "{name}");
            assert_eq!(parse_ipv4(name), None, "{name}");
        }
    }
}
