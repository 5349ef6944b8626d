//! Refusing requests that a browser may have sent for pages of other sites.

use super::cors::Cors;
use super::problem::Problem;
use super::request::Request;
use crate::variables;
use handoff_wire::{Foreign, Hosts, Origins, Scope, Sender, Senders};
use spin_sdk::http::Method;

const VARIABLE: &str = "allowed_hosts";

/// Refuses a request that a page of another site may have sent. `scope` is the scope that it needs.
/// `None` is a probe: it reveals nothing about tasks, and schedulers call it by the addresses of
/// pods and machines.
///
/// # Errors
/// 403 that names the foreign part, 500 if a variable can't be used.
pub(super) fn check(
    request: &Request,
    scope: Option<Scope>,
    cors: &Cors,
    open: bool,
) -> Result<(), Problem> {
    if !open && cors.origins.is_empty() {
        return Ok(());
    }
    let authority = request.authority();
    let site = request.header("sec-fetch-site");
    let reads = matches!(request.method(), Method::Get | Method::Head)
        && matches!(scope, None | Some(Scope::Read));
    let sender = Sender {
        authority: &authority,
        origin: cors.origin.as_deref(),
        site: site.as_deref(),
        navigates: reads && site.is_some() && navigates(request),
    };
    let hosts = match open {
        true if reads && scope.is_none() => Some(Hosts::any()),
        // Most requests need not read the variable, which costs time on Spin.
        true if !Hosts::default().allow(&authority) => Some(allowed_hosts()?),
        true => Some(Hosts::default()),
        false => None,
    };
    let senders = Senders {
        origins: &cors.origins,
        hosts: hosts.as_ref(),
    };
    senders.check(&sender).map_err(|e| refusal(e, open))
}

/// Refuses a request for a page of the application unless one of its own pages sent it, a user, or a
/// program. A user who follows a link from elsewhere may read. A cookie brings the token, which a
/// browser adds by itself, so this counts with tokens as well, and no list of origins does.
///
/// # Errors
/// 403 that names the foreign part, 500 if a variable can't be used.
pub(super) fn check_page(request: &Request, open: bool) -> Result<(), Problem> {
    let authority = request.authority();
    let (origin, site) = (request.header("origin"), request.header("sec-fetch-site"));
    let reads = matches!(request.method(), Method::Get | Method::Head);
    let sender = Sender {
        authority: &authority,
        origin: origin.as_deref(),
        site: site.as_deref(),
        navigates: reads && site.is_some() && navigates(request),
    };
    let hosts = match open {
        // The cookie belongs to one name, so a page that has another name for this one has no token.
        false => Hosts::any(),
        true if Hosts::default().allow(&authority) => Hosts::default(),
        true => allowed_hosts()?,
    };
    let senders = Senders {
        origins: &Origins::default(),
        hosts: Some(&hosts),
    };
    senders.check(&sender).map_err(|e| refusal(e, open))
}

/// Whether a user followed a link or typed the address: then a browser shows the answer in a tab.
fn navigates(request: &Request) -> bool {
    let says = |name: &str, value: &str| request.header(name).as_deref() == Some(value);
    says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document")
}

/// The names by which callers may reach the application while no tokens are set.
///
/// # Errors
/// If the variable can't be used.
pub fn allowed_hosts() -> Result<Hosts, Problem> {
    let hosts = variables::text(VARIABLE)?.parse();
    hosts.map_err(|reason: String| {
        Problem::misconfigured(format!(
            "the variable {VARIABLE:?} can't be used: {reason}. Write hosts with commas or white space between them, or *"
        ))
    })
}

fn refusal(foreign: Foreign<'_>, open: bool) -> Problem {
    // If tokens are set, only the list of origins decides.
    let open = if open {
        "No tokens are set (variable api_tokens), so "
    } else {
        ""
    };
    match foreign {
        Foreign::Host(host) => Problem::new(
            403,
            "host-not-allowed",
            "The application is not called by that name",
            format!(
                "{open}only this machine's own names are served, not {host:?}. Set api_tokens, or list the host in the \
                 variable {VARIABLE}."
            ),
        ),
        Foreign::Origin(origin) => Problem::new(
            403,
            "origin-not-allowed",
            "Pages of that origin may not call",
            format!(
                "{open}only listed pages may call. The variable cors_origins does not list {origin:?}."
            ),
        ),
        Foreign::Site(site) => Problem::new(
            403,
            "origin-not-allowed",
            "Pages of that origin may not call",
            format!(
                "{open}only listed pages may call. The browser says that another page sent this \
                 (Sec-Fetch-Site: {site}). List its origin in the variable cors_origins."
            ),
        ),
    }
}
