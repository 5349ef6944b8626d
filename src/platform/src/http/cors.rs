//! CORS: calls from pages of other origins, as the variable `cors_origins` allows.

use super::problem::Problem;
use super::request::Request;
use super::response::Response;
use crate::variables;
use handoff_wire::Origins;
use spin_sdk::http::Method;

const VARIABLE: &str = "cors_origins";

const METHODS: &str = "GET, POST, PUT, DELETE";
/// The request headers that pages may send beyond those that browsers always allow.
const HEADERS: &str =
    "authorization, content-type, idempotency-key, last-event-id, prefer, traceparent, tracestate";
/// The response headers that pages may read beyond those that browsers always show.
const EXPOSED: &str = "location, preference-applied, retry-after, www-authenticate";
/// How long a browser may reuse a preflight's answer, in seconds.
const MAX_AGE: &str = "7200";

/// The CORS rules for one request.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    /// The origins whose pages may call, if a page may have sent the request.
    pub(super) origins: Origins,
    /// The origin of the page that sends the request.
    pub(super) origin: Option<String>,
}

impl Cors {
    /// Reads the rules for a request.
    ///
    /// # Errors
    /// 500 if the variable can't be used.
    pub fn of(request: &Request) -> Result<Self, Problem> {
        let origin = request.header("origin");
        // Browsers send one of the two. Programs need no list of origins.
        if origin.is_none() && request.header("sec-fetch-site").is_none() {
            return Ok(Self::default());
        }
        Ok(Self {
            origins: origins()?,
            origin,
        })
    }

    /// Checks that the variable can be used.
    ///
    /// # Errors
    /// 500 if it can't.
    pub fn check() -> Result<(), Problem> {
        origins().map(drop)
    }

    /// The origin that may read the answer.
    fn allowed(&self) -> Option<&str> {
        let origin = self.origin.as_deref();
        let allowed = origin.filter(|origin| self.origins.allow(origin))?;
        Some(if self.origins.is_any() { "*" } else { allowed })
    }

    /// Answers a CORS preflight request of a page that may call. Browsers send no token with it.
    /// Returns `None` if the request is no preflight, or its page may not call.
    pub fn preflight(&self, request: &Request) -> Option<Response> {
        let asks = *request.method() == Method::Options
            && request.header("access-control-request-method").is_some();
        if !asks {
            return None;
        }
        self.allowed()?;
        let response = Response::empty(204)
            .header("access-control-allow-methods", METHODS)
            .header("access-control-allow-headers", HEADERS)
            .header("access-control-max-age", MAX_AGE);
        Some(response)
    }

    /// Adds the CORS headers. Every response passes here, errors too, since a page could not read
    /// them otherwise. No cache may store a response, so a response to a program needs no `Vary`.
    #[must_use]
    pub fn mark(&self, response: Response) -> Response {
        let response = match self.origins.is_empty() {
            true => response,
            false => response.varies("Origin"),
        };
        match self.allowed() {
            Some(origin) => response
                .header("access-control-allow-origin", origin)
                .header("access-control-expose-headers", EXPOSED),
            None => response,
        }
    }
}

fn origins() -> Result<Origins, Problem> {
    let origins = variables::text(VARIABLE)?.parse();
    origins.map_err(|reason: String| {
        Problem::misconfigured(format!(
            "the variable {VARIABLE:?} can't be used: {reason}. Write origins such as https://app.example.org with \
             commas or white space between them, or *"
        ))
    })
}
