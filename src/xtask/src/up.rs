//! `cargo xtask up`: builds and serves.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail};
use clap::{Args, ValueEnum};

use crate::components::Component;
use crate::toolchain::Source;
use crate::workspace::Workspace;
use crate::{components, host, step, wal, wash};

/// What to serve with, and where.
#[derive(Clone, Args)]
pub(crate) struct Options {
    /// What runs the components; spin where it is on PATH, else local
    #[arg(long)]
    host: Option<Host>,
    /// The address to serve on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: String,
    /// Where tasks are kept: sqlite (not wasmCloud), redis://HOST:PORT, postgres://USER@HOST:PORT/DATABASE (not wasmCloud), or
    /// memory (not Spin); sqlite, but on wasmCloud memory
    #[arg(long)]
    store: Option<Store>,
    /// Set a variable of spin.toml or .wash/config.yaml; may be repeated
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Host {
    /// The host of this project, on wasmtime
    Local,
    /// The installed Spin
    Spin,
    /// `wash dev` of wasmCloud, downloaded where none is installed
    Wasmcloud,
}

#[derive(Debug, Clone)]
enum Store {
    Sqlite,
    Memory,
    Redis(String),
    /// Which the components reach themselves.
    Postgres(String),
}

impl FromStr for Store {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "sqlite" => Ok(Self::Sqlite),
            "memory" => Ok(Self::Memory),
            url if url.starts_with("redis://") || url.starts_with("rediss://") => {
                Ok(Self::Redis(url.to_owned()))
            }
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::Postgres(url.to_owned()))
            }
            _ => bail!(
                "expected sqlite, memory, redis://HOST:PORT or postgres://USER@HOST:PORT/DATABASE"
            ),
        }
    }
}

fn variable(text: &str) -> Result<String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(text.to_owned()),
        _ => bail!("expected NAME=VALUE"),
    }
}

/// Builds, then becomes the host, so that signals reach it and no process is left between.
pub(crate) fn up(workspace: &Workspace, wanted: Option<Source>, options: &Options) -> Result<()> {
    let options = &match std::env::var_os("SPIN_VARIABLE_LOG") {
        Some(_) => options.clone(),
        None => options.with_log(),
    };
    let spin = which::which("spin");
    let host = match options.host {
        Some(host) => host,
        None if spin.is_ok() => Host::Spin,
        None => Host::Local,
    };
    let arguments = arguments(host, options, &workspace.state())?;
    let settings = settings(host, options)?;
    let program = match host {
        Host::Local => None,
        Host::Spin => Some(spin.context(
            "spin is not on PATH: install it (https://spinframework.dev/install), or use --host local",
        )?),
        Host::Wasmcloud => Some(wash::WASH.get(workspace)?),
    };

    let components: &[Component] = match host {
        Host::Local | Host::Spin => &components::SPIN,
        Host::Wasmcloud => &components::WASMCLOUD,
    };
    components::build(workspace, wanted, components, &workspace.components())?;
    let program = match program {
        Some(program) => program,
        None => host::build(workspace, host::Use::Serve)?,
    };
    prepare_state(host, &options.store(host), &workspace.state())?;
    if let (Host::Spin, Store::Sqlite) = (host, options.store(host))
        && let Err(reason) = wal::prepare(&workspace.root.join(".spin"))
    {
        eprintln!("    Spin's SQLite file is not put into WAL mode, which is faster: {reason}");
    }

    let mut command = workspace.command(program);
    command.args(arguments);
    eprintln!("==> {}", step::describe(&command));
    // Not shown: a store's URL may hold a password.
    command.envs(settings);
    // Comes back only if it failed.
    let error = command.exec();
    Err(error).with_context(|| format!("could not start `{}`", step::describe(&command)))
}

impl Options {
    /// The same with the variable `log`, unless it is given, so that a developer sees each task.
    fn with_log(&self) -> Self {
        let mut options = self.clone();
        let is_given = |text: &String| text.starts_with("log=");
        if !options.variables.iter().any(is_given) {
            options.variables.push("log=tasks".to_owned());
        }
        options
    }

