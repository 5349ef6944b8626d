//! Calls that a component makes: checked against its manifest, then to another component or to the network.

use std::error::Error as StdError;
use std::future::ready;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::header::HeaderValue;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::allowed::Target;
use crate::app::{App, Component};
use crate::instance::{self, Failure};
use crate::patient::PatientBody;
use crate::say::say;
use crate::server::PATH_INFO;

/// What a guest that names no timeouts gets, as from wasmtime's own client.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);
/// `http://NAME.spin.internal` is the component of that name.
pub(crate) const CHAINING_DOMAIN: &str = ".spin.internal";

/// Plain HTTP with connections kept for the next call.
pub(crate) type HttpClient = Client<HttpConnector, WasiBody>;

/// The calls of one instance.
pub(crate) struct Outbound {
    pub app: Arc<App>,
    pub component: Arc<Component>,
}

type Sent = Result<(Response<WasiBody>, Io), Error>;
/// What goes on beside a response's body; nothing here, the client and the called instance see to themselves.
type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

pub(crate) fn client() -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build(connector)
}

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let sent = self.send(request, Timeouts::of(options.unwrap_or_default()));
        Box::new(sent)
    }
}

type Sending = Pin<Box<dyn Future<Output = Sent> + Send>>;

impl Outbound {
    /// Not async: a chained call starts here, whether or not the guest ever waits for what is returned.
    fn send(&self, mut request: Request<WasiBody>, timeouts: Timeouts) -> Sending {
        let refuse = |error| -> Sending { Box::pin(ready(Err(error))) };
        let uri = request.uri().clone();
        let scheme = uri.scheme_str().unwrap_or("http");
        let host = uri.host().unwrap_or_default().to_lowercase();
        // A URL without a host means the application itself; some SDKs need one and write self.alt.
        let itself = matches!(host.as_str(), "" | "self" | "self.alt");
        let address = self.app.address;
        let own = itself
            || (address.ip().to_string() == host && uri.port_u16().unwrap_or(80) == address.port());
        if !self.component.allowed.allows(Target {
            scheme,
            host: &host,
            port: uri.port_u16(),
            own,
        }) {
            self.tell_denied(scheme, &uri, itself);
            return refuse(Error::HttpRequestDenied);
        }
        if let Some(name) = host.strip_suffix(CHAINING_DOMAIN) {
            let Some(called) = self.app.components.get(name) else {
                say(format!(
                    "component {:?} calls {host}: there is no [component.{name}]",
                    self.component.name
                ));
                return refuse(Error::DestinationNotFound);
            };
            let permit = match self.app.routes.has(name) {
                true => match self.app.permits.chained.clone().try_acquire_owned() {
                    Ok(permit) => Some(permit),
                    Err(_) => return refuse(Error::ConnectionLimitReached),
                },
                false => None,
            };
            // As on Spin, the called component has no route here that leaves less open.
            if let Ok(path) = HeaderValue::try_from(uri.path()) {
                request.headers_mut().append(PATH_INFO, path);
            }
            let answer = instance::start(&self.app, called, request, permit);
            return Box::pin(chained(answer, timeouts));
        }
        if itself {
            let path = uri.path_and_query().map_or("/", |path| path.as_str());
            match format!("http://{address}{path}").parse() {
                Ok(uri) => *request.uri_mut() = uri,
                Err(_) => return refuse(Error::HttpRequestUriInvalid),
            }
        } else if scheme != "http" {
            let text = format!(
                "the local host has no TLS; use http://, or run on Spin ({scheme}://{host})"
            );
            return refuse(Error::InternalError(Some(text)));
        }
        Box::pin(remote(self.app.client.clone(), request, timeouts))
    }

    fn tell_denied(&self, scheme: &str, uri: &Uri, itself: bool) {
        let authority = if itself {
            "self"
        } else {
            uri.authority().map_or("", |authority| authority.as_str())
        };
        say(format!(
            "component {:?} may not call {scheme}://{authority}: add {:?} to allowed_outbound_hosts of [component.{}]",
            self.component.name,
            format!("{scheme}://{authority}"),
            self.component.name,
        ));
    }
}

/// The timeouts of `request-options`.
#[derive(Clone, Copy)]
struct Timeouts {
    connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
}

impl Timeouts {
    fn of(options: RequestOptions) -> Self {
        Self {
            connect: options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT),
            first_byte: options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT),
            between_bytes: options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT),
        }
    }
}

async fn chained(
    answer: tokio::sync::oneshot::Receiver<instance::Answer>,
    timeouts: Timeouts,
) -> Sent {
    let answer = timeout(timeouts.first_byte, answer)
        .await
        .map_err(|_| Error::ConnectionReadTimeout)?;
    match answer {
        Ok(Ok(response)) => Ok(finished(response, timeouts)),
        Ok(Err(Failure::PoolFull)) => Err(Error::ConnectionLimitReached),
        Ok(Err(Failure::TimedOut)) => Err(Error::HttpResponseTimeout),
        Ok(Err(Failure::Guest(error))) => Err(error),
        Ok(Err(Failure::Broken)) | Err(_) => Err(Error::ConnectionTerminated),
    }
}

async fn remote(client: HttpClient, mut request: Request<WasiBody>, timeouts: Timeouts) -> Sent {
    let mut captured = capture_connection(&mut request);
    let mut response = pin!(client.request(request));
    let connected = async {
        // Never ends when the connection fails; then the response does.
        drop(captured.wait_for_connection_metadata().await);
    };
    let early = tokio::select! {
        biased;
        early = &mut response => Some(early),
        connected = timeout(timeouts.connect, connected) => match connected {
            Ok(()) => None,
            Err(_) => return Err(Error::ConnectionTimeout),
        },
    };
    let response = match early {
        Some(early) => early,
        None => timeout(timeouts.first_byte, response)
            .await
            .map_err(|_| Error::ConnectionReadTimeout)?,
    };
    Ok(finished(
        response
            .map_err(client_error)?
            .map(|body| body.map_err(Error::from)),
        timeouts,
    ))
}

fn finished<B>(response: Response<B>, timeouts: Timeouts) -> (Response<WasiBody>, Io)
where
    B: hyper::body::Body<Data = hyper::body::Bytes, Error = Error> + Send + Unpin + 'static,
{
    let response =
        response.map(|body| PatientBody::new(body, timeouts.between_bytes).boxed_unsync());
    (response, Box::new(ready(Ok(()))))
}

/// Says as exactly as `wasi:http` allows what went wrong, so that a guest can tell "not sent" from "no answer".
fn client_error(error: ClientError) -> Error {
    let is_connect = error.is_connect();
    let mut source: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            if is_connect {
                return Error::Connect(std::io::Error::new(error.kind(), error.to_string()));
            }
            return Error::ConnectionTerminated;
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && (error.is_incomplete_message() || error.is_closed() || error.is_canceled())
        {
            return Error::ConnectionTerminated;
        }
        source = error.source();
    }
    if is_connect {
        Error::ConnectionRefused
    } else {
        Error::HttpProtocolError
    }
}
