//! What the console answers.

use handoff_platform::http::Response;

/// Only files of the console itself are loaded, and only pages of the console may show or send it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// An answer to a browser.
#[derive(Debug)]
pub(crate) struct Answer {
    response: Response,
}

impl Answer {
    /// A page.
    pub(crate) fn page(status: u16, html: String) -> Self {
        Self {
            response: Response::of(status, "text/html; charset=utf-8", html),
        }
    }

    /// A file that changes with the build only. Links to it name its digest, so it may be kept.
    pub(crate) fn file(content_type: &str, text: &str) -> Self {
        let response = Response::of(200, content_type, text);
        Self {
            response: response.header("cache-control", "private, max-age=86400"),
        }
    }

    /// Sends the browser to a path below the base, by a GET.
    pub(crate) fn to(path: String) -> Self {
        let response = Response::empty(303);
        Self {
            response: response.header("location", path),
        }
    }

    /// Sets a header.
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self {
            response: self.response.header(name, value),
        }
    }

    /// The response, with what protects every answer. A policy of `no-referrer` would make browsers
    /// hide the origin of forms, by which the console knows its own.
    pub(crate) fn response(self, base: &str) -> Response {
        self.response
            .below(base)
            .header("content-security-policy", POLICY)
            .header("x-content-type-options", "nosniff")
            .header("referrer-policy", "same-origin")
            .header("cross-origin-opener-policy", "same-origin")
            .header("cross-origin-resource-policy", "same-origin")
    }
}
