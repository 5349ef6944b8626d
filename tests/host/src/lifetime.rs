//! How long an instance may live: this host lets it go on after its response, and can be told to end it sooner, as
//! other hosts do.

use clap::ValueEnum;
use futures::stream::poll_fn;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::{mpsc, oneshot};
use wasmtime_wasi_http::WasiBody;

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
            Self::Request => watched(body, Over(Some(over))),
        }
    }
}

/// Ends the instance when it is dropped.
struct Over(Option<oneshot::Sender<()>>);

impl Drop for Over {
    fn drop(&mut self) {
        if let Some(over) = self.0.take() {
            _ = over.send(());
        }
    }
}

/// A body that drops `kept` when it is sent, or given up.
pub(crate) fn watched(body: WasiBody, kept: impl Send + 'static) -> WasiBody {
    body.map_frame(move |frame| {
        _ = &kept;
        frame
    })
    .boxed_unsync()
}

/// Takes all of a body, whether or not somebody takes it here.
fn pumped(mut body: WasiBody, over: oneshot::Sender<()>) -> WasiBody {
    let (frames, mut received) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(frame) = body.frame().await {
            // The caller may have left.
            _ = frames.send(frame).await;
        }
        _ = over.send(());
    });
    let frames = poll_fn(move |context| received.poll_recv(context));
    StreamBody::new(frames).boxed_unsync()
}
