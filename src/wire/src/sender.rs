//! Refusing requests that a browser sent for another site. Without tokens, a browser on the
//! developer's machine would let every page in.

use crate::hosts::{Authority, Hosts};
use crate::origins::Origins;

/// The sender of a request, as far as its head tells.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sender<'a> {
    /// The receiver's host, and its port if there is one, as the request names it.
    pub authority: &'a str,
    /// The header `Origin`.
    pub origin: Option<&'a str>,
    /// The header `Sec-Fetch-Site`.
    pub site: Option<&'a str>,
    /// A GET that only reads, and whose answer a browser shows by itself. No page can read it.
    pub navigates: bool,
}

/// The senders that the deployment allows.
#[derive(Debug, Clone, Copy)]
pub struct Senders<'a> {
    /// The origins whose pages may call.
    pub origins: &'a Origins,
    /// The names by which callers may reach the application. `None` if tokens are set, since they
    /// protect better.
    pub hosts: Option<&'a Hosts>,
}

/// The reason why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign<'a> {
    /// It names this host, which may be a foreign name for this machine (DNS rebinding).
    Host(&'a str),
    /// A page of this origin sent it.
    Origin(&'a str),
    /// A page of another origin sent it, as the browser says: `cross-site` or `same-site`.
    Site(&'a str),
}

impl Senders<'_> {
    /// Refuses a request that a browser may have sent for another site. Programs that send none of
    /// these headers pass.
    ///
    /// # Errors
    /// The foreign part of the request.
    pub fn check<'a>(&self, sender: &Sender<'a>) -> Result<(), Foreign<'a>> {
        if let Some(hosts) = self.hosts
            && !hosts.allow(sender.authority)
        {
            return Err(Foreign::Host(sender.authority));
        }
        if self.hosts.is_none() && self.origins.is_empty() {
            return Ok(());
        }
        if let Some(origin) = sender.origin {
            if self.origins.allow(origin) {
                return Ok(());
            }
            if !is_same(origin, sender.authority) {
                return Err(Foreign::Origin(origin));
            }
        }
        match sender.site {
            // A browser never adds a token by itself.
            _ if self.hosts.is_none() || sender.navigates => Ok(()),
            Some("same-origin" | "none") | None => Ok(()),
            // Every page may call, so the sending page does not matter.
            Some(_) if self.origins.is_any() => Ok(()),
            Some(site) => Err(Foreign::Site(site)),
        }
    }
}

