//! HTTP in and out.

pub mod access;
pub mod client;
pub(crate) mod cors;
mod form;
pub(crate) mod problem;
pub(crate) mod request;
pub(crate) mod response;
mod sender;
mod stream;

pub use cors::Cors;
pub use problem::Problem;
pub use request::{Caller, Request};
pub use response::Response;
pub use spin_sdk::http::{IncomingRequest, Method, ResponseOutparam};
pub use stream::{Gone, Stream};
