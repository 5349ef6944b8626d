//! Durable background tasks for Spin applications, in the application's own key-value store.
//!
//! A crate with its tasks and one line, [`tasks!`], is the whole component:
//!
//! ```
//! use handoff::{Context, Outcome, Task};
//!
//! /// `{"task": "greet", "args": {"name": "Ada"}}` succeeds with `"Hello, Ada!"`.
//! pub struct Greet;
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! pub struct Args {
//!     name: String,
//! }
//!
//! impl Task for Greet {
//!     const NAME: &'static str = "greet";
//!     type Args = Args;
//!
//!     async fn run(args: Args, context: Context) -> Outcome {
//!         context.progress_with(0.5, "on the way");
//!         if context.sleep(1_000).await.is_err() {
//!             return Outcome::Cancelled;
//!         }
//!         if context.attempt() == 1 {
//!             return Outcome::retry("not in the mood yet");
//!         }
//!         Outcome::done(format!("Hello, {}!", args.name))
//!     }
//! }
//!
//! handoff::tasks!(Greet);
//!
//! // A test needs no server, and an hour passes at once.
//! let ran = handoff::test::Attempt::of::<Greet>(serde_json::json!({"name": "Ada"})).run();
//! assert_eq!(ran.outcome, Outcome::retry("not in the mood yet"));
//! assert_eq!((ran.message.as_deref(), ran.took_ms), (Some("on the way"), 1_000));
//! ```
//!
//! spin.toml has the component twice: as `handoff`, which answers `POST /v1/tasks` and all other
//! calls of the API, and as `handoff-worker`, which runs the tasks. The worker has a private route
//! and `environment = { HANDOFF_ROLE = "worker" }`. The template `handoff-rust` of `spin new` makes
//! such an application.
//!
//! Tasks run **at least once**: make their effects repeatable.

#[doc(hidden)]
pub mod component;
#[cfg(not(feature = "wasmcloud"))]
mod spin;
#[cfg(feature = "wasmcloud")]
mod wasmcloud;

pub use handoff_kinds::{
    Call, CallError, Cancelled, Context, Duration, FieldError, Json, Outcome, Registry, Reply,
    SendError, Task, TaskId, Tasks, Trace, Wait, test,
};

/// Makes the crate the component of an application, given its kinds of tasks.
///
/// It adds `pub fn registry() -> Registry`, for tests, and on wasm what the host calls. Two kinds
/// with one name, and names that can't be used, are errors of the compiler.
///
/// ```compile_fail
/// # use handoff::{Context, Outcome, Task};
/// # struct Greet;
/// # impl Task for Greet {
/// #     const NAME: &'static str = "greet";
/// #     type Args = ();
/// #     async fn run(_: (), _: Context) -> Outcome { Outcome::Cancelled }
/// # }
/// handoff::tasks!(Greet, Greet);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! tasks {
    ($($task:ty),+ $(,)?) => {
        /// The kinds of tasks that this application has.
        pub fn registry() -> $crate::Registry {
            $crate::Registry::default()$(.with::<$task>())+
        }

        const _: () = $crate::component::check_names(&[$(<$task as $crate::Task>::NAME),+]);

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code)]
        const _: () = {
            struct Component;

            impl $crate::component::Guest for Component {
                fn handle(
                    request: $crate::component::IncomingRequest,
                    out: $crate::component::ResponseOutparam,
                ) {
                    $crate::component::handle(registry, request, out);
                }
            }

            $crate::component::export!(Component with_types_in $crate::component::wasi);
            $crate::__export_messages!(Component);
        };
    };
}
