//! Stores that are full, frozen, gone, slow or that fail at times: refusals say so, and when the store works again, so does
//! the application, without a restart; in `failing` and `slow` it is the host that spoils the calls, until it ends. Nothing
//! that was acknowledged is lost.

mod calls;
mod commits;
mod failing;
mod failover;
mod frozen;
#[cfg(target_os = "linux")]
mod full;
mod gone;
mod slow;
