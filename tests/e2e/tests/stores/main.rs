//! Stores that are full, frozen, gone, slow or that fail at times: refusals say so, and when the store works again, so does
//! the application, without a restart. Nothing that was acknowledged is lost.

mod calls;
mod failing;
mod frozen;
#[cfg(target_os = "linux")]
mod full;
mod gone;
mod slow;
