//! What a workload gives its component: variables in the environment, and which hosts it may call.

use crate::http::problem::Problem;
use handoff_wire::Hosts;
use std::env::VarError;

/// The place of variables.
pub(crate) const HOW_TO_GIVE: &str = "add it to the workload's environment";

/// The reason for a denied call.
pub(crate) const DENIED: &str = "allowedHosts of the workload does not list it";

/// The header with the path below the component's route, of which this host knows none: no header has
/// this name.
pub(crate) const PATH_BELOW_ROUTE: &str = "";

/// The text of a variable, if the workload's environment has it.
pub(crate) fn variable(name: &str) -> Result<Option<String>, Problem> {
    match std::env::var(name) {
        Ok(text) => Ok(Some(text)),
        Err(VarError::NotPresent) => Ok(None),
        Err(e) => Err(Problem::misconfigured(format!(
            "the variable {name:?} can't be read from the workload's environment: {e}"
        ))),
    }
}

/// Checks whether `/gather` may call a URL. All of the application is one component here, so the
/// workload's list is also that of webhooks and tasks, and callers of `/gather` get less.
///
/// # Errors
/// The reason if it may not.
pub(crate) fn check_gathered(url: &str) -> Result<(), String> {
    match gather_hosts() {
        Ok(hosts) if hosts.list(url) => Ok(()),
        Ok(_) => Err(format!(
            "{url} may not be called: the variable gather_host does not list it"
        )),
        Err(problem) => Err(problem.detail),
    }
}

/// Checks the variables that only this host has.
///
/// # Errors
/// 500 if one can't be used.
pub(crate) fn check() -> Result<(), Problem> {
    gather_hosts().map(drop)
}

fn gather_hosts() -> Result<Hosts, Problem> {
    let hosts = variable("gather_host")?.unwrap_or_default().parse();
    hosts.map_err(|reason: String| {
        Problem::misconfigured(format!(
            "the variable \"gather_host\" can't be used: {reason}"
        ))
    })
}
