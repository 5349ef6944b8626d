//! `cargo xtask dist`: what a release consists of. The components with their digests, what they are made of, the templates
//! that name them, and the command line.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::toolchain::{Source, TARGET};
use crate::workspace::Workspace;
use crate::{components, plugin, starters, step};

/// Where the release is to be.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// The folder that the components will be downloaded from, such as `https://example.org/handoff/v0.1.0`; without it templates name
    /// the files here
    #[arg(long)]
    url: Option<String>,
}

/// The names of the components in applications, and what they are built as.
const COMPONENTS: [(&str, &str); 3] = [
    ("handoff", "handoff.wasm"),
    ("handoff-gather", "handoff_gather.wasm"),
    ("handoff-console", "handoff_console.wasm"),
];

/// Builds everything into target/dist.
pub(crate) fn dist(workspace: &Workspace, wanted: Option<Source>, options: &Options) -> Result<()> {
    let built = workspace.components();
    components::build(workspace, wanted, &components::SPIN, &built)?;
    let to = workspace.target.join("dist");
    if to.exists() {
        fs::remove_dir_all(&to).with_context(|| format!("{} can't be removed", to.display()))?;
    }
    fs::create_dir_all(&to)?;
    let mut sums = String::new();
    let mut sources = Vec::new();
    for (name, file) in COMPONENTS {
        let bytes = fs::read(built.join(file))?;
        let path = to.join(format!("{name}.wasm"));
        fs::write(&path, &bytes)?;
        let digest = hex(&Sha256::digest(&bytes));
        sums += &format!("{digest}  {name}.wasm\n");
        let source = source(name, &path, &digest, options.url.as_deref());
        sources.push((name, source));
    }
    sums += &plugin::make(workspace, &to, options.url.as_deref())?;
    fs::write(to.join("SHA256SUMS"), sums)?;
    let parts = parts(workspace)?;
    fs::write(to.join("handoff.cdx.json"), format!("{parts:#}\n"))?;
    fill(
        &workspace.root.join("templates"),
        &to.join("templates"),
        &sources,
    )?;
    let examples = workspace.root.join("examples");
    let replaced = replaced(workspace, &sources, options);
    starters::make(&examples, &to.join("templates"), &replaced)?;
    let shown = to.strip_prefix(&workspace.root).unwrap_or(&to);
    eprintln!(
        "    {}: components, the command line, SHA256SUMS, handoff.cdx.json, templates. Next: spin templates install --upgrade --dir {}",
        shown.display(),
        shown.display()
    );
    Ok(())
}

/// The paths of examples that templates replace, and their replacements.
fn replaced<'a>(
    workspace: &Workspace,
    sources: &[(&str, String)],
    options: &Options,
) -> Vec<(&'a str, String)> {
    let component = sources.iter().find(|(name, _)| *name == "handoff");
    let component = component.map_or_else(String::new, |(_, source)| source.clone());
    let sdk = match options.url {
        Some(_) => format!("{:?}", env!("CARGO_PKG_VERSION")),
        None => format!("{{ path = {:?} }}", workspace.root.join("src/sdk")),
    };
    vec![
        ("\"../../target/components/handoff.wasm\"", component),
        ("{ path = \"../../src/sdk\" }", sdk),
    ]
}

/// What a manifest gives as a component's source.
fn source(name: &str, path: &Path, digest: &str, url: Option<&str>) -> String {
    match url {
        Some(url) => {
            let url = url.trim_end_matches('/');
            format!("{{ url = \"{url}/{name}.wasm\", digest = \"sha256:{digest}\" }}")
        }
        None => toml::Value::from(path.display().to_string()).to_string(),
    }
}

/// Copies templates, with the source of a component where `@NAME@` is.
fn fill(from: &Path, to: &Path, sources: &[(&str, String)]) -> Result<()> {
    let with =
        |text: String, (name, source): &(&str, String)| text.replace(&format!("@{name}@"), source);
    starters::copy(from, to, &|text| sources.iter().fold(text, with))
}

