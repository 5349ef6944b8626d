//! One table of all calls: method, path, scope, call. Dispatch, 404, 405 with Allow, HEAD, OPTIONS
//! and the scopes of tokens follow from it.

use crate::calls::filter::is_dry_run;
use handoff_platform::http::{Method, Problem, Request};
use handoff_wire::{FieldError, Scope, did_you_mean, quoted};

/// The call that a request makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// The methods and scopes of this path.
    Options,
    Alive,
    Ready,
    Describe,
    Ping,
    Status,
    Enqueue,
    Batch,
    Show,
    Cancel,
    Retry,
    Discard,
    ListQueues,
    ShowQueue,
    List,
    CancelAll,
    RetryFailed,
    DiscardFailed,
    History,
    Metrics,
    Pause,
    Resume,
    Purge,
    EnqueueWorkflow,
    ListWorkflows,
    ShowWorkflow,
    CancelWorkflow,
    ListMembers,
    ListSchedules,
    ShowSchedule,
    PutSchedule,
    DeleteSchedule,
    PauseSchedule,
    ResumeSchedule,
}

impl Call {
    /// Whether it changes something that only the path and the query name.
    pub(crate) fn takes_no_body(self) -> bool {
        matches!(
            self,
            Self::Retry
                | Self::Discard
                | Self::RetryFailed
                | Self::DiscardFailed
                | Self::CancelAll
                | Self::Pause
                | Self::Resume
                | Self::Purge
                | Self::PauseSchedule
                | Self::ResumeSchedule
        )
    }
}

struct Route {
    method: Method,
    /// `{}` is any one segment.
    path: &'static str,
    /// The scope that a token needs. `None` admits everybody.
    scope: Option<Scope>,
    call: Call,
}

const fn route(method: Method, path: &'static str, scope: Option<Scope>, call: Call) -> Route {
    Route {
        method,
        path,
        scope,
        call,
    }
}

const ENQUEUE: Option<Scope> = Some(Scope::Enqueue);
const READ: Option<Scope> = Some(Scope::Read);
const OPERATE: Option<Scope> = Some(Scope::Operate);

#[rustfmt::skip]
static ROUTES: [Route; 34] = [
    route(Method::Get,    "/healthz", None, Call::Alive),
    route(Method::Get,    "/readyz", None, Call::Ready),
    route(Method::Get,    "/openapi.json", None, Call::Describe),
    route(Method::Get,    "/metrics", READ, Call::Metrics),
    route(Method::Get,    "/ping", ENQUEUE, Call::Ping),
    route(Method::Post,   "/ping", ENQUEUE, Call::Ping),
    route(Method::Get,    "/status/{}", READ, Call::Status),
    route(Method::Post,   "/v1/tasks", ENQUEUE, Call::Enqueue),
    route(Method::Post,   "/v1/tasks:batch", ENQUEUE, Call::Batch),
    route(Method::Get,    "/v1/tasks/{}", READ, Call::Show),
    route(Method::Delete, "/v1/tasks/{}", OPERATE, Call::Cancel),
    route(Method::Post,   "/v1/tasks/{}/retry", OPERATE, Call::Retry),
    route(Method::Post,   "/v1/tasks/{}/discard", OPERATE, Call::Discard),
    route(Method::Get,    "/v1/queues", READ, Call::ListQueues),
    route(Method::Get,    "/v1/queues/{}", READ, Call::ShowQueue),
    route(Method::Get,    "/v1/queues/{}/tasks", READ, Call::List),
    route(Method::Get,    "/v1/queues/{}/workflows", READ, Call::ListWorkflows),
    route(Method::Get,    "/v1/queues/{}/history", READ, Call::History),
    route(Method::Post,   "/v1/queues/{}/retry-failed", OPERATE, Call::RetryFailed),
    route(Method::Post,   "/v1/queues/{}/discard-failed", OPERATE, Call::DiscardFailed),
    route(Method::Post,   "/v1/queues/{}/cancel", OPERATE, Call::CancelAll),
    route(Method::Post,   "/v1/queues/{}/pause", OPERATE, Call::Pause),
    route(Method::Post,   "/v1/queues/{}/resume", OPERATE, Call::Resume),
    route(Method::Post,   "/v1/queues/{}/purge", OPERATE, Call::Purge),
    route(Method::Post,   "/v1/workflows", ENQUEUE, Call::EnqueueWorkflow),
    route(Method::Get,    "/v1/workflows/{}", READ, Call::ShowWorkflow),
    route(Method::Delete, "/v1/workflows/{}", OPERATE, Call::CancelWorkflow),
    route(Method::Get,    "/v1/workflows/{}/tasks", READ, Call::ListMembers),
    route(Method::Get,    "/v1/schedules", READ, Call::ListSchedules),
    route(Method::Get,    "/v1/schedules/{}", READ, Call::ShowSchedule),
    route(Method::Put,    "/v1/schedules/{}", OPERATE, Call::PutSchedule),
    route(Method::Delete, "/v1/schedules/{}", OPERATE, Call::DeleteSchedule),
    route(Method::Post,   "/v1/schedules/{}/pause", OPERATE, Call::PauseSchedule),
    route(Method::Post,   "/v1/schedules/{}/resume", OPERATE, Call::ResumeSchedule),
];

