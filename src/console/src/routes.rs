//! All pages and actions, by their paths below the console's base.

use handoff_platform::http::Method;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    Asset(&'a str),
    Overview,
    /// The way to a task by its id, which a form sends.
    Find,
    Tasks(&'a str),
    Failed(&'a str),
    /// The failed tasks of all queues.
    AllFailed,
    PurgeForm(&'a str),
    /// What a bulk action did.
    BulkDone(&'a str),
    Task(&'a str),
    AgainForm(&'a str),
    Schedules,
    Schedule(&'a str),
    /// The way to the workflows of the queue that is always there.
    AllWorkflows,
    Workflows(&'a str),
    Workflow(&'a str),
    Docs,
    SignInForm,
    SignIn,
    SignOut,
    /// `pause`, `resume` or `purge`.
    Queue(&'a str, &'a str),
    Bulk(&'a str),
    /// `retry`, `discard` or `cancel`.
    ChangeTask(&'a str, &'a str),
    Again(&'a str),
    CancelWorkflow(&'a str),
    /// `run`, `delete`, `pause` or `resume`.
    ChangeSchedule(&'a str, &'a str),
}

impl<'a> Route<'a> {
    /// The route of a path. A name that a reader of URLs takes for a step up is none.
    pub(crate) fn find(path: &[&'a str]) -> Option<Self> {
        if path.len() > 1 && path.iter().any(|part| matches!(*part, "" | "." | "..")) {
            return None;
        }
        Some(match *path {
            [] | [""] => Self::Overview,
            [name @ ("style.css" | "script.js" | "icon.svg")] => Self::Asset(name),
            ["find"] => Self::Find,
            ["failed"] => Self::AllFailed,
            ["sign-in"] => Self::SignInForm,
            ["session"] => Self::SignIn,
            ["sign-out"] => Self::SignOut,
            ["docs"] => Self::Docs,
            ["queues", name] => Self::Tasks(name),
            ["queues", name, "failed"] => Self::Failed(name),
            ["queues", name, "purge"] => Self::PurgeForm(name),
            ["queues", name, "done"] => Self::BulkDone(name),
            ["queues", name, "bulk"] => Self::Bulk(name),
            ["queues", name, "do", what @ ("pause" | "resume" | "purge")] => {
                Self::Queue(name, what)
            }
            ["tasks", id] => Self::Task(id),
            ["tasks", id, "again"] => Self::AgainForm(id),
            ["tasks", id, "do", "again"] => Self::Again(id),
            ["tasks", id, "do", what @ ("retry" | "discard" | "cancel")] => {
                Self::ChangeTask(id, what)
            }
            ["schedules"] => Self::Schedules,
            ["schedules", name] => Self::Schedule(name),
            [
                "schedules",
                name,
                "do",
                what @ ("run" | "delete" | "pause" | "resume"),
            ] => Self::ChangeSchedule(name, what),
            ["workflows"] => Self::AllWorkflows,
            ["queues", name, "workflows"] => Self::Workflows(name),
            ["workflows", id] => Self::Workflow(id),
            ["workflows", id, "do", "cancel"] => Self::CancelWorkflow(id),
            _ => return None,
        })
    }

    /// The method that does something here. Whatever changes something is a POST.
    pub(crate) fn method(&self) -> Method {
        match self {
            Self::SignIn
            | Self::SignOut
            | Self::Queue(..)
            | Self::Bulk(_)
            | Self::ChangeTask(..)
            | Self::Again(_)
            | Self::CancelWorkflow(_)
            | Self::ChangeSchedule(..) => Method::Post,
            _ => Method::Get,
        }
    }

    /// The methods, as a header names them.
    pub(crate) fn allow(&self) -> &'static str {
        match self.method() {
            Method::Post => "POST",
            _ => "GET, HEAD",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_part_of_a_path() {
        for path in [
            &["tasks", ".."][..],
            &["tasks", "", "again"],
            &["queues", "."],
            &["tasks", "a", "do", "delete"],
            &["x"],
        ] {
            assert_eq!(Route::find(path), None, "{path:?}");
        }
        assert_eq!(Route::find(&[""]), Some(Route::Overview));
        assert_eq!(
            Route::find(&["tasks", "a", "do", "retry"]),
            Some(Route::ChangeTask("a", "retry"))
        );
    }
}
