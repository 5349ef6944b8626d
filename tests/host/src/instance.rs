//! One call of a component: a fresh instance in a task of its own, which goes on after its answer unless the host was
//! told otherwise. Without a caller and without an answer it soon ends.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures::future::join;
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use hyper::{Request, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use wasmtime::{Engine, PoolConcurrencyLimitError, Store};
use wasmtime_wasi_http::handler::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpView, p2, p3};

use crate::app::{App, Component};
use crate::count;
use crate::guest::Guest;
use crate::keyvalue::InstanceEnds;
use crate::lifetime::{Lifetime, watched};
use crate::say::say;

/// What a call came to.
pub(crate) type Answer = Result<Response<WasiBody>, Failure>;

/// How long an instance goes on when its caller has left before the answer. What was begun, such as enqueueing, ends
/// within it; what only waits would keep its place for a minute.
const GRACE: Duration = Duration::from_secs(2);

/// Why a call got no response.
#[derive(Debug)]
pub(crate) enum Failure {
    /// All instances are taken.
    PoolFull,
    /// It was stopped at `--request-timeout`.
    TimedOut,
    /// It trapped, or ended without an answer. The reason is on stderr.
    Broken,
    /// The component answered with an error of `wasi:http`.
    Guest(Error),
}

/// Where the answer goes. Either the guest sends one or, when it has ended without, the host.
type Sender = Arc<Mutex<Option<oneshot::Sender<Answer>>>>;

/// What becomes of an answer, and of the instance with it.
struct Answers {
    sender: Sender,
    lifetime: Lifetime,
    /// Used when the instance is to end.
    over: oneshot::Sender<()>,
}

/// Starts a call and returns at once. The permit, where there is one, is held until the instance is gone.
pub(crate) fn start<B>(
    app: &Arc<App>,
    component: &Arc<Component>,
    request: Request<B>,
    permit: Option<OwnedSemaphorePermit>,
) -> oneshot::Receiver<Answer>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Error>,
{
    let (sender, receiver) = oneshot::channel();
    let sender: Sender = Arc::new(Mutex::new(Some(sender)));
    let mut store = Store::new(engine(&component.pre), Guest::new(app, component));
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    let counted = app.count_calls.then(|| {
        count::all_calls(&mut store);
        format!("counted {} {}", request.method(), request.uri())
    });
    let (over, is_over) = oneshot::channel();
    let answers = Answers {
        sender: sender.clone(),
        lifetime: app.lifetime,
        over,
    };
    let handling = handle(component.clone(), store, request, answers, counted);
    let (component, timeout) = (component.clone(), app.request_timeout);
    let grace = match app.lifetime {
        Lifetime::Request => Some(Duration::ZERO),
        _ => app.routes.has(&component.name).then_some(GRACE),
    };
    let running = app.clock.run();
    tokio::spawn(async move {
        let ended = tokio::select! {
            biased;
            ended = tokio::time::timeout(timeout, handling) => Some(ended),
            // A caller that gave up must not keep a worker from starting.
            () = abandoned(&sender, grace.unwrap_or_default()), if grace.is_some() => None,
            Ok(()) = is_over => None,
        };
        drop(running);
        drop(permit);
        let Some(ended) = ended else { return };
        let failure = match ended {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(explain(&component, &error)),
            Err(_) => {
                say(format!(
                    "component {:?}: stopped after {timeout:?}; --request-timeout allows more",
                    component.name
                ));
                Some(Failure::TimedOut)
            }
        };
        finish(&component, &sender, failure);
    });
    receiver
}

fn engine(pre: &ProxyPre<Guest>) -> &Engine {
    match pre {
        ProxyPre::P2(pre) => pre.engine(),
        ProxyPre::P3(pre) => pre.engine(),
    }
}

async fn handle<B>(
    component: Arc<Component>,
    mut store: Store<Guest>,
    request: Request<B>,
    answers: Answers,
    counted: Option<String>,
) -> wasmtime::Result<()>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Error>,
{
    let ended = match &component.pre {
        ProxyPre::P2(pre) => incoming_handler(pre, &mut store, request, answers).await,
        // It ends with its response anyway.
        ProxyPre::P3(pre) => service(pre, &mut store, request, answers.sender).await,
    };
    if let Some(what) = counted {
        say(format!("{what}: {}", store.data().count));
    }
    ended
}

