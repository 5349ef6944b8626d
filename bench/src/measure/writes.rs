//! What a host's store allows: requests that each do one write, an increment, and nothing else.

use super::{Measurement, Taking, When, metric};
use crate::api::Request;
use crate::load;
use crate::results::Unit;
use anyhow::Result;
use handoff_e2e::{Host, Pair, workspace};

pub const MEASUREMENT: Measurement = Measurement {
    name: "writes",
    when: When::AtRest,
    systems: &["spin-sqlite"],
    metrics: &[metric(
        "writes_c32",
        "requests that do one write, concurrency 32",
        Unit::PerS,
    )],
    run,
};

fn run(taking: &mut Taking) -> Result<()> {
    let host = Host::start_other(Pair::SPIN_SQLITE, &workspace("tests/conformance/spin.toml"));
    let increment = Request {
        path: "/increment/bench.n".into(),
        body: Some(String::new()),
    };
    let load = load::run(
        host.address(),
        &increment,
        32,
        taking.scale.load_s,
        taking.app.scratch(),
    )?;
    (taking.record)("writes_c32", load.per_s);
    Ok(())
}
