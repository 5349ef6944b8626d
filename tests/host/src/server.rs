//! The way in: HTTP/1.1 connections, routes, and the answers that the host gives by itself.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::app::App;
use crate::instance::{self, Failure};
use crate::outbound::CHAINING_DOMAIN;
use crate::say::say;

const FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
/// The part of the path that the component's route leaves open.
pub(crate) const PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");
/// Out of file descriptors, most likely: some come back when requests end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// Accepts for ever.
pub(crate) async fn serve(app: Arc<App>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => _ = tokio::spawn(connection(app.clone(), stream, client)),
            Err(error) => {
                say(format!("a connection was not accepted: {error}"));
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(app: Arc<App>, stream: TcpStream, client: SocketAddr) {
    // Without it a response in two writes waits for the client's delayed acknowledgement, 40 ms.
    _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let app = app.clone();
        async move { Ok::<_, Infallible>(answer(&app, request, client).await) }
    });
    // Errors are the client's: it left, or did not speak HTTP.
    let stream = TokioIo::new(stream);
    _ = http(HEAD_TIME).serve_connection(stream, service).await;
}

/// Reads requests, whose heads may take so long.
fn http(head_time: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head_time);
    http
}

pub(crate) async fn answer<B>(
    app: &Arc<App>,
    mut request: Request<B>,
    client: SocketAddr,
) -> Response<WasiBody>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Error>,
{
    let host = match host(&request) {
        Ok(host) => host,
        Err(detail) => return invalid(detail),
    };
    // Only a component's own call may look like one.
    if is_chaining(&host) {
        return invalid(
            "*.spin.internal is for calls between components; use the server's own address.",
        );
    }
    let path = request.uri().path();
    let found = app.routes.find(path);
    let found = found.and_then(|(name, below)| Some((app.components.get(name)?, below)));
    let Some((component, below)) = found else {
        return own(
            StatusCode::NOT_FOUND,
            "not-found",
            "There is nothing here",
            &format!("No route of spin.toml takes {path:?}."),
        );
    };
    let Some(permit) = permit(app, &request) else {
        return busy();
    };
    let below = below.to_owned();
    add_headers(&mut request, &host, &below, client);
    match instance::start(app, component, request, Some(permit)).await {
        Ok(Ok(response)) => response,
        Ok(Err(Failure::PoolFull)) => busy(),
        Ok(Err(Failure::TimedOut)) => own(
            StatusCode::GATEWAY_TIMEOUT,
            "timed-out",
            "The request took too long",
            &format!(
                "Component {:?} took too long, and what the request asked for may have been done all the same. \
                 The host's option --request-timeout allows more.",
                component.name
            ),
        ),
        Ok(Err(Failure::Guest(code))) => {
            say(format!(
                "component {:?} answered with an error: {code:?}",
                component.name
            ));
            broken(&component.name)
        }
        Ok(Err(Failure::Broken)) | Err(_) => broken(&component.name),
    }
}

/// Probes find room when all else is taken: whoever asks whether it lives must not be told that it does not.
fn permit<B>(app: &App, request: &Request<B>) -> Option<OwnedSemaphorePermit> {
    let permits = &app.permits;
    let probes = matches!(*request.method(), Method::GET | Method::HEAD)
        && matches!(
            request.uri().path().rsplit('/').next(),
            Some("healthz" | "readyz")
        );
    match permits.outer.clone().try_acquire_owned() {
        Err(_) if probes => permits.probes.clone().try_acquire_owned().ok(),
        permit => permit.ok(),
    }
}

/// The one host that a request names: RFC 9112, 3.2. Of several, whoever is in between may read another one.
fn host<B>(request: &Request<B>) -> Result<String, &'static str> {
    let mut named = request.headers().get_all(HOST).iter();
    let (first, second) = (named.next(), named.next());
    if second.is_some() {
        return Err("The request has several Host headers; send one.");
    }
    if let Some(authority) = request.uri().authority() {
        return Ok(authority.to_string());
    }
    let Some(host) = first else {
        return Err("The request has no Host header; HTTP/1.1 needs one.");
    };
    // `wasi:http` needs one that is text.
    let host = host.to_str().map(str::to_owned);
    host.map_err(|_| "The request's Host header is not text.")
}

