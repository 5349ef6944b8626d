//! How long an instance may live: this host lets it go on after its response, and can be told to end it sooner, as
//! other hosts do.

use std::pin::Pin;
use std::task::{Context, Poll};

use clap::ValueEnum;
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame};
use tokio::sync::{mpsc, oneshot};
use wasmtime_wasi_http::{Error, WasiBody};

/// When an instance is ended, whatever it still does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lifetime {
    /// Not before its handler returns
    AfterResponse,
    /// When its response is complete, even if its caller has left
    Response,
    /// When its response is complete or nobody waits for it any more
    Request,
}

impl Lifetime {
    /// Passes a response's body on, and uses `over` when the instance is to end.
    pub(crate) fn watch(self, body: WasiBody, over: oneshot::Sender<()>) -> WasiBody {
        match self {
            Self::AfterResponse => body,
            Self::Response => pumped(body, over),
            Self::Request => Watched {
                body,
                over: Some(over),
            }
            .boxed_unsync(),
        }
    }
}

/// Takes all of a body, whether or not somebody takes it here.
fn pumped(mut body: WasiBody, over: oneshot::Sender<()>) -> WasiBody {
    let (frames, received) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(frame) = body.frame().await {
            // The caller may have left.
            _ = frames.send(frame).await;
        }
        _ = over.send(());
    });
    Pumped(received).boxed_unsync()
}

struct Pumped(mpsc::Receiver<Result<Frame<Bytes>, Error>>);

impl Body for Pumped {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0.poll_recv(context)
    }
}

/// A body whose instance ends with it.
struct Watched {
    body: WasiBody,
    over: Option<oneshot::Sender<()>>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(over) = self.over.take() {
            _ = over.send(());
        }
    }
}
