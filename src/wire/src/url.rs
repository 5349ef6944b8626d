//! URLs that outside callers ask the application to call.

use crate::address::ends_in_number;
use crate::quoted;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The worker's host for service chaining. Outside callers may not have it called.
pub const WORKER_HOST: &str = "handoff-worker.spin.internal";
/// The longest URL, in bytes: RFC 9110 asks all receivers to take it.
pub const URL_MAX_BYTES: usize = 8_000;

/// The longest host name, and the longest label of one, in bytes.
const HOST_MAX_BYTES: usize = 253;
const LABEL_MAX_BYTES: usize = 63;

/// Checks whether a URL may be called, as far as can be known before. It is absolute, has no part
/// that is not sent, and every reader finds the same host in it.
///
/// # Errors
/// If it may not be called. The text says why.
pub fn check_url(url: &str) -> Result<(), String> {
    if url.len() > URL_MAX_BYTES {
        let bytes = url.len();
        return Err(format!(
            "it has {bytes} bytes; a URL has at most {URL_MAX_BYTES}"
        ));
    }
    let wrong = |reason: &str| format!("{} {reason}", quoted(url));
    if let Some(c) = url
        .chars()
        .find(|c| !c.is_ascii_graphic() || "\\<>\"^`".contains(*c))
    {
        let c = quoted(&c.to_string());
        return Err(wrong(&format!(
            "has the character {c}: write it percent-encoded"
        )));
    }
    let scheme = url
        .split_once("://")
        .map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    let rest = match scheme {
        Some((scheme, rest)) if matches!(scheme.as_str(), "http" | "https") => rest,
        _ => {
            return Err(wrong(
                "is not an absolute http or https URL such as \"https://example.org/a\"",
            ));
        }
    };
    if url.contains('#') {
        return Err(wrong(
            "has a fragment, which is never sent: leave out the # and what follows it",
        ));
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(wrong(
            "has a user name or password: send them in a header `authorization`",
        ));
    }
    let (host, port) = split_port(authority);
    let is_port = |port: &str| {
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        digits && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    if port.is_some_and(|port| !is_port(port)) {
        return Err(wrong("has a port that is not a number from 1 to 65535"));
    }
    if !is_host(host) {
        return Err(wrong(
            "names no host that can be: write a name, an IPv4 address or an IPv6 address in brackets",
        ));
    }
    if host.trim_end_matches('.').eq_ignore_ascii_case(WORKER_HOST) {
        return Err(format!("{host} is private to the application"));
    }
    if url.parse::<http::Uri>().is_err() {
        return Err(wrong("is no URL that can be sent"));
    }
    Ok(())
}

/// A URL as errors show it: without its query, which may hold a secret.
pub fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

/// Splits at the last colon outside brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Whether this is a name, or an address in its canonical form: `127.1` and `0x7f000001` are other
/// forms of `127.0.0.1`.
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']');
        return address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let in_label = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let is_label =
        |label: &str| (1..=LABEL_MAX_BYTES).contains(&label.len()) && label.bytes().all(in_label);
    if name.len() > HOST_MAX_BYTES || !name.split('.').all(is_label) {
        return false;
    }
    !ends_in_number(name) || name.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_called_is_taken() {
        for url in [
            "http://x/",
            "https://x:8443/a?b=c&d",
            "HTTP://EXAMPLE.org",
            "http://example.org.:80/",
            "http://127.0.0.1:1/",
            "http://[::1]:65535/",
            "http://[2001:db8::1]/a",
            "http://xn--bcher-kva.example/%C3%A9",
            "http://a_b.example/",
            "http://handoff.spin.internal/healthz",
            "http://x?a=b",
            "http://x/a:b@c/[d]",
            "http://3com.example/",
            "https://example.org/foo/../bar",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
    }

    /// Rows: a URL, and a part of its error. Many come from the tests of the URL standard
    /// (<https://github.com/web-platform-tests/wpt/blob/master/url/resources/urltestdata.json>).
    #[test]
    fn what_cannot_be_called_is_refused_with_the_reason() {
        let (host, part) = ("names no host", "percent-encoded");
        let (port, scheme) = ("has a port", "absolute http or https URL");
        let table = [
            ("", scheme),
            ("/a", scheme),
            ("//x/a", scheme),
            ("x/a", scheme),
            ("ftp://x/", scheme),
            ("file:///etc/passwd", scheme),
            ("javascript:alert(1)", scheme),
            ("http:x", scheme),
            ("http:/x", scheme),
            ("https:///a", host),
            ("http://?a", host),
            ("http://:80/", host),
            ("http://x:99999/", port),
            ("http://x:65536/", port),
            ("http://x:0/", port),
            ("http://x:/", port),
            ("http://x:b/", port),
            ("http://x:-1/", port),
            ("http://x:+80/", port),
            ("http://x:8 0/", part),
            ("http://x y/", part),
            (" http://x/", part),
            ("http://x/ ", part),
            ("http://x/\n", part),
            ("http://x/\r\nhost: y", part),
            ("http://x/\u{0}", part),
            ("http://x/\u{85}", part),
            ("http://b\u{fc}cher.example/", part),
            ("http://x\\y/", part),
            ("http://x/<a>", part),
            ("http://user:pass@x/", "user name"),
            ("http://user@x/", "user name"),
            ("http://x:80@y/", "user name"),
            ("http://x/#a", "fragment"),
            ("http://x#", "fragment"),
            ("http://[::1/", host),
            ("http://[]/", host),
            ("http://[1::2::3]/", host),
            ("http://[127.0.0.1]/", host),
            ("http://[::1%25eth0]/", host),
            ("http://::1/", host),
            ("http://a..b/", host),
            ("http://.example/", host),
            ("http://%31/", host),
            ("http://a%00b/", host),
            ("http://a,b/", host),
            ("http://a*b/", host),
            // Other forms of addresses.
            ("http://127.1/", host),
            ("http://2130706433/", host),
            ("http://0x7f000001/", host),
            ("http://0x7f.0.0.1/", host),
            ("http://0177.0.0.1/", host),
            ("http://256.256.256.256/", host),
            ("http://1.2.3.4.5/", host),
            ("http://1.2.3.08/", host),
            ("http://foo.0x/", host),
            ("http://handoff-worker.spin.internal/work", "is private"),
            ("http://Handoff-Worker.Spin.Internal.:80/work", "is private"),
        ];
        for (url, expected) in table {
            let reason = check_url(url).expect_err(url);
            assert!(reason.contains(expected), "{url}: {reason}");
        }
        let long = format!("http://x/{}", "a".repeat(URL_MAX_BYTES));
        assert!(check_url(&long).is_err_and(|reason| reason.contains("8000")));
        let label = format!("http://{}/", "a".repeat(LABEL_MAX_BYTES + 1));
        assert!(check_url(&label).is_err());
    }
}
