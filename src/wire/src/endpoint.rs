//! The server that a URL names, as far as its text tells.

use crate::address::{ends_in_number, parse_ipv4};
use crate::target::decode;
use std::net::{IpAddr, Ipv6Addr};

/// Whether two URLs name the same host and port. All names of this machine's loopback are the same
/// host, and so are all forms of one address.
///
/// ```
/// use handoff_wire::is_same_server;
///
/// assert!(is_same_server("http://localhost:6379/", "redis://:password@127.0.0.1/0"));
/// assert!(is_same_server("http://0x7f.1:6379/", "redis://2130706433"));
/// assert!(!is_same_server("http://localhost/", "redis://127.0.0.1"));
/// assert!(is_same_server("http://10.0.0.2:5432", "postgres://me:secret@10.0.0.1,10.0.0.2/jobs"));
/// ```
pub fn is_same_server(url: &str, other: &str) -> bool {
    let others = endpoints(other);
    endpoints(url)
        .iter()
        .any(|endpoint| others.contains(endpoint))
}

/// The endpoints of a URL: those of a Postgres may be several, with commas between them. What can't
/// be read is none.
fn endpoints(url: &str) -> Vec<(Host, u16)> {
    let Some((scheme, rest)) = url.trim().split_once("://") else {
        return Vec::new();
    };
    let default = match scheme.to_ascii_lowercase().as_str() {
        "http" => 80,
        "https" => 443,
        "redis" | "rediss" => 6379,
        "postgres" | "postgresql" => 5432,
        _ => return Vec::new(),
    };
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let addresses = authority.rsplit_once('@').map_or(authority, |(_, a)| a);
    let addresses = addresses.split(',');
    addresses
        .filter_map(|address| endpoint(address, default))
        .collect()
}

fn endpoint(address: &str, default: u16) -> Option<(Host, u16)> {
    // The colons of an IPv6 address are inside brackets.
    let (host, port) = match address.rsplit_once(':') {
        Some((host, "")) => (host, default),
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (address, default),
    };
    Some((Host::parse(host)?, port))
}

/// A host in its canonical form.
#[derive(Debug, PartialEq, Eq)]
enum Host {
    /// This machine, by any of its own names or addresses.
    Loopback,
    Address(IpAddr),
    /// In lower case, without a dot at its end.
    Name(String),
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        if let Some(address) = text.strip_prefix('[') {
            let address = address.strip_suffix(']')?;
            // A zone after % names an interface of this machine.
            let address = address.split('%').next().unwrap_or_default();
            return Some(Self::of(address.parse::<Ipv6Addr>().ok()?.to_canonical()));
        }
        let name = decode(text).ok()?.to_ascii_lowercase();
        if ends_in_number(&name) {
            return Some(Self::of(parse_ipv4(&name)?.into()));
        }
        let name = name.trim_end_matches('.');
        Some(if name == "localhost" || name.ends_with(".localhost") {
            Self::Loopback
        } else {
            Self::Name(name.to_owned())
        })
    }

    fn of(address: IpAddr) -> Self {
        match address.is_loopback() || address.is_unspecified() {
            true => Self::Loopback,
            false => Self::Address(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_many_names() {
        let redis = "redis://user:p%40ss@localhost:6380/1";
        for url in [
            "http://localhost:6380/",
            "http://LOCALHOST.:6380",
            "https://a.localhost:6380/x?y",
            "http://127.0.0.1:6380",
            "http://127.9.9.9:6380",
            "http://[::1]:6380/",
            "http://[::ffff:127.0.0.1]:6380/",
            "http://0.0.0.0:6380",
            "http://[::]:6380",
            "http://LocalHost:6380",
            "http://127.1:6380/",
            "http://127.0.1.:6380/",
            "http://0x7f000001:6380/",
            "http://0X7F.1:6380/",
            "http://2130706433:6380/",
            "http://0177.0.0.1:6380/",
            "http://017700000001:6380",
            "http://0:6380",
            "http://0x.0x.0:6380",
            "http://%31%32%37.1:6380",
            "http://loc%61lhost:6380",
            "http://[0:0:0:0:0:0:0:1]:6380",
            "http://[::1%25lo]:6380",
            "http://[::ffff:7f00:1]:6380",
            "http://[::FFFF:127.0.0.1]:6380",
            "http://[0:0:0:0:0:ffff:7f09:909]:6380",
            "http://localhost:06380/",
            "http://localhost:6380\\@example.org",
        ] {
            assert!(is_same_server(url, redis), "{url}");
        }
        for url in [
            "http://localhost:6379/",
            "http://localhost/",
            "http://10.0.0.1:6380/",
            "http://localhost.example.org:6380/",
            "ftp://localhost:6380/",
            "localhost:6380",
            "",
            "http://localhost:/",
            "http://127.1.example.org:6380/",
            "http://128.1:6380/",
            // These are neither addresses nor names.
            "http://127.0.0.1.1:6380/",
            "http://127.0.0.256:6380/",
            "http://[::1:6380/",
            "http://%:6380/",
        ] {
            assert!(!is_same_server(url, redis), "{url}");
        }
        let tls = "rediss://Redis.Example.org";
        assert!(is_same_server("http://redis.example.org:6379/", tls));
        assert!(is_same_server("http://redis.example.org.:6379", tls));
        assert!(!is_same_server("https://redis.example.org/", tls));
        assert!(!is_same_server("http://localhost:1/", "key-value"));
        assert!(is_same_server("http://redis:/", "http://redis"));
    }

    #[test]
    fn both_sides_may_be_written_in_any_form() {
        let forms = [
            "192.168.0.1",
            "192.168.0.1.",
            "192.168.1",
            "192.0x00A80001",
            "0xc0.0250.01",
            "%30%78%63%30%2e%30%32%35%30.01",
            "3232235521",
            "[::ffff:192.168.0.1]",
            "[::ffff:c0a8:1]",
        ];
        for form in forms {
            for other in forms {
                let (url, store) = (format!("http://{form}:6379/"), format!("redis://{other}"));
                assert!(is_same_server(&url, &store), "{url} {store}");
            }
            let store = format!("redis://{form}");
            assert!(!is_same_server("http://192.168.0.2:6379", &store), "{form}");
        }
    }
}
