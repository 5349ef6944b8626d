//! Taking tasks out: tickets, and what is found in their slots.

pub(crate) mod look;
pub(crate) mod share;