/// What the components and the command line are made of, in the form of CycloneDX.
fn parts(workspace: &Workspace) -> Result<Value> {
    let tree = || {
        let mut tree = workspace.cargo(&["tree", "--locked", "--edges", "normal"]);
        tree.args(["--prefix", "none", "--format", "{p}|{l}"]);
        tree
    };
    let (mut of_components, mut of_program) = (tree(), tree());
    of_components.args(["--target", TARGET]);
    for component in &components::SPIN {
        of_components.args(["--package", component.package]);
        of_components.args(["--features", component.features]);
    }
    of_program.args(["--package", "handoff-cli"]);
    let mut tree = String::new();
    for mut command in [of_components, of_program] {
        tree += &step::quiet_output(&mut command).context("`cargo tree` failed")?;
        tree.push('\n');
    }
    let parts: std::collections::BTreeSet<_> = tree.lines().filter_map(part).collect();
    ensure!(
        parts.len() > 10,
        "`cargo tree` names hardly anything: {tree}"
    );
    let parts = parts.into_iter().map(|(name, version, licence)| {
        json!({
            "type": "library", "name": name, "version": version,
            "purl": format!("pkg:cargo/{name}@{version}"),
            "licenses": [{"expression": licence}],
        })
    });
    Ok(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"component": {
            "type": "application", "name": "handoff", "version": env!("CARGO_PKG_VERSION"),
        }},
        "components": parts.collect::<Vec<_>>(),
    }))
}

/// Name, version and licence in a line such as `serde v1.0.0 (proc-macro)|MIT OR Apache-2.0 (*)`.
fn part(line: &str) -> Option<(String, String, String)> {
    let (package, licence) = line.split_once('|')?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    let licence = licence.trim_end_matches(" (*)");
    Some((
        name.to_owned(),
        version.to_owned(),
        licence.replace('/', " OR "),
    ))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_download_with_its_digest_or_a_file() {
        let path = Path::new("/a b/handoff.wasm");
        let file = source("handoff", path, "00ff", None);
        assert_eq!(file, r#""/a b/handoff.wasm""#);
        let url = source("handoff", path, "00ff", Some("https://example.org/v1/"));
        let toml: toml::Table = format!("source = {url}").parse().expect("TOML");
        assert_eq!(
            toml["source"]["url"].as_str(),
            Some("https://example.org/v1/handoff.wasm")
        );
        assert_eq!(toml["source"]["digest"].as_str(), Some("sha256:00ff"));
    }

    #[test]
    fn nothing_is_left_to_fill_in() -> Result<()> {
        let workspace = Workspace::find()?;
        let to = std::env::temp_dir().join(format!("xtask-dist-{}", std::process::id()));
        let sources = COMPONENTS.map(|(name, _)| (name, "\"here\"".to_owned()));
        fill(&workspace.root.join("templates"), &to, &sources)?;
        let component = to.join("handoff/metadata/snippets/component.txt");
        let component = fs::read_to_string(component)?;
        assert!(
            !component.contains('@') && component.contains("source = \"here\""),
            "{component}"
        );
        fs::remove_dir_all(&to)?;
        Ok(())
    }

    #[test]
    fn parts_are_named_without_their_place() {
        let part =
            |line| part(line).map(|(name, version, licence)| format!("{name} {version} {licence}"));
        let line = "serde v1.0.0 (proc-macro)|MIT/Apache-2.0 (*)";
        assert_eq!(part(line).as_deref(), Some("serde 1.0.0 MIT OR Apache-2.0"));
        let line = "handoff-api v0.1.0 (/somewhere/api)|Apache-2.0";
        assert_eq!(part(line).as_deref(), Some("handoff-api 0.1.0 Apache-2.0"));
        assert_eq!(part(""), None);
    }
}
