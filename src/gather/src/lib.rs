//! `/gather`: many things at once inside one request.

#[cfg(feature = "component")]
mod component;
mod requests;
mod waits;

use handoff_platform::http::{Cors, Method, Problem, Request, Response, ResponseOutparam, access};
use handoff_platform::variables;
use handoff_wire::{Gather, GatherRequest, Scope};

/// Answers a request, however many calls it makes.
pub async fn handle(request: Request, out: ResponseOutparam) {
    let cors = match Cors::of(&request) {
        Ok(cors) => cors,
        Err(problem) => return Response::from(problem).send(out),
    };
    let response = match cors.preflight(&request) {
        Some(response) => response,
        None => answer(request, &cors).await.unwrap_or_else(Response::from),
    };
    cors.mark(response).send(out);
}

async fn answer(request: Request, cors: &Cors) -> Result<Response, Problem> {
    const ALLOW: &str = "POST, OPTIONS";
    if *request.method() == Method::Options {
        access::admit(&request, None, cors)?;
        return Ok(Response::empty(204).header("allow", ALLOW));
    }
    access::admit(&request, Some(Scope::Enqueue), cors)?;
    if *request.method() != Method::Post {
        return Err(Problem::method_not_allowed(ALLOW));
    }
    let body_max_bytes = || variables::bytes("body_max_bytes");
    let (body, _): (GatherRequest, _) = request.json(body_max_bytes).await?;
    Ok(match body.check()? {
        Gather::Calls(calls) => requests::gather(calls).await,
        Gather::Waits(waits) => waits::gather(waits).await,
    })
}
