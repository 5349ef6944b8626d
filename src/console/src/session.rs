//! The token of a user who signed in, in a cookie that no script reads and no other site has sent.

use handoff_platform::http::Request;
use handoff_wire::{Target, encode};

const NAME: &str = "handoff_console";
/// The longest token, in bytes.
const TOKEN_MAX_BYTES: usize = 1_000;

/// The token of a request, if it has one that can be sent on. Another path or domain may have set a
/// cookie of the same name.
pub(crate) fn token(cookies: &[String]) -> Option<String> {
    let mut pairs = cookies.iter().flat_map(|header| header.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        if name != NAME {
            return None;
        }
        let mut decoded = Target::new(&format!("?t={value}")).query().ok()?;
        let (_, token) = decoded.pop()?;
        Some(token).filter(|token| is_token(token))
    })
}

/// Whether a text can be sent as a bearer token.
pub(crate) fn is_token(text: &str) -> bool {
    (1..=TOKEN_MAX_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// The cookie of a session, for pages below `base`. It lives as long as the browser.
pub(crate) fn cookie(base: &str, token: &str, secure: bool) -> String {
    format!("{NAME}={}; {}", encode(token), attributes(base, secure))
}

/// Ends the session.
pub(crate) fn no_cookie(base: &str, secure: bool) -> String {
    format!("{NAME}=; Max-Age=0; {}", attributes(base, secure))
}

fn attributes(base: &str, secure: bool) -> String {
    let path = if base.is_empty() { "/" } else { base };
    let secure = if secure { "; Secure" } else { "" };
    format!("Path={path}; HttpOnly; SameSite=Strict{secure}")
}

/// Whether the browser reached the application by https. Behind a proxy with TLS the proxy says so,
/// or the browser itself, by the origin of the page.
pub(crate) fn is_secure(request: &Request) -> bool {
    let forwarded = request.header("x-forwarded-proto").unwrap_or_default();
    let first = forwarded.split(',').next().unwrap_or_default().trim();
    let origin = request.header("origin").unwrap_or_default();
    first.eq_ignore_ascii_case("https") || origin.starts_with("https://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_comes_back() {
        for sent in ["t0ken", "a+b/c=%;\"", "~"] {
            let cookie = cookie("/console", sent, false);
            let pair = cookie.split(';').next().unwrap_or_default().to_owned();
            let found = token(&["a=b; c".to_owned(), format!("x=y; {pair}")]);
            assert_eq!(found.as_deref(), Some(sent));
        }
        for wrong in ["", "%", "%0a", "a%20b", "%C3%A4"] {
            assert_eq!(token(&[format!("{NAME}={wrong}")]), None, "{wrong}");
        }
        assert_eq!(token(&["other=t0ken".to_owned()]), None);
        let several = format!("{NAME}=; {NAME}=%zz; {NAME}=t0ken");
        assert_eq!(token(&[several]).as_deref(), Some("t0ken"));
    }

    #[test]
    fn no_script_and_no_other_site_has_the_cookie() {
        assert_eq!(
            cookie("/console", "a b", true),
            "handoff_console=a%20b; Path=/console; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(no_cookie("", false).ends_with("Max-Age=0; Path=/; HttpOnly; SameSite=Strict"));
    }
}
