//! `allowed_outbound_hosts`: what a component may call.

use anyhow::{Context, Result, bail, ensure};

/// The entries of one component.
#[derive(Debug, Default)]
pub(crate) struct AllowedHosts(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    /// None is any.
    scheme: Option<String>,
    host: Host,
    port: Port,
}

#[derive(Debug)]
enum Host {
    Any,
    /// `*.example.com`, kept as `.example.com`.
    Below(String),
    /// The application's own address.
    Own,
    Exact(String),
}

#[derive(Debug)]
enum Port {
    Any,
    One(u16),
}

/// Where a request wants to go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub scheme: &'a str,
    /// Lower case, without port, an IPv6 address in brackets.
    pub host: &'a str,
    pub port: Option<u16>,
    /// It means this very server.
    pub own: bool,
}

impl AllowedHosts {
    /// Reads the entries, or says which one is wrong.
    pub(crate) fn parse(entries: &[String]) -> Result<Self> {
        entries
            .iter()
            .map(|entry| {
                Entry::parse(entry)
                    .with_context(|| format!("allowed_outbound_hosts entry {entry:?}"))
            })
            .collect::<Result<_>>()
            .map(Self)
    }

    pub(crate) fn allows(&self, target: Target<'_>) -> bool {
        self.0.iter().any(|entry| entry.allows(target))
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self> {
        let (scheme, rest) = text
            .split_once("://")
            .context("write it as scheme://host[:port]; each may be *")?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        ensure!(
            !rest.contains('/'),
            "a path or a network range is not possible here"
        );
        // The colons of an IPv6 address are inside brackets.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let port = match port {
            Some("*") => Port::Any,
            Some(port) => Port::One(port.parse().context("the port is a number or *")?),
            None => Port::One(
                default_port(scheme).context("this scheme has no default port; add one, or :*")?,
            ),
        };
        ensure!(
            scheme == "*" || scheme.bytes().all(|b| b.is_ascii_alphabetic()),
            "the scheme is letters or *"
        );
        let host = match host {
            "" => bail!("the host is missing"),
            "*" => Host::Any,
            "self" | "self.alt" => Host::Own,
            _ => match host.strip_prefix('*') {
                Some(domain) if domain.starts_with('.') && !domain.contains('*') => {
                    Host::Below(domain.to_lowercase())
                }
                None if !host.contains('*') => Host::Exact(host.to_lowercase()),
                _ => bail!("a * stands for the whole host or its first part, as in *.example.com"),
            },
        };
        let scheme = (scheme != "*").then(|| scheme.to_lowercase());
        Ok(Self { scheme, host, port })
    }

    fn allows(&self, target: Target<'_>) -> bool {
        if self
            .scheme
            .as_ref()
            .is_some_and(|scheme| scheme != target.scheme)
        {
            return false;
        }
        let port = match self.port {
            Port::Any => true,
            Port::One(port) => target.port.or_else(|| default_port(target.scheme)) == Some(port),
        };
        match &self.host {
            // Spin does not look at the port either when a component calls its own application.
            Host::Own => target.own,
            Host::Any => target.own || port,
            Host::Below(domain) => {
                port && target.host.ends_with(domain) && target.host.len() > domain.len()
            }
            Host::Exact(host) => port && target.host == host,
        }
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "postgres" => Some(5432),
        "redis" => Some(6379),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entry: &str, scheme: &str, host: &str, port: Option<u16>) -> bool {
        let allowed = AllowedHosts::parse(&[entry.to_owned()]).expect(entry);
        allowed.allows(Target {
            scheme,
            host,
            port,
            own: false,
        })
    }

    /// An entry, a target's scheme, host and port, and whether the entry allows it.
    type Row = (&'static str, &'static str, &'static str, Option<u16>, bool);

    const ROWS: &[Row] = &[
        ("http://example.com", "http", "example.com", None, true),
        ("http://example.com/", "http", "example.com", None, true),
        ("http://Example.com", "http", "example.com", Some(80), true),
        (
            "http://example.com",
            "http",
            "example.com",
            Some(8080),
            false,
        ),
        ("http://example.com", "https", "example.com", None, false),
        ("http://example.com", "http", "www.example.com", None, false),
        (
            "https://example.com",
            "https",
            "example.com",
            Some(443),
            true,
        ),
        (
            "http://example.com:8080",
            "http",
            "example.com",
            Some(8080),
            true,
        ),
        (
            "http://example.com:8080",
            "http",
            "example.com",
            None,
            false,
        ),
        ("http://127.0.0.1:*", "http", "127.0.0.1", Some(4711), true),
        ("http://127.0.0.1:*", "http", "127.0.0.2", Some(4711), false),
        ("http://[::1]:80", "http", "[::1]", None, true),
        ("http://[::1]", "http", "[::1]", None, true),
        ("http://*.example.com", "http", "a.example.com", None, true),
        (
            "http://*.example.com",
            "http",
            "a.b.example.com",
            None,
            true,
        ),
        ("http://*.example.com", "http", "example.com", None, false),
        (
            "http://*.example.com",
            "http",
            "badexample.com",
            None,
            false,
        ),
        ("http://*:80", "http", "any.where", None, true),
        ("*://*:*", "https", "any.where", Some(99), true),
        ("*://example.com:443", "https", "example.com", None, true),
        (
            "http://worker.spin.internal",
            "http",
            "worker.spin.internal",
            None,
            true,
        ),
        (
            "http://worker.spin.internal",
            "http",
            "api.spin.internal",
            None,
            false,
        ),
        (
            "http://*.spin.internal",
            "http",
            "api.spin.internal",
            None,
            true,
        ),
        ("http://self", "http", "example.com", None, false),
        ("redis://a", "redis", "a", Some(6379), true),
        ("redis://a", "redis", "a", Some(6380), false),
        ("redis://a:*", "rediss", "a", Some(6379), false),
    ];

    #[test]
    fn entries_against_targets() {
        for &(entry, scheme, host, port, expected) in ROWS {
            assert_eq!(
                allows(entry, scheme, host, port),
                expected,
                "{entry} for {scheme}://{host} {port:?}"
            );
        }
    }

    #[test]
    fn only_self_and_any_host_mean_this_server() {
        let own = Target {
            scheme: "http",
            host: "127.0.0.1",
            port: Some(3000),
            own: true,
        };
        for (entry, expected) in [
            ("http://self", true),
            ("http://*:80", true),
            ("https://self", false),
            ("http://a", false),
        ] {
            assert_eq!(
                AllowedHosts::parse(&[entry.to_owned()])
                    .expect(entry)
                    .allows(own),
                expected,
                "{entry}"
            );
        }
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        let target = Target {
            scheme: "http",
            host: "example.com",
            port: None,
            own: true,
        };
        assert!(!AllowedHosts::default().allows(target));
    }

    #[test]
    fn bad_entries_are_named() {
        for entry in [
            "*",
            "example.com",
            "http://",
            "http://a/b",
            "http://a:x",
            "*://a",
            "ftp://a",
            "http://a*b",
            "http://*.*.a",
            "h2p://a:1",
        ] {
            let error = format!(
                "{:#}",
                AllowedHosts::parse(&[entry.to_owned()]).expect_err(entry)
            );
            assert!(error.contains(&format!("{entry:?}")), "{error}");
        }
    }
}
