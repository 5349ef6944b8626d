//! Bounds, guards, the environment, ids and values. Nothing here knows a store.

pub(crate) mod config;
pub(crate) mod digest;
pub(crate) mod env;
pub(crate) mod fields;
pub(crate) mod guard;
pub(crate) mod histogram;
pub(crate) mod id;
pub(crate) mod json;
pub(crate) mod limits;
pub(crate) mod priority;
pub(crate) mod retry;