    fn store(&self, host: Host) -> Store {
        let default = match host {
            Host::Local | Host::Spin => Store::Sqlite,
            Host::Wasmcloud => Store::Memory,
        };
        self.store.clone().unwrap_or(default)
    }
}

fn arguments(host: Host, options: &Options, state: &Path) -> Result<Vec<String>> {
    let path = |path: PathBuf| path.display().to_string();
    let mut arguments: Vec<String> = match host {
        Host::Local => vec!["--manifest".into(), "spin.toml".into()],
        Host::Spin => vec!["up".into(), "--from".into(), "spin.toml".into()],
        // The rest is in its settings.
        Host::Wasmcloud => return Ok(wash::DEV.map(String::from).to_vec()),
    };
    arguments.extend(["--listen".into(), options.listen.clone()]);
    match (host, &options.store(host)) {
        (Host::Local, Store::Sqlite) => {
            arguments.extend([
                "--store".into(),
                format!("sqlite:{}", path(state.join("store.db"))),
            ]);
        }
        // Variables of the environment tell the components.
        (Host::Local | Host::Spin, Store::Postgres(_)) => {}
        (Host::Local, Store::Memory) => arguments.extend(["--store".into(), "memory".into()]),
        (Host::Local, Store::Redis(url)) => arguments.extend(["--store".into(), url.clone()]),
        // What Spin does by itself.
        (Host::Spin, Store::Sqlite) => {}
        (Host::Spin, Store::Redis(_)) => {
            arguments.extend(["--runtime-config-file".into(), path(spin_redis_file(state))]);
        }
        (Host::Spin, Store::Memory) => {
            bail!(
                "--store memory: Spin has no such store. Use --host local, or sqlite or redis://HOST:PORT with Spin"
            )
        }
        (Host::Wasmcloud, _) => {}
    }
    for variable in &options.variables {
        arguments.extend(["--variable".into(), variable.clone()]);
    }
    Ok(arguments)
}

/// What is told by variables of the environment.
fn settings(host: Host, options: &Options) -> Result<Vec<(String, String)>> {
    let redis = match (host, options.store(host)) {
        (Host::Local | Host::Spin, Store::Postgres(url)) => return Ok(postgres_variables(&url)),
        (Host::Local | Host::Spin, _) => return Ok(Vec::new()),
        (Host::Wasmcloud, Store::Postgres(_)) => bail!(
            "--store postgres://…: wasmCloud can't reach one. Use memory or redis://HOST:PORT with it, or another host"
        ),
        (Host::Wasmcloud, Store::Memory) => None,
        (Host::Wasmcloud, Store::Redis(url)) => Some(url),
        (Host::Wasmcloud, Store::Sqlite) => bail!(
            "--store sqlite: wasmCloud has no such store. Use memory or redis://HOST:PORT with it, or another host"
        ),
    };
    let variables = options.variables.iter();
    let variables: Vec<_> = variables.filter_map(|text| text.split_once('=')).collect();
    Ok(wash::settings(
        &options.listen,
        redis.as_deref(),
        &variables,
    ))
}

/// The store, and where components may go for it.
fn postgres_variables(url: &str) -> Vec<(String, String)> {
    let (_, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let address = authority.rsplit_once('@').map_or(authority, |(_, a)| a);
    let address = match address.rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => address.to_owned(),
        _ => format!("{address}:5432"),
    };
    let variable = |name: &str, value: String| (format!("SPIN_VARIABLE_{name}"), value);
    vec![
        variable("STORE", url.to_owned()),
        variable("STORE_HOST", address),
    ]
}

fn spin_redis_file(state: &Path) -> PathBuf {
    state.join("spin-redis.toml")
}

/// The folder for stores, readable for nobody else, and Spin's configuration.
fn prepare_state(host: Host, store: &Store, state: &Path) -> Result<()> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(state);
    created.with_context(|| format!("{} could not be created", state.display()))?;
    if let (Host::Spin, Store::Redis(url)) = (host, store) {
        let file = spin_redis_file(state);
        let written = fs::write(&file, spin_redis_configuration(url));
        written.with_context(|| format!("{} could not be written", file.display()))?;
    }
    Ok(())
}

