//! The location of the store, from the variable `store`.

use std::str::FromStr;

const EXPECTED: &str = "it must be \"key-value\", for the host's own store, or redis://[USER:PASSWORD@]HOST[:PORT][/NUMBER], \
     or the same with rediss:// for TLS. What is special in a password is percent-encoded";

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Location {
    KeyValue,
    Redis(Server),
}

/// A Redis server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// The whole URL, including parts that must not be shown.
    pub url: String,
    /// Scheme, host and port. Errors name it, and `allowed_outbound_hosts` lists it.
    pub origin: String,
    password: Option<String>,
}

impl Server {
    /// Returns a message of the server or the host, unless it repeats the password.
    pub(super) fn shown(&self, reason: String) -> String {
        match &self.password {
            Some(password) if reason.contains(password) => {
                "what was said is not shown, since the password is in it".to_owned()
            }
            _ => reason,
        }
    }
}

impl FromStr for Location {
    type Err = &'static str;

    /// Reads the variable. The error does not repeat the text. A host can parse every accepted URL;
    /// it might print others.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = text.trim();
        if url == "key-value" {
            return Ok(Self::KeyValue);
        }
        let (scheme, rest) = url.split_once("://").ok_or(EXPECTED)?;
        let (authority, number) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (Some(user), address),
            None => (None, authority),
        };
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        // The colons of an IPv6 address are inside brackets.
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (address, "6379"),
        };
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let is_host = match bare {
            Some(ip) => ip.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                let known = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
                !host.is_empty() && host.bytes().all(known)
            }
        };
        let is_user = user.is_none_or(|user| {
            user.bytes()
                .all(|b| b.is_ascii_graphic() && !b"/?#[]@".contains(&b))
        });
        let right = matches!(scheme, "redis" | "rediss")
            && is_host
            && is_user
            && digits(port)
            && port.parse::<u16>().is_ok()
            && digits(number);
        if !right {
            return Err(EXPECTED);
        }
        let password = user.map(|user| user.split_once(':').map_or(user, |(_, password)| password));
        Ok(Self::Redis(Server {
            // Spin knows no default port of rediss.
            url: format!(
                "{scheme}://{}{host}:{port}/{number}",
                &authority[..authority.len() - address.len()]
            ),
            origin: format!("{scheme}://{host}:{port}"),
            password: password.filter(|p| !p.is_empty()).map(str::to_owned),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Server {
        match text.parse() {
            Ok(Location::Redis(server)) => server,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_is_shown_of_a_url_is_where_it_leads() {
        assert_eq!(" key-value\n".parse(), Ok(Location::KeyValue));
        for (text, origin, url) in [
            ("redis://a", "redis://a:6379", "redis://a:6379/"),
            ("redis://a:7000/3", "redis://a:7000", "redis://a:7000/3"),
            (
                "rediss://user:pass@a.example.org",
                "rediss://a.example.org:6379",
                "rediss://user:pass@a.example.org:6379/",
            ),
            (
                "redis://:p%40ss:word@my_redis/",
                "redis://my_redis:6379",
                "redis://:p%40ss:word@my_redis:6379/",
            ),
            ("redis://[::1]", "redis://[::1]:6379", "redis://[::1]:6379/"),
            (
                "redis://[::1]:70/1",
                "redis://[::1]:70",
                "redis://[::1]:70/1",
            ),
        ] {
            let server = server(text);
            assert_eq!((server.origin.as_str(), server.url.as_str()), (origin, url));
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_and_not_repeated() {
        for text in [
            "",
            "default",
            "redis",
            "redis://",
            "redis://:secret@",
            "redis:///1",
            "http://secret",
            "redis://secret:port",
            "redis://secret:",
            "redis://a:70000",
            "redis://a/secret",
            "redis://a/1?protocol=resp3",
            "redis://a b",
            "redis://:se cret@a",
            "redis://:se/cret@a",
            "redis://[secret]",
            "redis://a:1:2",
            "redis://*",
        ] {
            let refused = text.parse::<Location>().expect_err(text);
            assert!(!refused.contains("secret"), "{refused}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let hidden = |url, reason: &str| !server(url).shown(reason.to_owned()).contains("hunter2");
        for url in [
            "redis://:hunter2@a",
            "redis://u:hunter2@a/1",
            "redis://hunter2@a",
        ] {
            assert!(hidden(url, "can't use redis://u:hunter2@a"), "{url}");
        }
        let said = "Connection refused (os error 111)";
        assert_eq!(server("redis://:hunter2@a").shown(said.to_owned()), said);
        assert_eq!(server("redis://:@a").shown(said.to_owned()), said);
    }
}
