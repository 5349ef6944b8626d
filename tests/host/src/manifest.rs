//! The part of spin.toml (manifest version 2) that this host understands. What it does not understand is an error,
//! never ignored: an application must not behave differently here from what its manifest says.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use crate::routes::Routes;

/// The only key-value store there is, by the name that manifests give it.
pub(crate) const DEFAULT_STORE: &str = "default";

/// A whole spin.toml.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    #[serde(rename = "spin_manifest_version")]
    _version: toml::Value,
    pub application: Application,
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    pub trigger: Triggers,
    pub component: BTreeMap<String, Component>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Application {
    pub name: String,
    #[serde(default, rename = "version")]
    _version: Option<String>,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    #[serde(default, rename = "authors")]
    _authors: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    #[serde(default)]
    pub default: Option<String>,
    #[serde(default)]
    pub required: bool,
    #[serde(default, rename = "secret")]
    _secret: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Triggers {
    #[serde(default)]
    pub http: Vec<HttpTrigger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpTrigger {
    pub route: Route,
    pub component: String,
}

/// `"/path"`, `"/path/..."` or `{ private = true }`.
#[derive(Debug)]
pub(crate) enum Route {
    Public(String),
    Private,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Component {
    /// Relative to the manifest's folder.
    pub source: String,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    #[serde(default)]
    pub key_value_stores: Vec<String>,
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub build: Option<Build>,
}

/// How `spin build` makes the component. This host only names the command when the file is missing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Build {
    pub command: toml::Value,
    #[serde(default, rename = "workdir")]
    _workdir: Option<String>,
    #[serde(default, rename = "watch")]
    _watch: Vec<String>,
}

impl Manifest {
    /// Reads and checks a manifest file. The sources are looked at when they are loaded.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "{}: cannot be read; name the application's spin.toml with --manifest",
                path.display()
            )
        })?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let table: toml::Table = text.parse()?;
        match table.get("spin_manifest_version") {
            Some(toml::Value::Integer(2)) => {}
            Some(other) => {
                bail!(
                    "spin_manifest_version = {other}: this host reads version 2; `spin doctor` upgrades a manifest"
                )
            }
            None => bail!(
                "spin_manifest_version is missing; write `spin_manifest_version = 2` as the first line"
            ),
        }
        let manifest: Self = toml::from_str(text)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<()> {
        ensure!(
            !self.trigger.http.is_empty(),
            "no [[trigger.http]]: add one, or nothing can be called"
        );
        for trigger in &self.trigger.http {
            ensure!(
                self.component.contains_key(&trigger.component),
                "[[trigger.http]] route {}: component {:?} is not defined; add [component.{}] or name one of: {}",
                trigger.route,
                trigger.component,
                trigger.component,
                self.component
                    .keys()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join(", "),
            );
        }
        Routes::new(&self.trigger.http)?;
        for (name, component) in &self.component {
            for label in &component.key_value_stores {
                ensure!(
                    label == DEFAULT_STORE,
                    "[component.{name}] key_value_stores: this host has only {DEFAULT_STORE:?}, not {label:?}",
                );
            }
        }
        for (name, variable) in &self.variables {
            ensure!(
                variable.required != variable.default.is_some(),
                "[variables] {name}: give it either `default = \"…\"` or `required = true`",
            );
        }
        Ok(())
    }
}

impl Component {
    /// What the manifest says builds this component.
    pub(crate) fn build_command(&self) -> String {
        match self.build.as_ref().map(|build| &build.command) {
            Some(toml::Value::String(command)) => command.clone(),
            Some(toml::Value::Array(commands)) => commands
                .iter()
                .filter_map(toml::Value::as_str)
                .collect::<Vec<_>>()
                .join(" && "),
            _ => "spin build".to_owned(),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public(route) => write!(f, "{route:?}"),
            Self::Private => f.write_str("{ private = true }"),
        }
    }
}

impl<'de> Deserialize<'de> for Route {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RouteVisitor;

        impl<'de> Visitor<'de> for RouteVisitor {
            type Value = Route;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a route: \"/path\", \"/path/...\" or { private = true }")
            }

            fn visit_str<E: de::Error>(self, route: &str) -> Result<Route, E> {
                Ok(Route::Public(route.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Route, A::Error> {
                let entry: Option<(String, bool)> = map.next_entry()?;
                match entry {
                    Some((key, true))
                        if key == "private" && map.next_key::<String>()?.is_none() =>
                    {
                        Ok(Route::Private)
                    }
                    _ => Err(de::Error::custom(
                        "a route is \"/path\", \"/path/...\" or { private = true }",
                    )),
                }
            }
        }

        deserializer.deserialize_any(RouteVisitor)
    }
}

#[cfg(test)]
mod tests;
