//! A Postgres that the component reaches itself, over Spin's outbound Postgres.

pub(super) mod backend;
mod statements;