/// The method, path and scope of every route.
#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str, Option<Scope>)> {
    let each = |route: &Route| (name(&route.method), route.path, route.scope);
    ROUTES.iter().map(each)
}

/// The path of another component, which a mistyped path may mean.
const GATHER: &str = "/gather";

impl Route {
    fn segments(&self) -> impl Iterator<Item = &'static str> {
        self.path[1..].split('/')
    }

    fn is_at(&self, path: &[String]) -> bool {
        self.segments().count() == path.len()
            && self
                .segments()
                .zip(path)
                .all(|(known, segment)| known == "{}" && !segment.is_empty() || known == segment)
    }
}

/// The result of a look-up: a call, or why there is none.
#[derive(Debug)]
pub(crate) struct Found {
    pub scope: Option<Scope>,
    pub call: Result<Call, Problem>,
    /// The methods of its path.
    pub allow: String,
}

impl Found {
    /// Whether the request counts what the call would change.
    pub(crate) fn only_counts(&self, request: &Request) -> bool {
        let has_dry_run = matches!(
            self.call,
            Ok(Call::RetryFailed | Call::DiscardFailed | Call::CancelAll)
        );
        has_dry_run && is_dry_run(request)
    }

    /// The result for a path that can't be decoded.
    pub(crate) fn unreadable(error: FieldError) -> Self {
        Self {
            scope: READ,
            call: Err(error.into()),
            allow: String::new(),
        }
    }
}

/// Whether a path begins as one of the application does. A route of the manifest that names the begin
/// of such a path, as "/status/..." does, opens only these.
pub(crate) fn begins(path: &str) -> bool {
    let first = path.split('/').nth(1);
    ROUTES.iter().any(|route| route.segments().next() == first)
}

/// Finds the call of a method and the decoded segments of a path.
pub(crate) fn find(method: &Method, path: &[String]) -> Found {
    let routes: Vec<_> = ROUTES.iter().filter(|route| route.is_at(path)).collect();
    let has = |method: &Method| routes.iter().find(|route| route.method == *method);
    // HEAD is a GET without its body. A GET that enqueues must not run without an answer.
    let head = has(&Method::Get).filter(|route| route.call != Call::Ping);
    let found = match method {
        Method::Head => head,
        method => has(method),
    };
    let mut allow: Vec<_> = routes.iter().map(|route| name(&route.method)).collect();
    if head.is_some() {
        allow.insert(1, "HEAD");
    }
    allow.push("OPTIONS");
    let allow = allow.join(", ");
    // An unknown method changes something, unless it is a GET.
    let unknown = match method {
        Method::Get | Method::Head => READ,
        _ => OPERATE,
    };
    let (scope, call) = match found {
        Some(route) => (route.scope, Ok(route.call)),
        None if routes.is_empty() => (unknown, Err(no_path(path))),
        None if *method == Method::Options => (None, Ok(Call::Options)),
        None => {
            let scope = routes.iter().all(|route| route.scope.is_some());
            let problem = Problem::method_not_allowed(allow.clone());
            (unknown.filter(|_| scope), Err(problem))
        }
    };
    Found { scope, call, allow }
}

fn name(method: &Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        _ => "DELETE",
    }
}

