//! Hosts: the names by which callers may reach the application.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The domain of calls between components. Hosts take no such call from outside.
const CHAINING_DOMAIN: &str = ".spin.internal";

/// A host and a port, as in a URL or the header `Host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    /// An IPv6 address is in brackets.
    pub host: &'a str,
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        // The colons of an IPv6 address are inside brackets.
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
        let port = match port {
            Some("") | None => None,
            Some(port) if is_port(port) => Some(port.parse().ok()?),
            Some(_) => return None,
        };
        (is_ipv6(host) || is_name(host)).then_some(Self { host, port })
    }

    /// Whether only this machine itself uses the name.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host.strip_suffix('.').unwrap_or(self.host);
        let host = host.to_ascii_lowercase();
        if let Ok(ip) = host.parse::<Ipv4Addr>() {
            return ip.is_loopback();
        }
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        if let Some(Ok(ip)) = bare.map(str::parse::<Ipv6Addr>) {
            return ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback());
        }
        host == "localhost" || host.ends_with(".localhost")
    }

    fn is_chained(&self) -> bool {
        self.host.to_ascii_lowercase().ends_with(CHAINING_DOMAIN)
    }
}

fn is_ipv6(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    bare.is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok())
}

fn is_name(host: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    !host.is_empty() && host.bytes().all(known)
}

/// The names by which callers may reach an application without tokens, as the variable
/// `allowed_hosts` lists them. Names that only this machine itself uses are always allowed.
///
/// ```
/// use handoff_wire::Hosts;
///
/// let hosts: Hosts = "tasks.example.org, *.internal.example:8080".parse().unwrap();
/// assert!(hosts.allow("tasks.example.org:3000"));
/// assert!(hosts.allow("a.internal.example:8080"));
/// assert!(hosts.allow("localhost:3000"));
/// assert!(!hosts.allow("evil.example"));
/// assert!("https://tasks.example.org".parse::<Hosts>().is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts {
    any: bool,
    listed: Vec<Listed>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    /// In lower case. `.example.org` stands for every name below it.
    host: String,
    /// `None` stands for any port.
    port: Option<u16>,
}

impl Hosts {
    /// Allows every name.
    pub const fn any() -> Self {
        Self {
            any: true,
            listed: Vec::new(),
        }
    }

    /// Whether a request may name this receiver, with or without a port.
    pub fn allow(&self, authority: &str) -> bool {
        let Some(asked) = Authority::parse(authority) else {
            return self.any;
        };
        self.any
            || asked.is_loopback()
            || asked.is_chained()
            || self.listed.iter().any(|listed| listed.is(asked))
    }
}

impl Hosts {
    /// Whether the host of an absolute URL is listed. Unlike for callers, this machine's own names
    /// are not allowed by themselves.
    ///
    /// ```
    /// use handoff_wire::Hosts;
    ///
    /// let hosts: Hosts = "api.example.org 127.0.0.1:*".parse().unwrap();
    /// assert!(hosts.list("https://api.example.org/a") && hosts.list("http://127.0.0.1:8080"));
    /// assert!(!hosts.list("http://localhost:8080/") && !hosts.list("no URL"));
    /// ```
    pub fn list(&self, url: &str) -> bool {
        let Some((scheme, rest)) = url.split_once("://") else {
            return false;
        };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let Some(mut asked) = Authority::parse(authority) else {
            return false;
        };
        let default = match scheme.eq_ignore_ascii_case("https") {
            true => 443,
            false => 80,
        };
        asked.port = asked.port.or(Some(default));
        self.any || self.listed.iter().any(|listed| listed.is(asked))
    }
}

impl Listed {
    fn is(&self, asked: Authority<'_>) -> bool {
        let host = asked.host.strip_suffix('.').unwrap_or(asked.host);
        let host = host.to_ascii_lowercase();
        let named = match self.host.starts_with('.') {
            true => host.ends_with(&self.host) && host.len() > self.host.len(),
            false => host == self.host,
        };
        named && (self.port.is_none() || self.port == asked.port)
    }
}

