//! HTTP in and out.

pub mod client;
mod problem;
mod request;
mod response;
mod stream;

pub use problem::Problem;
pub use request::Request;
pub use response::Response;
pub use spin_sdk::http::{IncomingRequest, Method, ResponseOutparam};
pub use stream::{Gone, Stream};
