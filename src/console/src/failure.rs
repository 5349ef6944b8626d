//! What went wrong, in words, with what to do.

use crate::answer::Answer;
use crate::context::Context;
use crate::model;
use crate::page::{Page, html};
use crate::pages::sign_in::SignInPage;
use askama::Template;
use handoff_platform::http::Problem;

const UNKNOWN: &str = "What was asked for may have happened or not: look before you repeat it.";
const UNREACHABLE: &str = "Check that the component handoff runs, that the variable console_api names it, and that \
    allowed_outbound_hosts of the component handoff-console lists it. Then load this page again.";
const TOO_LARGE: &str = "Read it by curl, from the API itself. A list is smaller with a filter.";

/// Why a request has no page.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The API wants a token, and refused the one that there was, if there was one.
    SignIn { refused: bool },
    /// The API refused the call.
    Refused {
        status: u16,
        problem: model::Problem,
    },
    /// The API gave no answer that can be read.
    Unreachable { url: String, reason: String },
    /// The answer of the API has more than so many bytes.
    TooLarge { max_bytes: usize },
    /// There is no such page.
    NoPage,
    /// The page does nothing with the method. Those that do.
    Method(&'static str),
    /// A form can't be used.
    Form(String),
    /// The console itself refused the request, or can't be used.
    Own(Problem),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Own(problem)
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    page: Page,
    detail: String,
    hint: &'static str,
    /// The page with the form that was sent.
    back: Option<String>,
}

/// What is said about a failure.
#[derive(Debug)]
pub(crate) struct Said {
    pub status: u16,
    pub title: String,
    pub detail: String,
    pub hint: &'static str,
}

impl Failure {
    /// The page that says it.
    pub(crate) fn answer(self, context: &Context) -> Answer {
        if let Self::SignIn { refused } = self {
            return SignInPage::answer(context, 401, refused, &context.here);
        }
        let allow = match self {
            Self::Method(allow) => Some(allow),
            _ => None,
        };
        let said = self.said(context.is_post);
        let page = FailurePage {
            page: Page::new(context, said.title),
            detail: said.detail,
            hint: said.hint,
            back: context.is_post.then(|| context.here.clone()),
        };
        let answer = match html(said.status, &page) {
            Ok(answer) => answer,
            Err(_) => Answer::page(500, "The page can't be written.".to_owned()),
        };
        match allow {
            Some(allow) => answer.header("allow", allow),
            None => answer,
        }
    }

    /// The failure in words. A call that changes something may have done so without an answer.
    pub(crate) fn said(self, is_post: bool) -> Said {
        let said = |status, title: &str, detail: String, hint| Said {
            status,
            title: title.to_owned(),
            detail,
            hint,
        };
        match self {
            Self::SignIn { .. } => said(
                401,
                "Sign in",
                "The API does not take the token.".to_owned(),
                "",
            ),
            Self::Refused { status, problem } => refused(status, problem),
            Self::Unreachable { url, reason } => said(
                502,
                "The API can't be reached",
                format!(
                    "The console calls the API at {}, and {reason}.",
                    authority(&url)
                ),
                match is_post {
                    true => UNKNOWN,
                    false => UNREACHABLE,
                },
            ),
            Self::TooLarge { max_bytes } => said(
                502,
                "The answer is too large",
                format!("The console reads at most {max_bytes} bytes of one answer of the API."),
                match is_post {
                    true => UNKNOWN,
                    false => TOO_LARGE,
                },
            ),
            Self::NoPage => said(
                404,
                "There is no such page",
                "Its address may be mistyped, or of another version.".to_owned(),
                "Go on from the overview.",
            ),
            Self::Method(allow) => said(
                405,
                "That does nothing here",
                format!("This address takes only {allow}."),
                "Go on from the overview.",
            ),
            Self::Form(detail) => said(
                400,
                "The form can't be used",
                detail,
                "Go back, change it and send it again. Nothing was done.",
            ),
            Self::Own(problem) if problem.kind == "origin-not-allowed" => said(
                403,
                "Another site sent this",
                "A page that is not of this console sent the request, so nothing was done."
                    .to_owned(),
                "Open the console itself, and repeat it there. If you did, the proxy in front must pass on the header Host.",
            ),
            Self::Own(problem) => said(problem.status, problem.title, problem.detail, ""),
        }
    }
}

/// The host and the port of a URL. The rest is for the operator of the deployment only.
pub(crate) fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host)
}

fn refused(status: u16, problem: model::Problem) -> Said {
    let hint = match (status, problem.name()) {
        (403, "forbidden") => "Nothing was done. Sign in with a token that has this scope.",
        (403, "host-not-allowed") => {
            "Nothing was done. List the host of console_api in the variable allowed_hosts of the API."
        }
        (_, "unknown-task" | "unknown-workflow") => {
            "Final tasks are deleted when their retention is over."
        }
        (503, _) => {
            "The store did not do its part: what was asked for may have happened or not. Look, and repeat it."
        }
        (_, "misconfigured") => "Correct the variable, and ask /readyz of the API.",
        (409, _) => "Look at the task: it has changed meanwhile.",
        _ => "",
    };
    let title = match problem.title.as_str() {
        "" => "The API refused it",
        title => title,
    };
    let detail = problem.words(status);
    Said {
        // Something else than the API, such as a host without it, may have answered.
        status: if (400..600).contains(&status) {
            status
        } else {
            502
        },
        title: title.to_owned(),
        detail,
        hint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, kind: &str) -> Said {
        let kind = format!("urn:handoff:problem:{kind}");
        let problem = model::Problem {
            kind,
            ..model::Problem::default()
        };
        Failure::Refused { status, problem }.said(true)
    }

    #[test]
    fn only_a_missing_scope_asks_for_another_token() {
        assert!(refused(403, "forbidden").hint.contains("scope"));
        assert!(!refused(403, "host-not-allowed").hint.contains("scope"));
        assert!(!refused(403, "").hint.contains("scope"));
    }

    #[test]
    fn only_the_host_of_the_api_is_said() {
        for url in [
            "http://api.internal:3000",
            "https://user:s3cret@api.internal:3000/a?s3cret#s3cret",
        ] {
            let said = |is_post| {
                let (url, reason) = (url.to_owned(), "no answer came".to_owned());
                Failure::Unreachable { url, reason }.said(is_post)
            };
            let detail = said(false).detail;
            assert!(detail.contains("at api.internal:3000, and"), "{detail}");
            assert!(said(false).hint.contains("load this page again"));
            assert!(said(true).hint.contains("may have happened"));
        }
    }
}
