//! One worker: it claims, runs and reports tasks, does the keeper's work, and hands over before its
//! budget ends.

pub(crate) mod allowance;
pub(crate) mod control;
pub(crate) mod instance;
pub(crate) mod keyed;
pub(crate) mod load;
pub(crate) mod permits;
pub(crate) mod registration;
pub(crate) mod run;
pub(crate) mod state;
pub(crate) mod take;
pub(crate) mod turn;
