//! The store that the variable `store` names.

use super::key_value::KeyValue;
use super::location::Location;
use super::postgres::backend::Postgres;
use super::redis::Redis;
use crate::backend::Backend;
use crate::http::problem::Problem;
use crate::variables;
use handoff_queue::QueueError;
use std::rc::Rc;

/// Opens the store.
pub(crate) fn open() -> Result<Rc<dyn Backend>, Problem> {
    Ok(match location()? {
        // A component without the feature must not import the interface.
        Location::KeyValue if cfg!(feature = "key-value") => {
            Rc::new(KeyValue::open().map_err(QueueError::from)?)
        }
        Location::KeyValue => {
            return Err(Problem::misconfigured(
                "the variable \"store\" is \"key-value\", and these components were built without it: it must be redis://… or postgres://…",
            ));
        }
        Location::Redis(server) => Rc::new(Redis::new(server)),
        Location::Postgres(server) => Rc::new(Postgres::new(server)),
    })
}

/// Checks that the variable can be used, without a call of the store.
pub(crate) fn check() -> Result<(), Problem> {
    location().map(drop)
}

fn location() -> Result<Location, Problem> {
    // Not shown when it is wrong, since it may hold a password.
    variables::text("store")?.parse().map_err(|reason| {
        Problem::misconfigured(format!("the variable \"store\" can't be used: {reason}"))
    })
}
