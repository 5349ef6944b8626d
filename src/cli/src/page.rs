//! The examples of docs/guide/command-line.md are commands that exist, and each command has one.

use std::fs;
use std::path::Path;

use clap::{CommandFactory, Parser};

use crate::options::Cli;

/// The words of a line as a shell reads them, up to a comment. Operators are words.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, '#') if word.is_none() => break,
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// The commands of a line that are ours.
fn commands(line: &str) -> Vec<Vec<String>> {
    let words = words(line.trim_start_matches("$ "));
    let parts = words.split(|word| matches!(word.as_str(), "|" | "&&" | ">"));
    let ours = parts.filter(|part| part.first().is_some_and(|word| word == "handoff"));
    ours.map(<[String]>::to_vec).collect()
}

fn page() -> Vec<Vec<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/command-line.md");
    let page = fs::read_to_string(page).expect("the page");
    // Every second part stands between fences.
    let blocks = page.split("\n```").skip(1).step_by(2);
    blocks.flat_map(str::lines).flat_map(commands).collect()
}

#[test]
fn the_examples_are_understood() {
    let commands = page();
    assert!(commands.len() > 30, "{commands:?}");
    for command in commands {
        if let Err(error) = Cli::try_parse_from(&command) {
            panic!("{command:?}: {error}");
        }
    }
}

#[test]
fn every_command_has_an_example() {
    let page = page();
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        assert!(
            page.iter().any(|words| words[1] == name),
            "{name} has no example"
        );
        for below in command.get_subcommands() {
            let names = [name, below.get_name()];
            let shown = page
                .iter()
                .any(|words| words[1..].starts_with(&names.map(str::to_owned)));
            assert!(
                shown || names == ["schedules", "list"],
                "{names:?} has no example"
            );
        }
    }
}

#[test]
fn words_are_those_of_a_shell() {
    assert_eq!(words(r#"a 'b c'  "d" '' # e"#), ["a", "b c", "d", ""]);
    assert_eq!(
        commands("echo 1 | handoff enqueue echo - > x"),
        [["handoff", "enqueue", "echo", "-"]]
    );
}