fn spin_redis_configuration(url: &str) -> String {
    let url = toml::Value::from(url);
    format!("[key_value_store.default]\ntype = \"redis\"\nurl = {url}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_become_a_command_line() {
        let redis = "redis://127.0.0.1:6379";
        for (host, store, expected) in [
            (
                Host::Local,
                "sqlite",
                "--manifest spin.toml --listen [::1]:80 --store sqlite:/s/store.db --variable a=b",
            ),
            (
                Host::Local,
                "memory",
                "--manifest spin.toml --listen [::1]:80 --store memory --variable a=b",
            ),
            (
                Host::Local,
                redis,
                "--manifest spin.toml --listen [::1]:80 --store redis://127.0.0.1:6379 --variable a=b",
            ),
            (
                Host::Spin,
                "sqlite",
                "up --from spin.toml --listen [::1]:80 --variable a=b",
            ),
            (
                Host::Spin,
                redis,
                "up --from spin.toml --listen [::1]:80 --runtime-config-file /s/spin-redis.toml --variable a=b",
            ),
        ] {
            let found = arguments(host, &options(store), Path::new("/s")).expect(expected);
            assert_eq!(found.join(" "), expected);
        }
        let refused = arguments(Host::Spin, &options("memory"), Path::new("/s"));
        assert!(
            refused
                .expect_err("refused")
                .to_string()
                .contains("--host local")
        );
    }

    #[test]
    fn wasmcloud_is_told_by_its_environment() {
        let told = |store| settings(Host::Wasmcloud, &options(store));
        let redis = told("redis://127.0.0.1:6379").expect("Redis");
        let dev = r#"{address="[::1]:80",wasi_keyvalue_redis_url="redis://127.0.0.1:6379"}"#;
        assert_eq!(redis[1], ("WASH_DEV".into(), dev.into()));
        let workload = r#"{environment={config={a="b"}}}"#;
        assert_eq!(redis[2], ("WASH_WORKLOAD".into(), workload.into()));
        assert!(told("sqlite").is_err_and(|e| e.to_string().contains("redis://")));
    }

    #[test]
    fn components_are_told_where_postgres_is() {
        for (url, address) in [
            ("postgres://me:secret@db/jobs", "db:5432"),
            ("postgresql://me@[::1]:70/jobs?sslmode=disable", "[::1]:70"),
            ("postgres://me@[::1]/jobs", "[::1]:5432"),
        ] {
            let told = settings(Host::Local, &options(url)).expect(url);
            let told: Vec<_> = told
                .iter()
                .map(|(name, value)| (&name[..], &value[..]))
                .collect();
            let expected = [
                ("SPIN_VARIABLE_STORE", url),
                ("SPIN_VARIABLE_STORE_HOST", address),
            ];
            assert_eq!(told, expected);
        }
        assert!(settings(Host::Wasmcloud, &options("postgres://a/b")).is_err());
    }

    fn options(store: &str) -> Options {
        Options {
            host: None,
            listen: "[::1]:80".into(),
            store: Some(store.parse().expect("a store")),
            variables: vec!["a=b".into()],
        }
    }

    #[test]
    fn wrong_values_are_refused() {
        for text in ["", "Sqlite", "redis", "http://127.0.0.1"] {
            assert!(text.parse::<Store>().is_err(), "{text:?}");
        }
        for text in ["", "a", "=b"] {
            assert!(variable(text).is_err(), "{text:?}");
        }
        assert_eq!(variable("a=b=c").expect("a variable"), "a=b=c");
    }

    #[test]
    fn a_url_is_quoted_for_spin() {
        let written = spin_redis_configuration("redis://:a\"b\\c@127.0.0.1");
        let read: toml::Table = written.parse().expect("TOML");
        let url = read["key_value_store"]["default"]["url"].as_str();
        assert_eq!(url, Some("redis://:a\"b\\c@127.0.0.1"));
    }
}
