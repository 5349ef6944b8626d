//! HTTP in and out.

pub mod access;
pub mod client;
mod cors;
mod problem;
mod request;
mod response;
mod sender;
mod stream;

pub use cors::Cors;
pub use problem::Problem;
pub use request::Request;
pub use response::Response;
pub use spin_sdk::http::{IncomingRequest, Method, ResponseOutparam};
pub use stream::{Gone, Stream};