/// Makes a 404, with the path that was probably meant.
fn no_path(path: &[String]) -> Problem {
    let join = |path: &[String]| format!("/{}", path.join("/"));
    let shown = join(path);
    // Ignore empty segments, as of a trailing slash, and a missing version.
    let full: Vec<_> = path
        .iter()
        .filter(|part| !part.is_empty())
        .cloned()
        .collect();
    let versioned = [&["v1".to_owned()], full.as_slice()].concat();
    let meant = [full.clone(), versioned]
        .into_iter()
        .find(|path| ROUTES.iter().any(|route| route.is_at(path)) || join(path) == GATHER);
    let hint = match meant {
        Some(meant) => format!("; did you mean {}?", quoted(&join(&meant))),
        None => {
            let same = ROUTES
                .iter()
                .filter(|route| route.segments().count() == full.len());
            let filled = same.map(|route| {
                let parts = route.segments().zip(&full);
                let parts = parts.map(|(known, part)| if known == "{}" { part } else { known });
                format!("/{}", parts.collect::<Vec<_>>().join("/"))
            });
            let known: Vec<_> = filled.chain([GATHER.to_owned()]).collect();
            did_you_mean(&join(&full), known.iter().map(String::as_str))
        }
    };
    let end = if hint.is_empty() { "." } else { "" };
    Problem::not_found(format!(
        "{} is not a path of this application{hint}{end}",
        quoted(&shown)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(method: Method, path: &str) -> Found {
        let path: Vec<_> = path[1..].split('/').map(str::to_owned).collect();
        find(&method, &path)
    }

    #[test]
    fn what_changes_something_needs_more_than_reading() {
        let table = [
            (Method::Get, "/ping", ENQUEUE),
            (Method::Post, "/ping", ENQUEUE),
            (Method::Post, "/v1/tasks", ENQUEUE),
            (Method::Post, "/v1/tasks:batch", ENQUEUE),
            (Method::Get, "/status/id", READ),
            (Method::Head, "/status/id", READ),
            (Method::Get, "/v1/tasks/id", READ),
            (Method::Delete, "/v1/tasks/id", OPERATE),
            (Method::Post, "/v1/tasks/id/retry", OPERATE),
            (Method::Post, "/v1/tasks/id/discard", OPERATE),
            (Method::Get, "/v1/queues/q/tasks", READ),
            (Method::Get, "/v1/queues/q/workflows", READ),
            (Method::Post, "/v1/queues/q/retry-failed", OPERATE),
            (Method::Post, "/v1/queues/q/discard-failed", OPERATE),
            (Method::Put, "/v1/tasks", OPERATE),
            (Method::Put, "/v1/schedules/a", OPERATE),
            (Method::Delete, "/v1/schedules/a", OPERATE),
            (Method::Get, "/v1/schedules/a", READ),
            (Method::Post, "/v1/schedules/a/pause", OPERATE),
            (Method::Post, "/v1/schedules/a/resume", OPERATE),
            (Method::Post, "/v1/workflows", ENQUEUE),
            (Method::Get, "/v1/workflows/id/tasks", READ),
            (Method::Delete, "/v1/workflows/id", OPERATE),
            (Method::Get, "/unknown", READ),
            (Method::Post, "/healthz/", OPERATE),
            (Method::Post, "//healthz", OPERATE),
            (Method::Get, "/healthz", None),
            (Method::Head, "/healthz", None),
            (Method::Post, "/healthz", None),
            (Method::Get, "/readyz", None),
            (Method::Get, "/openapi.json", None),
            (Method::Options, "/v1/tasks", None),
        ];
        for (method, path, scope) in table {
            assert_eq!(at(method.clone(), path).scope, scope, "{method:?} {path}");
        }
    }

    #[test]
    fn a_method_that_does_nothing_is_told_which_do() {
        let table = [
            (Method::Post, "/healthz", "GET, HEAD, OPTIONS"),
            (Method::Head, "/ping", "GET, POST, OPTIONS"),
            (Method::Get, "/v1/tasks", "POST, OPTIONS"),
            (Method::Head, "/v1/tasks", "POST, OPTIONS"),
            (Method::Patch, "/v1/tasks/a", "GET, HEAD, DELETE, OPTIONS"),
            (
                Method::Post,
                "/v1/schedules/a",
                "GET, HEAD, PUT, DELETE, OPTIONS",
            ),
            (
                Method::Other("BREW".to_owned()),
                "/v1/queues",
                "GET, HEAD, OPTIONS",
            ),
        ];
        for (method, path, allow) in table {
            let found = at(method.clone(), path);
            assert_eq!(found.allow, allow, "{method:?} {path}");
            assert_eq!(
                found.call.map_err(|problem| problem.status),
                Err(405),
                "{path}"
            );
        }
        for (method, path, call) in [
            (Method::Head, "/v1/tasks/a", Call::Show),
            (Method::Head, "/healthz", Call::Alive),
            (Method::Options, "/ping", Call::Options),
            (Method::Options, "/v1/schedules/a", Call::Options),
        ] {
            assert_eq!(at(method.clone(), path).call, Ok(call), "{method:?} {path}");
        }
    }

    #[test]
    fn a_path_that_is_none_is_told_which_was_meant() {
        let table = [
            ("/v1/tasks/", Some("/v1/tasks")),
            ("//v1//tasks", Some("/v1/tasks")),
            ("/ping/", Some("/ping")),
            ("/v1/task", Some("/v1/tasks")),
            ("/v1/Tasks", Some("/v1/tasks")),
            ("/v1/tasks/abc/", Some("/v1/tasks/abc")),
            ("/v1/tasks/abc/retri", Some("/v1/tasks/abc/retry")),
            ("/v1/queues/default/pauze", Some("/v1/queues/default/pause")),
            ("/tasks", Some("/v1/tasks")),
            ("/tasks/abc", Some("/v1/tasks/abc")),
            ("/v2/tasks", Some("/v1/tasks")),
            ("/helthz", Some("/healthz")),
            ("/gather/", Some("/gather")),
            ("/gathr", Some("/gather")),
            ("/", None),
            ("/favicon.ico", None),
            ("/v1/tasks/a/b/c/d", None),
        ];
        for (path, meant) in table {
            let problem = at(Method::Get, path).call.expect_err(path);
            assert_eq!(problem.status, 404, "{path}");
            let hint = meant.map(|meant| format!("did you mean {meant:?}?"));
            match hint {
                Some(hint) => assert!(problem.detail.contains(&hint), "{path}: {}", problem.detail),
                None => assert!(
                    !problem.detail.contains("mean"),
                    "{path}: {}",
                    problem.detail
                ),
            }
        }
        let hidden = at(Method::Get, "/a\u{9b}\u{202e}")
            .call
            .expect_err("unknown");
        assert!(hidden.detail.is_ascii(), "{}", hidden.detail);
    }
}