/// Whether an origin is the receiver's own. Behind a proxy with TLS the receiver does not know its
/// own scheme.
fn is_same(origin: &str, authority: &str) -> bool {
    let Some((scheme, own)) = origin.split_once("://") else {
        return false;
    };
    let default = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    let (Some(page), Some(receiver)) = (Authority::parse(own), Authority::parse(authority)) else {
        return false;
    };
    page.host.eq_ignore_ascii_case(receiver.host)
        && page.port.unwrap_or(default) == receiver.port.unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(text: &str) -> Origins {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    fn hosts(text: &str) -> Hosts {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    fn head<'a>(authority: &'a str, origin: &'a str, site: &'a str) -> Sender<'a> {
        Sender {
            authority,
            origin: Some(origin).filter(|text| !text.is_empty()),
            site: Some(site).filter(|text| !text.is_empty()),
            navigates: false,
        }
    }

    /// Host, Origin, Sec-Fetch-Site, and whether it passes without tokens, and with tokens and
    /// `cors_origins`. Only `https://app.example` is listed.
    type Row = (&'static str, &'static str, &'static str, bool, bool);

    const APP: &str = "https://app.example";

    /// Programs, this application's own pages, and listed pages.
    const OWN: &[Row] = &[
        // Programs.
        ("localhost:3000", "", "", true, true),
        ("handoff.spin.internal", "", "", true, true),
        // This application's own pages.
        (
            "localhost:3000",
            "http://localhost:3000",
            "same-origin",
            true,
            true,
        ),
        ("127.0.0.1", "http://127.0.0.1", "", true, true),
        ("[::1]:3000", "http://[::1]:3000", "", true, true),
        (
            "tasks.example",
            "https://tasks.example",
            "same-origin",
            true,
            true,
        ),
        ("tasks.example:443", "https://tasks.example", "", true, true),
        ("Tasks.Example", "https://tasks.example", "", true, true),
        // Typed by the user.
        ("localhost:3000", "", "none", true, true),
        // Listed pages.
        ("localhost:3000", APP, "cross-site", true, true),
        ("localhost:3000", APP, "", true, true),
    ];

    /// Foreign pages.
    const FOREIGN: &[Row] = &[
        ("localhost:3000", "https://evil.example", "", false, false),
        (
            "localhost:3000",
            "https://evil.example",
            "cross-site",
            false,
            false,
        ),
        ("localhost:3000", "null", "cross-site", false, false),
        ("localhost:3000", "null", "", false, false),
        (
            "localhost:3000",
            "http://localhost:5173",
            "same-site",
            false,
            false,
        ),
        ("localhost:3000", "http://localhost", "", false, false),
        ("localhost:3000", "https://localhost:3000", "", true, true),
        // The browser knows its own name for the receiver better.
        (
            "tasks.example",
            "http://tasks.example",
            "same-site",
            false,
            true,
        ),
        (
            "tasks.example",
            "https://tasks.example.evil.example",
            "",
            false,
            false,
        ),
        ("tasks.example", "https://xtasks.example", "", false, false),
        ("tasks.example", "ftp://tasks.example", "", false, false),
        ("localhost:3000", "", "cross-site", false, true),
        ("localhost:3000", "", "same-site", false, true),
        ("localhost:3000", "", "whatever", false, true),
    ];

    /// DNS rebinding: a page that takes itself for the application's own.
    const REBOUND: &[Row] = &[
        (
            "evil.example:3000",
            "http://evil.example:3000",
            "same-origin",
            false,
            true,
        ),
        ("evil.example:3000", "", "", false, true),
        ("localhost.evil.example", "", "", false, true),
        ("127.0.0.1.evil.example", "", "", false, true),
        ("0.0.0.0:3000", "", "", false, true),
        ("192.168.1.5:3000", "", "", false, true),
        ("[::2]:3000", "", "", false, true),
        ("", "", "", false, true),
    ];

    #[test]
    fn who_sends_for_another_site_is_refused() {
        let origins = origins(APP);
        let hosts = hosts("tasks.example");
        for &(authority, origin, site, open, with_tokens) in
            [OWN, FOREIGN, REBOUND].into_iter().flatten()
        {
            let sender = head(authority, origin, site);
            for (hosts, expected) in [(Some(&hosts), open), (None, with_tokens)] {
                let origins = &origins;
                let found = Senders { origins, hosts }.check(&sender);
                assert_eq!(found.is_ok(), expected, "{sender:?} {hosts:?}: {found:?}");
            }
        }
    }

    #[test]
    fn what_is_foreign_is_named() {
        let (origins, hosts) = (Origins::default(), Hosts::default());
        let open = Senders {
            origins: &origins,
            hosts: Some(&hosts),
        };
        for (authority, origin, site, found) in [
            ("evil", "http://evil", "", Foreign::Host("evil")),
            ("localhost", "null", "cross-site", Foreign::Origin("null")),
            ("localhost", "", "same-site", Foreign::Site("same-site")),
        ] {
            let sender = head(authority, origin, site);
            assert_eq!(open.check(&sender), Err(found));
        }
        // A link that a user follows shows a task only to the user.
        let mut link = head("localhost", "", "cross-site");
        link.navigates = true;
        assert_eq!(open.check(&link), Ok(()));
        // With tokens and without a list the sender does not matter.
        let tokens = Senders {
            origins: &origins,
            hosts: None,
        };
        let sender = head("evil", "https://evil", "cross-site");
        assert_eq!(tokens.check(&sender), Ok(()));
    }

    #[test]
    fn every_page_may_call_if_the_list_says_so() {
        let (origins, hosts) = (origins("*"), Hosts::default());
        let open = Senders {
            origins: &origins,
            hosts: Some(&hosts),
        };
        for (origin, site) in [
            ("null", ""),
            ("https://a", "cross-site"),
            ("", "cross-site"),
        ] {
            assert_eq!(open.check(&head("localhost", origin, site)), Ok(()));
        }
        let found = open.check(&head("evil", "https://a", ""));
        assert_eq!(found, Err(Foreign::Host("evil")));
    }
}