/// A component for `wasi:http` 0.2 sets its answer, and may go on.
async fn incoming_handler<B>(
    pre: &p2::bindings::ProxyPre<Guest>,
    store: &mut Store<Guest>,
    request: Request<B>,
    answers: Answers,
) -> wasmtime::Result<()>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Error>,
{
    let mut http = store.data_mut().http();
    let request = http.new_incoming_request(Scheme::Http, request)?;
    let outparam = http.new_response_outparam_from_callback(move |answer| {
        let answer = answer.map_err(|code| Failure::Guest(code.into()));
        let boxed = |body: HyperOutgoingBody| body.map_err(Error::from).boxed_unsync();
        let watched = |body| answers.lifetime.watch(boxed(body), answers.over);
        _ = send(
            &answers.sender,
            answer.map(|response| response.map(watched)),
        );
    })?;
    let proxy = pre.instantiate_async(&mut *store).await?;
    let handler = proxy.wasi_http_incoming_handler();
    handler.call_handle(store, request, outparam).await
}

/// A component for `wasi:http` 0.3 returns its answer, and ends when the body is sent. Spin gives an
/// instance further requests; here each has its own.
async fn service<B>(
    pre: &p3::bindings::ServicePre<Guest>,
    store: &mut Store<Guest>,
    request: Request<B>,
    sender: Sender,
) -> wasmtime::Result<()>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Error>,
{
    let service = pre.instantiate_async(&mut *store).await?;
    let name = store.data().component().name.clone();
    let hooks = store.data_mut().http().hooks;
    let (request, received) = p3::Request::from_http(hooks, request);
    let handled = store.run_concurrent(async move |store| {
        let answered = async {
            let response = match service.handle(store, request).await? {
                Ok(response) => response,
                Err(code) => {
                    let error: Error = code.into();
                    say(format!(
                        "component {name:?} answered with an error: {error:?}"
                    ));
                    // As on Spin.
                    let mut response = Response::new(WasiBody::default());
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    _ = send(&sender, Ok(response));
                    return Ok(());
                }
            };
            let response = store.with(|store| response.into_http(store, async { Ok(()) }))?;
            let (whole, sent) = oneshot::channel::<()>();
            _ = send(&sender, Ok(response.map(|body| watched(body, whole))));
            // Either way it is over.
            _ = sent.await;
            Ok(())
        };
        // What became of the request's body is the component's to see.
        let (answered, _) = join(answered, received).await;
        answered
    });
    handled.await?
}

/// Ends when the caller left before the answer and so much time has brought none either.
async fn abandoned(sender: &Sender, grace: Duration) {
    let unanswered = || sender.lock().unwrap_or_else(PoisonError::into_inner);
    poll_fn(|context| match &mut *unanswered() {
        Some(sender) => sender.poll_closed(context),
        None => Poll::Pending,
    })
    .await;
    tokio::time::sleep(grace).await;
    if unanswered().is_none() {
        // It has answered, though nobody listened, and what comes after goes on.
        pending::<()>().await;
    }
}

/// True if this was the first answer.
fn send(sender: &Sender, answer: Answer) -> bool {
    match sender.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(sender) => {
            // A caller that left needs no answer.
            _ = sender.send(answer);
            true
        }
        None => false,
    }
}

/// Answers in the guest's place if it has not answered.
fn finish(component: &Component, sender: &Sender, failure: Option<Failure>) {
    let silent = failure.is_none();
    if send(sender, Err(failure.unwrap_or(Failure::Broken))) && silent {
        say(format!(
            "component {:?}: ended without setting a response; its handler must call response-outparam.set",
            component.name
        ));
    }
}

/// Tells on stderr what the caller is not told.
fn explain(component: &Component, error: &wasmtime::Error) -> Failure {
    if error.is::<PoolConcurrencyLimitError>() {
        say(format!(
            "component {:?}: no free instance ({error:#}); --instances-max allows more",
            component.name
        ));
        return Failure::PoolFull;
    }
    if !error.is::<InstanceEnds>() {
        say(format!("component {:?}: {error:#}", component.name));
    }
    Failure::Broken
}
