//! The host and Redis are killed again and again under load, at random moments. What was acknowledged ends as it should,
//! and nobody has to ask for it.

mod client;
mod dice;
mod errand;
mod rounds;
mod shared;
