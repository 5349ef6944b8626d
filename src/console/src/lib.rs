//! The console: what an operator sees and does in a browser. It is a client of the API, and has no
//! store. Its pages are made here, and work without JavaScript.

mod answer;
mod api;
mod assets;
mod causes;
mod chart;
#[cfg(feature = "component")]
mod component;
mod context;
mod curl;
mod failure;
mod filter;
mod json;
mod model;
mod page;
mod pages;
mod routes;
mod session;
mod words;

use answer::Answer;
use context::Context;
use failure::Failure;
use handoff_platform::http::{Method, Request, Response, ResponseOutparam, access};
use handoff_wire::{FieldError, is_base};
use routes::Route;

/// The largest form: the arguments of a task, percent-encoded.
const FORM_MAX_BYTES: u64 = 1 << 20;

/// Answers a request.
pub async fn handle(mut request: Request, out: ResponseOutparam) {
    let mounted = request.enter_mount();
    let response = match Context::of(&request) {
        Ok(context) => {
            let base = context.base.clone();
            let answer = match answer(request, &context, mounted).await {
                Ok(answer) => answer,
                Err(failure) => failure.answer(&context),
            };
            answer.response(&base)
        }
        // Not even an error page can be made.
        Err(problem) => Response::from(problem),
    };
    response.send(out);
}

async fn answer(request: Request, context: &Context, mounted: bool) -> Result<Answer, Failure> {
    access::admit_page(&request)?;
    let wrong = |e: FieldError| Failure::Form(format!("{e}."));
    let segments = request.segments().map_err(wrong)?;
    request.query().map_err(wrong)?;
    let path: Vec<_> = segments.iter().map(String::as_str).collect();
    let method = match request.method() {
        Method::Get | Method::Head => Method::Get,
        method => method.clone(),
    };
    let Some(route) = Route::find(&path) else {
        // "/console" of the route "/console/...", below which the links are. "//host" is no path of
        // this host.
        if !mounted && method == Method::Get && is_base(request.path()) {
            return Ok(Answer::to(format!("{}/", request.path())));
        }
        return Err(Failure::NoPage);
    };
    if method != route.method() {
        return Err(Failure::Method(route.allow()));
    }
    if method == Method::Get {
        return pages::show(context, &route).await;
    }
    let secure = session::is_secure(&request);
    let form = request.form(FORM_MAX_BYTES).await?;
    pages::act(context, &route, &form, secure).await
}