fn is_chaining(host: &str) -> bool {
    let host = host.split(':').next().unwrap_or_default();
    host.to_lowercase().ends_with(CHAINING_DOMAIN)
}

/// Two of the headers that Spin adds; a client's own are replaced.
fn add_headers<B>(request: &mut Request<B>, host: &str, below: &str, client: SocketAddr) {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let url = HeaderValue::try_from(format!("http://{host}{path}"));
    let client = HeaderValue::try_from(client.to_string());
    let headers = request.headers_mut();
    let below = HeaderValue::try_from(below);
    for (name, value) in [(FULL_URL, url), (PATH_INFO, below), (CLIENT_ADDR, client)] {
        match value {
            // Behind what the caller sent, as Spin does.
            Ok(value) => _ = headers.append(name, value),
            Err(_) => _ = headers.remove(name),
        }
    }
}

fn busy() -> Response<WasiBody> {
    let mut response = own(
        StatusCode::SERVICE_UNAVAILABLE,
        "busy",
        "The host is busy",
        "All instances are taken. Repeat the request later, or start the host with a larger --instances-max.",
    );
    let retry = HeaderValue::from_static("1");
    response.headers_mut().insert(RETRY_AFTER, retry);
    response
}

fn broken(component: &str) -> Response<WasiBody> {
    own(
        StatusCode::INTERNAL_SERVER_ERROR,
        "component-failed",
        "The application failed",
        &format!("Component {component:?} failed before it answered; the host's stderr says why."),
    )
}

fn invalid(detail: &str) -> Response<WasiBody> {
    let title = "The request can't be used";
    own(StatusCode::BAD_REQUEST, "invalid-request", title, detail)
}

/// An answer of the host's own, in the form of the application's problems: callers need to know one only.
fn own(status: StatusCode, kind: &str, title: &str, detail: &str) -> Response<WasiBody> {
    let body = serde_json::json!({
        "type": format!("urn:handoff:problem:{kind}"),
        "title": title,
        "status": status.as_u16(),
        "detail": detail,
    });
    let body = Full::from(body.to_string())
        .map_err(|never| match never {})
        .boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, PROBLEM);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::time::Instant;
    use std::{net, thread};

    const SHORT: Duration = Duration::from_secs(1);
    const PATIENCE: Duration = Duration::from_secs(6);

    /// Sends a piece every 100 ms, until they are all sent or the connection is closed. Returns the answer, and after
    /// how long the server was done with the connection.
    fn send(pieces: Vec<&'static str>) -> (String, Duration) {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let client = thread::spawn(move || {
            let mut stream = net::TcpStream::connect(address).expect("it listens");
            let set = stream.set_read_timeout(Some(PATIENCE));
            set.expect("a time limit is set");
            for piece in pieces {
                if stream.write_all(piece.as_bytes()).is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(100));
            }
            let mut answer = String::new();
            // The server may have closed it before all was read.
            _ = stream.read_to_string(&mut answer);
            answer
        });
        let start = Instant::now();
        runtime.block_on(async {
            let (stream, _) = listener.accept().await.expect("a connection");
            let service = service_fn(|_| async { Ok::<_, Infallible>(busy()) });
            _ = http(SHORT)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        let took = start.elapsed();
        (client.join().expect("the client"), took)
    }

    #[test]
    fn a_head_that_trickles_ends() {
        let start = "GET / HTTP/1.1\r\nhost: localhost\r\n";
        let whole = vec![start, "connection: close\r\n\r\n"];
        let (answer, _) = send(whole);
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        // Each line comes in time, and the head does not.
        let lines = std::iter::repeat_n("x: y\r\n", 30);
        let (answer, took) = send([start].into_iter().chain(lines).collect());
        assert_eq!(answer, "");
        assert!(took >= SHORT && took < 3 * SHORT, "{took:?}");
    }
}
