//! Idempotency keys: however often a request with a key is repeated, and by however many at once, there is one task.
//!
//! Time is divided into periods as long as the key's time to live, and every period of every key has names of its own
//! in the store. So no name is used twice, and nothing that comes late disturbs a later use. A key of the application's own
//! means the same for ever and has one period only: it is the same key whatever time to live it is used with. Within a period a counter
//! and the candidates behind it decide (`agree`); who finds it decided sees that the task is there (`home`), so that a
//! winner that dies blocks nobody.

pub(crate) mod agree;
pub(crate) mod canonical;
pub(crate) mod enqueue;
pub(crate) mod home;
pub(crate) mod key;
