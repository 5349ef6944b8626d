//! The examples as templates for `spin new`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The folder of an example, its template's name, what that says of itself, and the README of what it makes.
const STARTERS: [(&str, &str, &str, &str); 3] = [
    (
        "javascript",
        "handoff-js",
        "An application in JavaScript with background tasks by Handoff",
        include_str!("starters/javascript.md"),
    ),
    (
        "python",
        "handoff-python",
        "An application in Python with background tasks by Handoff",
        include_str!("starters/python.md"),
    ),
    (
        "rust",
        "handoff-rust",
        "Background tasks in Rust, compiled into Handoff's component",
        include_str!("starters/rust.md"),
    ),
];

/// Files of an example that its template lacks: built or cached ones, and those about the repository.
const LEFT_OUT: [&str; 12] = [
    ".handoff",
    ".mypy_cache",
    ".ruff_cache",
    "node_modules",
    ".venv",
    "__pycache__",
    "precompiled-source.js",
    "dist",
    "target",
    ".spin",
    "Cargo.lock",
    "README.md",
];

/// Paths in examples that lead into the repository, and their replacements in templates.
pub(crate) type Replaced<'a> = [(&'a str, String)];

/// Makes a template of each example.
pub(crate) fn make(examples: &Path, templates: &Path, replaced: &Replaced<'_>) -> Result<()> {
    for (folder, id, description, readme) in STARTERS {
        let to = templates.join(id);
        let metadata = to.join("metadata");
        fs::create_dir_all(&metadata)?;
        fs::write(
            metadata.join("spin-template.toml"),
            format!(
                "manifest_version = \"1\"\nid = \"{id}\"\ndescription = {description:?}\n\
                 tags = [\"http\", \"queue\", \"tasks\"]\n\n[add_component]\nsupported = false\n"
            ),
        )?;
        let edit = |text: String| {
            let replaced = replaced.iter();
            let text = replaced.fold(text, |text, (here, there)| text.replace(here, there));
            template(&text)
        };
        let content = to.join("content");
        copy(&examples.join(folder), &content, &edit)?;
        // That of the example is about the repository.
        fs::write(content.join("README.md"), readme)?;
    }
    Ok(())
}

/// Copies a folder of texts, without what is left out, each as `edit` gives it.
pub(crate) fn copy(from: &Path, to: &Path, edit: &dyn Fn(String) -> String) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let is_built = name.to_string_lossy().contains("buildData");
        if is_built || LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        let to = to.join(&name);
        if path.is_dir() {
            copy(&path, &to, edit)?;
            continue;
        }
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} can't be read", path.display()))?;
        fs::write(to, edit(text))?;
    }
    Ok(())
}

/// A file as a template: an application has the name that is asked for, and the rest is as it is.
fn template(text: &str) -> String {
    const NAME: &str = "[application]\nname = \"";
    let raw = |text: &str| match text.contains("{{") || text.contains("{%") {
        true => format!("{{% raw %}}{text}{{% endraw %}}"),
        false => text.to_owned(),
    };
    let named = text.split_once(NAME);
    match named.and_then(|(before, after)| Some((before, after.split_once('"')?.1))) {
        Some((before, after)) => {
            format!(
                "{}{NAME}{{{{project-name | kebab_case}}}}\"{}",
                raw(before),
                raw(after)
            )
        }
        None => raw(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_has_the_name_that_is_asked_for() {
        let text = "a = \"{{ a }}\"\n[application]\nname = \"shop\"\nb = \"{{ b }}\"\n";
        assert_eq!(
            template(text),
            "{% raw %}a = \"{{ a }}\"\n{% endraw %}[application]\nname = \"{{project-name | kebab_case}}\"\
             {% raw %}\nb = \"{{ b }}\"\n{% endraw %}"
        );
        assert_eq!(template("fn main() {}"), "fn main() {}");
    }
}
