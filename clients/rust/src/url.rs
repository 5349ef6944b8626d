//! URLs, paths and queries.

use ureq::http::Uri;

use crate::error::HandoffError;
use crate::http::Query;

/// A path with each name in it as one segment.
pub(crate) fn path(before: &str, name: &str, behind: &str) -> Result<String, HandoffError> {
    // They are no segments: the path would be that of something else.
    if matches!(name, "" | "." | "..") {
        let what = format!("\"{name}\" is neither an id nor a name");
        return Err(HandoffError::invalid(what));
    }
    Ok(format!("{before}{}{behind}", encoded(name)))
}

/// Text as a part of a path or query: all bytes but letters, digits and `-._~` are encoded.
pub(crate) fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The query of a link. Its path may be that of another route than this client's. An empty filter
/// is kept: without it the next call would be about more tasks.
pub(crate) fn query_of(link: &str) -> Query {
    let query = link.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(pair).collect()
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let digits = after.get(..2).and_then(|two| str::from_utf8(two).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, value) {
            (b'%', Some(value)) => {
                bytes.push(value);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether it has the characters of a token by RFC 6750.
pub(crate) fn is_token(token: &str) -> bool {
    let core = token.trim_end_matches('=');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._~+/-".contains(&byte);
    !core.is_empty() && core.bytes().all(allowed)
}

/// The URL without a slash at its end. Messages do not show it: a password may be in it.
pub(crate) fn base(url: &str) -> Result<String, HandoffError> {
    if url.contains(['?', '#']) {
        let what = "the URL must have no query and no fragment";
        return Err(HandoffError::invalid(what));
    }
    let url: String = url.chars().map(visible).collect();
    let unusable = "the URL must be http or https with a host, without a user name";
    let unusable = || HandoffError::invalid(unusable);
    let parsed: Uri = url.parse().map_err(|_| unusable())?;
    let host = parsed.authority().ok_or_else(unusable)?;
    let known = matches!(parsed.scheme_str(), Some("http" | "https"));
    let has_port = host
        .as_str()
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.contains(']'));
    let port_fits = !has_port || host.port_u16().is_some_and(|port| port != 0);
    if !known || host.host().is_empty() || host.as_str().contains('@') || !port_fits {
        return Err(unusable());
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// A character as a URL may have it.
fn visible(character: char) -> String {
    match character.is_ascii_graphic() {
        true => character.to_string(),
        false => encoded(character.encode_utf8(&mut [0; 4])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn urls_that_can_be_used() {
        for (url, used) in [
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("https://a.example/handoff/", "https://a.example/handoff"),
            ("http://[::1]:3000/a", "http://[::1]:3000/a"),
            ("http://[::1]", "http://[::1]"),
            ("http://localhost/ü b", "http://localhost/%C3%BC%20b"),
        ] {
            assert_eq!(base(url).expect(url), used);
        }
    }

    #[test]
    fn urls_that_can_not_be_used_are_not_shown() {
        for url in [
            "",
            "localhost:3000",
            "/handoff",
            "ftp://a",
            "http://",
            "http://a?s3cret",
            "http://a#s3cret",
            "http://user:s3cret@a",
            "http://a:0",
            "http://a:99999",
            "http://a:s3cret",
        ] {
            let error = base(url).expect_err(url);
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{url}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn queries_come_back_as_they_were_sent() {
        for text in ["", "a b+c", "Zoë & Söhne + 50%=?#/", "%zz%4"] {
            let link = format!("/v1/tasks?key={}&from=1f", encoded(text));
            let wanted = [("key", text), ("from", "1f")].map(|(a, b)| (a.to_owned(), b.to_owned()));
            assert_eq!(query_of(&link), wanted, "{link}");
        }
        assert_eq!(query_of("/v1/tasks"), []);
        assert_eq!(
            query_of("/v1/tasks?a=%zz+%4")
                .first()
                .map(|pair| pair.1.as_str()),
            Some("%zz %4")
        );
    }
}
