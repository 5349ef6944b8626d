//! Access control by the variable `api_tokens`. Every public component checks requests here. The
//! tokens and scopes themselves are read and compared in `handoff_wire`.

use super::cors::Cors;
use super::problem::Problem;
use super::request::{Caller, Request};
use super::sender;
pub use super::sender::allowed_hosts;
use crate::variables;
use handoff_wire::{Access, Denied, Scope};

const VARIABLE: &str = "api_tokens";

/// Admits a request that needs `scope`, unless a page of another site may have sent it. A probe
/// needs no scope.
///
/// # Errors
/// 403 if a page of another site may have sent it, or if its token lacks the scope. 401 without a
/// known token. 500 if a variable can't be used.
pub fn admit(request: &Request, scope: Option<Scope>, cors: &Cors) -> Result<Caller, Problem> {
    let access = access()?;
    sender::check(request, scope, cors, access.is_open())?;
    let Some(scope) = scope else {
        return Ok(Caller::default());
    };
    let authorization = request.header("authorization");
    let admitted = access.check(authorization.as_deref(), scope);
    let admitted = admitted.map_err(|denied| refusal(denied, scope))?;
    Ok(Caller {
        name: admitted.name.map(str::to_owned),
        reads: admitted.reads,
    })
}

/// Admits a request for a page of the application, unless a page of another site may have sent it.
/// Whether its token may do what it asks for, the API decides.
///
/// # Errors
/// 403 if a page of another site may have sent it, 500 if a variable can't be used.
pub fn admit_page(request: &Request) -> Result<(), Problem> {
    sender::check_page(request, access()?.is_open())
}

/// Whether everybody may do everything.
///
/// # Errors
/// If the variable can't be used.
pub fn is_open() -> Result<bool, Problem> {
    Ok(access()?.is_open())
}

fn access() -> Result<Access, Problem> {
    // Not shown when it is wrong, since it holds the tokens.
    let access = variables::text(VARIABLE)?.parse();
    access.map_err(|reason: String| {
        Problem::misconfigured(format!(
            "the variable {VARIABLE:?} can't be used: {reason}. Write items with commas or white space between them, each \
             a token that may do everything, or name:scope+scope:token with scopes of enqueue, read and operate"
        ))
    })
}

fn refusal(denied: Denied<'_>, scope: Scope) -> Problem {
    const TITLE: &str = "A token is needed";
    const SEND: &str =
        "Send \"Authorization: Bearer TOKEN\" with one of the tokens of the variable api_tokens.";
    let problem = match denied {
        Denied::NoToken => Problem::new(
            401,
            "unauthorized",
            TITLE,
            format!("The request brings no bearer token. {SEND}"),
        ),
        Denied::Unknown => Problem::new(
            401,
            "unauthorized",
            TITLE,
            format!("The request's token is not known here. {SEND}"),
        ),
        Denied::Scope(name) => Problem::new(
            403,
            "forbidden",
            "The token is not for this",
            format!(
                "This needs the scope {scope:?}, which the token{} has not.",
                name.map(|name| format!(" named {name:?}"))
                    .unwrap_or_default(),
                scope = scope.name(),
            ),
        ),
    };
    problem.with_header("www-authenticate", challenge(denied, scope))
}

/// The problem for a parameter that would tell a caller more than it may read.
pub fn needs_read(parameter: &str) -> Problem {
    let detail =
        format!("The parameter `{parameter}` needs the scope \"read\", which the token has not.");
    let mut problem = Problem::new(403, "forbidden", "The token is not for this", detail);
    problem.field = Some(parameter.to_owned());
    problem.with_header(
        "www-authenticate",
        challenge(Denied::Scope(None), Scope::Read),
    )
}

/// The challenge in the words of RFC 6750.
fn challenge(denied: Denied<'_>, scope: Scope) -> &'static str {
    match (denied, scope) {
        (Denied::NoToken, _) => "Bearer",
        (Denied::Unknown, _) => "Bearer error=\"invalid_token\"",
        (Denied::Scope(_), Scope::Enqueue) => {
            "Bearer error=\"insufficient_scope\", scope=\"enqueue\""
        }
        (Denied::Scope(_), Scope::Read) => "Bearer error=\"insufficient_scope\", scope=\"read\"",
        (Denied::Scope(_), Scope::Operate) => {
            "Bearer error=\"insufficient_scope\", scope=\"operate\""
        }
    }
}
