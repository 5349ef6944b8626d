//! `wash dev`, which is told what to do by `.wash/config.yaml` and by variables of its environment.

#[path = "../../../src/xtask/src/wash/settings.rs"]
mod settings;

use crate::database::Database;
use crate::environment;
use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

/// The arguments of `env`: what `cargo xtask up --host wasmcloud` sets, and wash with the project of a manifest.
pub(crate) fn arguments(
    manifest: &Path,
    folder: &Path,
    server: Option<&Database>,
    variables: &[(&str, &str)],
) -> Vec<OsString> {
    let wash = environment::wash();
    let wash = wash.expect("tests on this pair are skipped where it is not available");
    let user_config = folder.join("wash.yaml");
    fs::write(&user_config, "{}\n").expect("settings of nobody are written");
    let project = manifest.parent().expect("a manifest is in a folder");
    let store = server.map(Database::url);
    let settings = settings::settings("127.0.0.1:0", store.as_deref(), variables);
    let settings = settings
        .into_iter()
        .map(|(name, value)| format!("{name}={value}").into());
    let options = [
        wash.into(),
        "--non-interactive".into(),
        // What this user says about wash is not for these tests.
        "--user-config".into(),
        user_config.into(),
        "-C".into(),
        project.into(),
        "dev".into(),
    ];
    settings.chain(options).collect()
}

/// Where it serves, once it does: it listens before the component is there.
pub(crate) fn serving(output: &str) -> Option<SocketAddr> {
    let (before, _) = output.split_once("listening for HTTP requests")?;
    let (_, address) = before.rsplit_once("HTTP server listening addr=")?;
    address.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_serves_when_the_component_is_there() {
        let listens = "INFO HTTP server listening addr=127.0.0.1:36881 protocol=\"HTTP\"\n";
        assert_eq!(serving(listens), None);
        let serves =
            format!("{listens}INFO listening for HTTP requests address=http://127.0.0.1:0\n");
        assert_eq!(serving(&serves), Some(([127, 0, 0, 1], 36881).into()));
    }
}
