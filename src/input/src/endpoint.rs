//! Which server a URL names, as far as its text tells.

use std::net::{IpAddr, Ipv6Addr};

/// Whether two URLs name the same host and port. All names of this machine's loopback are the same.
///
/// ```
/// use handoff_input::is_same_server;
///
/// assert!(is_same_server("http://localhost:6379/", "redis://:password@127.0.0.1/0"));
/// assert!(!is_same_server("http://localhost/", "redis://127.0.0.1"));
/// ```
pub fn is_same_server(url: &str, other: &str) -> bool {
    let (url, other) = (endpoint(url), endpoint(other));
    url.is_some() && url == other
}

fn endpoint(url: &str) -> Option<(String, u16)> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let default = match scheme.to_ascii_lowercase().as_str() {
        "http" => 80,
        "https" => 443,
        "redis" | "rediss" => 6379,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let address = authority.rsplit_once('@').map_or(authority, |(_, a)| a);
    // The colons of an IPv6 address are inside brackets.
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (address, default),
    };
    Some((name(host), port))
}

fn name(host: &str) -> String {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let ip: Option<IpAddr> = match bare {
        Some(ip) => ip.parse::<Ipv6Addr>().ok().map(|ip| ip.to_canonical()),
        None => host.parse().ok(),
    };
    let own = ip.is_some_and(|ip| ip.is_loopback() || ip.is_unspecified());
    if own || host == "localhost" || host.ends_with(".localhost") {
        return "loopback".to_owned();
    }
    ip.map_or(host, |ip| ip.to_string())
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
        ] {
            assert!(!is_same_server(url, redis), "{url}");
        }
        let tls = "rediss://Redis.Example.org";
        assert!(is_same_server("http://redis.example.org:6379/", tls));
        assert!(is_same_server("http://redis.example.org.:6379", tls));
        assert!(!is_same_server("https://redis.example.org/", tls));
        assert!(!is_same_server("http://localhost:1/", "key-value"));
    }
}
