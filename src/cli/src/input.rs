//! JSON from an argument, a file or standard input.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};

use handoff_client::Json;

use crate::failure::Failure;

/// The JSON of an argument: JSON itself, `@FILE`, or `-` for standard input.
pub(crate) fn json(argument: &str) -> Result<Json, Failure> {
    let (from, text) = match argument.strip_prefix('@') {
        Some(file) => (file, read(file)?),
        None if argument == "-" => ("standard input", read("-")?),
        None => ("the argument", argument.to_owned()),
    };
    Json::from_text(&text).map_err(|error| Failure::Usage(format!("{from}: {error}")))
}

fn read(file: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let read = match file {
        "-" => io::stdin().read_to_string(&mut text).map(drop),
        file => fs::File::open(file).and_then(|mut open| open.read_to_string(&mut text).map(drop)),
    };
    read.map_err(|error| Failure::Usage(format!("{file} can't be read: {error}")))?;
    Ok(text)
}

/// The lines of a file, or of standard input for `-`, with their numbers. Empty ones are left out.
pub(crate) fn lines(
    file: &str,
) -> Result<impl Iterator<Item = Result<(usize, String), Failure>>, Failure> {
    let unreadable = |error| Failure::Usage(format!("{file} can't be read: {error}"));
    let reader: Box<dyn BufRead> = match file {
        "-" => Box::new(BufReader::new(io::stdin())),
        file => Box::new(BufReader::new(fs::File::open(file).map_err(unreadable)?)),
    };
    let file = file.to_owned();
    let lines = reader.lines().enumerate().map(move |(i, line)| {
        let line = line.map_err(|e| Failure::Usage(format!("{file} can't be read: {e}")))?;
        Ok((i + 1, line))
    });
    let is_empty = |line: &Result<(usize, String), Failure>| matches!(line, Ok((_, line)) if line.trim().is_empty());
    Ok(lines.filter(move |line| !is_empty(line)))
}
