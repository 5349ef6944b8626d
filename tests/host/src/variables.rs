//! Variables: what the application declares, who may set it, and the templates of the components.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use crate::manifest::Variable;

/// Variables by name, with their values.
pub(crate) type Values = BTreeMap<String, String>;

/// The values of the application's variables: `--variable` before `SPIN_VARIABLE_NAME` before the default.
pub(crate) fn resolve(
    declared: &BTreeMap<String, Variable>,
    flags: &[(String, String)],
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Values> {
    for (name, _) in flags {
        if !declared.contains_key(name) {
            bail!(
                "--variable {name}=…: [variables] does not declare {name:?}; it declares: {}",
                declared
                    .keys()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join(", ")
            );
        }
    }
    let mut values = Values::new();
    for (name, variable) in declared {
        // The last flag wins, as is usual for flags.
        let flag = flags
            .iter()
            .rev()
            .find(|(flag, _)| flag == name)
            .map(|(_, value)| value.clone());
        let key = format!("SPIN_VARIABLE_{}", name.to_uppercase());
        match flag
            .or_else(|| environment(&key))
            .or_else(|| variable.default.clone())
        {
            Some(value) => _ = values.insert(name.clone(), value),
            None => bail!(
                "variable {name:?} is required and has no value; give --variable {name}=VALUE or set {key}"
            ),
        }
    }
    Ok(values)
}

/// Fills the `{{ name }}` places of a component's template. `place` says where the template stands.
pub(crate) fn expand(template: &str, values: &Values, place: &str) -> Result<String> {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after
            .split_once("}}")
            .with_context(|| format!("{place} = {template:?}: the {{{{ has no closing }}}}"))?;
        let name = name.trim();
        let value = values.get(name).with_context(|| {
            format!("{place} = {template:?}: [variables] does not declare {name:?}; add `{name} = {{ default = \"…\" }}`")
        })?;
        text.push_str(before);
        text.push_str(value);
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

/// Whether Spin would take this as a variable's name.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> BTreeMap<String, Variable> {
        toml::from_str("a = { default = \"1\" }\nb = { required = true, secret = true }")
            .expect("toml")
    }

    fn flag(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_flag_beats_the_environment_beats_the_default() {
        let environment = |key: &str| (key == "SPIN_VARIABLE_B").then(|| "env".to_owned());
        let values = resolve(&declared(), &[], environment).expect("values");
        assert_eq!((values["a"].as_str(), values["b"].as_str()), ("1", "env"));
        let flags = [flag("b", "x"), flag("b", "flag")];
        assert_eq!(
            resolve(&declared(), &flags, environment).expect("values")["b"],
            "flag"
        );
    }

    #[test]
    fn errors_say_what_to_do() {
        let error = resolve(&declared(), &[], |_| None)
            .expect_err("unset")
            .to_string();
        assert!(
            error.contains("--variable b=VALUE") && error.contains("SPIN_VARIABLE_B"),
            "{error}"
        );
        let error = resolve(&declared(), &[flag("c", "1")], |_| None)
            .expect_err("undeclared")
            .to_string();
        assert!(error.contains("\"c\"") && error.contains("a, b"), "{error}");
    }

    #[test]
    fn templates_are_filled() {
        let values = Values::from([
            ("a".to_owned(), "1".to_owned()),
            ("b".to_owned(), "{{ a }}".to_owned()),
        ]);
        for (template, expected) in [
            ("{{ a }}", "1"),
            ("x-{{a}}-{{ a }}-", "x-1-1-"),
            ("plain", "plain"),
            ("{{b}}", "{{ a }}"),
        ] {
            assert_eq!(expand(template, &values, "p").expect("filled"), expected);
        }
        for (template, word) in [("{{ c }}", "\"c\""), ("{{ a", "closing")] {
            let error = format!(
                "{:#}",
                expand(template, &values, "[component.x.variables] v").expect_err("bad")
            );
            assert!(
                error.contains(word) && error.contains("[component.x.variables] v"),
                "{error}"
            );
        }
    }
}
