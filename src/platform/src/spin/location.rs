//! The location of the store, from the variable `store`.

use std::str::FromStr;

const EXPECTED: &str = "it must be \"key-value\", for the host's own store, or redis://[USER:PASSWORD@]HOST[:PORT][/NUMBER], \
     or the same with rediss:// for TLS, or postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?sslmode=…]. \
     What is special in a password is percent-encoded";

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Location {
    KeyValue,
    Redis(Server),
    Postgres(Server),
}

/// A server that the components reach themselves.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// The whole URL for the host, including parts that must not be shown.
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
        match scheme {
            "postgres" | "postgresql" => return postgres(rest).map(Self::Postgres).ok_or(EXPECTED),
            "redis" | "rediss" => {}
            _ => return Err(EXPECTED),
        }
        let (authority, number) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (Some(user), address),
            None => (None, authority),
        };
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let (host, port) = host_and_port(address, "6379").ok_or(EXPECTED)?;
        let right = user.is_none_or(is_user) && digits(number);
        if !right {
            return Err(EXPECTED);
        }
        Ok(Self::Redis(Server {
            // Spin knows no default port of rediss.
            url: format!(
                "{scheme}://{}{host}:{port}/{number}",
                &authority[..authority.len() - address.len()]
            ),
            origin: format!("{scheme}://{host}:{port}"),
            // A user alone is a password here.
            password: password_of(user, user),
        }))
    }
}

/// The password of `user:password`, or else this one.
fn password_of(user: Option<&str>, or: Option<&str>) -> Option<String> {
    let password = match user?.split_once(':') {
        Some((_, password)) => password,
        None => or?,
    };
    Some(password.to_owned()).filter(|password| !password.is_empty())
}

/// Whether a host can parse a URL with this before its `@`.
fn is_user(user: &str) -> bool {
    user.bytes()
        .all(|b| b.is_ascii_graphic() && !b"/?#[]@".contains(&b))
}

/// Splits `HOST[:PORT]`.
fn host_and_port<'a>(address: &'a str, default: &'static str) -> Option<(&'a str, &'a str)> {
    // The colons of an IPv6 address are inside brackets.
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (address, default),
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
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    (is_host && digits && port.parse::<u16>().is_ok()).then_some((host, port))
}

/// Reads what follows the scheme of a Postgres URL.
fn postgres(rest: &str) -> Option<Server> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/')?;
    let (user, addresses) = authority.rsplit_once('@')?;
    let is_name = |name: &str| {
        let known = |b: u8| b.is_ascii_alphanumeric() || b"-._~%".contains(&b);
        !name.is_empty() && name.bytes().all(known)
    };
    // Several servers of one cluster have a comma between them.
    let addresses = addresses
        .split(',')
        .map(|address| host_and_port(address, "5432"));
    let origins: Option<Vec<_>> = addresses
        .map(|address| address.map(|(host, port)| format!("{host}:{port}")))
        .collect();
    let origins = origins?.join(",");
    let mut parameters = parameters(query)?;
    for (name, value) in PARAMETERS {
        if !parameters.iter().any(|(given, _)| *given == name) {
            parameters.push((name, value));
        }
    }
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    (is_user(user) && is_name(database)).then(|| Server {
        url: format!(
            "postgres://{user}@{origins}/{database}?{}",
            parameters.join("&")
        ),
        origin: format!("postgres://{origins}"),
        password: password_of(Some(user), None),
    })
}

/// Noticed: a server that can't be reached, and one that vanished while it was asked.
const PARAMETERS: [(&str, &str); 5] = [
    ("connect_timeout", "5"),
    ("tcp_user_timeout", "15"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "3"),
    ("keepalives_retries", "3"),
];

/// The parameters of a URL that hosts know.
fn parameters(query: &str) -> Option<Vec<(&str, &str)>> {
    let known = |name: &str| {
        [
            "sslmode",
            "channel_binding",
            "application_name",
            "target_session_attrs",
            "options",
        ]
        .contains(&name)
            || PARAMETERS.iter().any(|(known, _)| *known == name)
    };
    let parameter = |part| {
        let (name, value): (&str, &str) = str::split_once(part, '=')?;
        let is_value = value
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"&?#".contains(&b));
        // Hosts check the certificate whenever they use TLS, and know no other name for that.
        let value = match value {
            "verify-ca" | "verify-full" if name == "sslmode" => "require",
            _ => value,
        };
        (known(name) && is_value).then_some((name, value))
    };
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(parameter).collect()
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
    fn a_postgres_is_reached_with_bounded_waits() {
        let bounds = "connect_timeout=5&tcp_user_timeout=15&keepalives_idle=10&keepalives_interval=3&keepalives_retries=3";
        for (text, origin, url) in [
            (
                "postgres://me:hunter2@db.example.org/jobs",
                "postgres://db.example.org:5432",
                format!("postgres://me:hunter2@db.example.org:5432/jobs?{bounds}"),
            ),
            (
                "postgresql://me@[::1]:70/jobs?sslmode=verify-full&connect_timeout=5",
                "postgres://[::1]:70",
                format!("postgres://me@[::1]:70/jobs?sslmode=require&{bounds}"),
            ),
            (
                "postgres://me@a,b:6000/jobs?target_session_attrs=read-write",
                "postgres://a:5432,b:6000",
                format!(
                    "postgres://me@a:5432,b:6000/jobs?target_session_attrs=read-write&{bounds}"
                ),
            ),
        ] {
            let Ok(Location::Postgres(server)) = text.parse() else {
                panic!("{text}");
            };
            assert_eq!((server.origin.as_str(), server.url), (origin, url));
            let said = server.password.map(|p| p.contains("hunter2"));
            assert!(said.unwrap_or(true), "{text}");
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
            "postgres://secret",
            "postgres://u:secret@a",
            "postgres://u:secret@a/",
            "postgres://a/secret",
            "postgres://u:se#cret@a/b",
            "postgres://u:secret@a:1:2/b",
            "postgres://u:secret@a/b?password=secret",
            "postgres://u:secret@a/b?sslmode",
            "postgres://u:secret@a,/b",
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
