//! Signing in with a token of the API, and out.

use crate::answer::Answer;
use crate::context::{Context, field};
use crate::failure::Failure;
use crate::model::Queues;
use crate::page::{Page, html};
use crate::session;
use askama::Template;

#[derive(Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignInPage {
    page: Page,
    refused: bool,
    from_elsewhere: bool,
    /// A form was sent, which did nothing.
    is_lost: bool,
    /// The path to come back to, below the base.
    to: String,
}

impl SignInPage {
    /// The form.
    pub(crate) fn answer(context: &Context, status: u16, refused: bool, to: &str) -> Answer {
        let page = Self {
            page: Page::new(context, "Sign in"),
            refused,
            from_elsewhere: context.from_elsewhere,
            // That of this page itself leads to no other.
            is_lost: context.is_post && context.here != "/",
            to: back(to).to_owned(),
        };
        let page = html(status, &page);
        page.unwrap_or_else(|_| Answer::page(500, "The page can't be written.".to_owned()))
    }
}

/// The path of a form, or that of the overview if it does not lead back to a page of the console.
fn back(path: &str) -> &str {
    let own = path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if own { path } else { "/" }
}

/// Keeps the token if the API knows it. Whether it may read does not matter.
pub(crate) async fn sign_in(
    context: &Context,
    form: &[(String, String)],
    secure: bool,
) -> Result<Answer, Failure> {
    let (token, to) = (field(form, "token").trim(), field(form, "to"));
    let refused = || Ok(SignInPage::answer(context, 401, true, to));
    if !session::is_token(token) {
        return refused();
    }
    let api = crate::api::Api {
        url: context.api.url.clone(),
        token: Some(token.to_owned()),
    };
    match api.get::<Queues>("/v1/queues").await {
        Ok(_) => {}
        Err(Failure::Refused { problem, .. }) if problem.name() == "forbidden" => {}
        Err(Failure::SignIn { .. }) => return refused(),
        Err(other) => return Err(other),
    }
    let cookie = session::cookie(&context.base, token, secure);
    Ok(Answer::to(back(to).to_owned()).header("set-cookie", &cookie))
}

/// Forgets the token.
pub(crate) fn sign_out(context: &Context, secure: bool) -> Answer {
    let cookie = session::no_cookie(&context.base, secure);
    Answer::to("/sign-in?done=out".to_owned()).header("set-cookie", &cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sign_in_leads_elsewhere() {
        for path in ["/", "/tasks/a?b=c%20d"] {
            assert_eq!(back(path), path);
        }
        for path in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/a\r\nb",
            "",
        ] {
            assert_eq!(back(path), "/", "{path}");
        }
    }
}
