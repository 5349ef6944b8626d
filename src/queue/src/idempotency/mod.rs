//! Idempotency keys: repeated requests with one key get the same task, however many come at once.
//!
//! Time is divided into periods as long as the key's time to live. Every period of every key has
//! its own names in the store. So no name is used twice, and nothing that comes late disturbs a
//! later use. An internal key of an event has only one period, whatever time to live it is used
//! with.
//!
//! Within a period a counter and its candidates decide (`agree`). A request that finds the decided
//! candidate ensures its home (`home`), so a winner that dies blocks no other request.

pub(crate) mod agree;
pub(crate) mod canonical;
pub(crate) mod enqueue;
pub(crate) mod home;
pub(crate) mod key;
