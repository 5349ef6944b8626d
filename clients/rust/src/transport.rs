//! Makes a connection for each request: threads share none, and none is stale.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Method, Request};
use ureq::{Agent, BodyReader};

use crate::error::HandoffError;

const USER_AGENT: &str = concat!("handoff-client/", env!("CARGO_PKG_VERSION"), " rust");
const PIECE: usize = 65_536;

/// A connection that could not be made, or broke, or was silent for too long.
pub(crate) struct Lost {
    pub(crate) reason: String,
    /// Whether nothing came in time.
    pub(crate) silent: bool,
}

impl Lost {
    pub(crate) fn silent(reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            silent: true,
        }
    }
}

impl From<ureq::Error> for Lost {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(_) => Self::silent("nothing came in time"),
            ureq::Error::Io(error) => error.into(),
            error => Self {
                reason: error.to_string(),
                silent: false,
            },
        }
    }
}

impl From<std::io::Error> for Lost {
    fn from(error: std::io::Error) -> Self {
        if error
            .get_ref()
            .is_some_and(|inner| inner.is::<ureq::Error>())
        {
            return ureq::Error::from(error).into();
        }
        let reason = match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                return Self::silent("nothing came in time");
            }
            ErrorKind::UnexpectedEof => "the connection ended before the answer did".to_owned(),
            // Its name, without the number of the error.
            kind if error.raw_os_error().is_some() => kind.to_string(),
            // In the words of TLS, such as why a certificate is not trusted.
            _ => error.to_string(),
        };
        Self {
            reason,
            silent: false,
        }
    }
}

/// An answer whose body is still to be read.
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: HeaderMap,
    body: BodyReader<'static>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The next bytes of the body; none at its end.
    pub(crate) fn piece(&mut self) -> Result<Vec<u8>, Lost> {
        let mut piece = vec![0; PIECE];
        let read = loop {
            match self.body.read(&mut piece) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        piece.truncate(read);
        Ok(piece)
    }

    /// The whole body. It is lost if more is to come at the time `end`.
    pub(crate) fn text(&mut self, end: Option<Instant>) -> Result<String, Lost> {
        let mut bytes = Vec::new();
        loop {
            let piece = self.piece()?;
            if piece.is_empty() {
                return Ok(String::from_utf8_lossy(&bytes).into_owned());
            }
            bytes.extend(piece);
            if end.is_some_and(|end| Instant::now() > end) {
                return Err(Lost::silent("the time is over"));
            }
        }
    }
}

/// The parts of a request.
pub(crate) struct Parts<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<&'a [u8]>,
    /// So long the server may be silent.
    pub(crate) silence: Duration,
}

/// Makes requests. `roots` are certificates in PEM that are trusted in place of Mozilla's.
pub(crate) fn agent(roots: Option<&[u8]>) -> Result<Agent, HandoffError> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // None of the environment.
        .proxy(None)
        .max_idle_connections(0)
        .user_agent(USER_AGENT);
    #[cfg(feature = "tls")]
    let config = match roots {
        Some(roots) => config.tls_config(trusting(roots)?),
        None => config,
    };
    // Without https there is nothing to trust.
    #[cfg(not(feature = "tls"))]
    let _ = roots;
    Ok(config.build().new_agent())
}

#[cfg(feature = "tls")]
fn trusting(roots: &[u8]) -> Result<ureq::tls::TlsConfig, HandoffError> {
    use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

    let what = |why: &str| HandoffError::invalid(format!("the root certificates: {why}"));
    let mut certificates = Vec::new();
    for item in parse_pem(roots) {
        if let PemItem::Certificate(certificate) = item.map_err(|e| what(&e.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(what("there is none in this PEM"));
    }
    let roots = RootCerts::new_with_certs(&certificates);
    Ok(TlsConfig::builder().root_certs(roots).build())
}

pub(crate) fn open(agent: &Agent, parts: Parts<'_>) -> Result<Reply, Lost> {
    let mut request = Request::builder().method(parts.method).uri(parts.url);
    for (name, value) in parts.headers {
        request = request.header(name, value);
    }
    let reply = match parts.body {
        Some(body) => {
            let request = request.body(body).map_err(ureq::Error::from)?;
            agent.run(limit(agent, request, parts.silence))?
        }
        None => {
            let request = request.body(()).map_err(ureq::Error::from)?;
            agent.run(limit(agent, request, parts.silence))?
        }
    };
    let (head, body) = reply.into_parts();
    Ok(Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.into_reader(),
    })
}

/// Limits each wait for the server. The whole body may take longer.
fn limit<B: ureq::AsSendBody>(agent: &Agent, request: Request<B>, limit: Duration) -> Request<B> {
    agent
        .configure_request(request)
        .timeout_resolve(Some(limit))
        .timeout_connect(Some(limit))
        .timeout_per_read(Some(limit))
        .timeout_per_write(Some(limit))
        .build()
}
