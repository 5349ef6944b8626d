//! What a request needs a token for.

use handoff_input::Scope;
use handoff_platform::http::{Cors, Method, Problem, Request, access};

/// Sees that a request may do what it asks for.
///
/// # Errors
/// 401, 403, or 500 if a variable that says who may call can't be used.
pub fn admit(request: &Request, cors: &Cors) -> Result<(), Problem> {
    access::admit(request, needed(request.method(), request.path()), cors)
}

/// The scope that a request needs. Whatever is not known here changes something, unless it is a GET.
fn needed(method: &Method, path: &str) -> Option<Scope> {
    Some(match (method, path) {
        (_, "/healthz" | "/readyz") => return None,
        (_, "/ping") | (Method::Post, "/v1/tasks" | "/v1/tasks:batch" | "/v1/workflows") => {
            Scope::Enqueue
        }
        (Method::Get | Method::Head, _) => Scope::Read,
        _ => Scope::Operate,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_needs_more_than_reading() {
        let table = [
            (Method::Get, "/ping", Some(Scope::Enqueue)),
            (Method::Post, "/ping", Some(Scope::Enqueue)),
            (Method::Post, "/v1/tasks", Some(Scope::Enqueue)),
            (Method::Post, "/v1/tasks:batch", Some(Scope::Enqueue)),
            (Method::Get, "/status/id", Some(Scope::Read)),
            (Method::Get, "/v1/tasks/id", Some(Scope::Read)),
            (Method::Delete, "/v1/tasks/id", Some(Scope::Operate)),
            (Method::Post, "/v1/tasks/id/retry", Some(Scope::Operate)),
            (Method::Post, "/v1/tasks/id/discard", Some(Scope::Operate)),
            (Method::Get, "/v1/queues/q/tasks", Some(Scope::Read)),
            (
                Method::Post,
                "/v1/queues/q/retry-failed",
                Some(Scope::Operate),
            ),
            (
                Method::Post,
                "/v1/queues/q/discard-failed",
                Some(Scope::Operate),
            ),
            (Method::Put, "/v1/tasks", Some(Scope::Operate)),
            (Method::Put, "/v1/schedules/a", Some(Scope::Operate)),
            (Method::Delete, "/v1/schedules/a", Some(Scope::Operate)),
            (Method::Get, "/v1/schedules/a", Some(Scope::Read)),
            (Method::Post, "/v1/workflows", Some(Scope::Enqueue)),
            (Method::Get, "/v1/workflows/id/tasks", Some(Scope::Read)),
            (Method::Delete, "/v1/workflows/id", Some(Scope::Operate)),
            (Method::Get, "/unknown", Some(Scope::Read)),
            (Method::Post, "/healthz/", Some(Scope::Operate)),
            (Method::Post, "//healthz", Some(Scope::Operate)),
            (Method::Get, "/healthz", None),
            (Method::Get, "/readyz", None),
        ];
        for (method, path, scope) in table {
            assert_eq!(needed(&method, path), scope, "{method:?} {path}");
        }
    }
}