impl FromStr for Hosts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut hosts = Self::default();
        for item in crate::items(text) {
            if item == "*" {
                if hosts.any {
                    return Err("\"*\" is there twice".to_owned());
                }
                hosts.any = true;
                continue;
            }
            // As in spin.toml, `:*` is any port.
            let host = item.strip_suffix(":*").unwrap_or(item);
            let name = host.strip_prefix('*').unwrap_or(host);
            let below = name.len() < host.len();
            let parsed = Authority::parse(name).filter(|a| below == a.host.starts_with('.'));
            let Some(Authority { host, port }) = parsed else {
                return Err(format!(
                    "{item:?} is not a host: write tasks.example.org, tasks.example.org:8080, *.example.org, 10.1.2.3 \
                     or [fd00::1]"
                ));
            };
            let host = host.to_ascii_lowercase();
            let listed = Listed { host, port };
            if hosts.listed.contains(&listed) {
                return Err(format!("{item:?} is there twice"));
            }
            hosts.listed.push(listed);
        }
        Ok(hosts)
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Hosts {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn hosts_are_this_machine_and_what_is_listed() {
        let none = Hosts::default();
        for name in [
            "localhost",
            "LOCALHOST:3000",
            "localhost.:3000",
            "app.localhost:80",
            "127.0.0.1",
            "127.8.9.10:65535",
            "[::1]",
            "[0:0:0:0:0:0:0:1]:3000",
            "[::ffff:127.0.0.1]:3000",
            "handoff-api.spin.internal",
        ] {
            assert!(none.allow(name), "{name}");
        }
        for name in [
            "example.org",
            "localhosts",
            "xlocalhost",
            "localhost:x",
            "localhost:99999",
            "127.0.0.1@evil.example",
            "127.1",
            "2130706433",
            "::1",
            "[::1",
            "spin.internal",
            "spin.internal.evil.example",
        ] {
            assert!(!none.allow(name), "{name}");
        }
        let some = hosts("Tasks.example, *.in.example:8080 10.1.2.3 [fd00::1]:80");
        for (name, allowed) in [
            ("tasks.example", true),
            ("TASKS.example.:3000", true),
            ("a.tasks.example", false),
            ("a.in.example:8080", true),
            ("a.b.in.example:8080", true),
            ("a.in.example", false),
            ("in.example:8080", false),
            ("10.1.2.3:3000", true),
            ("10.1.2.4:3000", false),
            ("[fd00::1]:80", true),
            ("[fd00::1]:81", false),
            ("localhost:3000", true),
        ] {
            assert_eq!(some.allow(name), allowed, "{name}");
        }
        assert!(hosts("*").allow("whatever.example:99"));
    }

    #[test]
    fn a_host_is_listed_once() {
        for (text, twice) in [
            ("a.example b.example A.example", "\"A.example\""),
            ("*.a.example:80, *.a.example:80", "\"*.a.example:80\""),
            ("* a.example *", "\"*\""),
        ] {
            let error = text.parse::<Hosts>().expect_err(text);
            assert_eq!(error, format!("{twice} is there twice"), "{text}");
        }
        // Each of these allows a name that the others do not.
        hosts("a.example:80 a.example:81 a.example *.a.example");
    }

    #[test]
    fn what_is_no_host_is_named() {
        for wrong in [
            "https://a.example",
            "a.example/",
            "*a.example",
            "a.*.example",
            "a.example:port",
            "[::x]",
            ".example",
            "ä.example",
            "a.example:70000",
        ] {
            let error = format!("ok.example {wrong}").parse::<Hosts>();
            let error = error.expect_err(wrong);
            assert!(
                error.contains(wrong) && error.contains("not a host"),
                "{error}"
            );
        }
    }
}
