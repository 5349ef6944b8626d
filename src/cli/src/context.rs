//! The client and the output, which all commands need.

use std::path::Path;
use std::time::Duration;

use handoff_client::{Client, Queue};

use crate::failure::Failure;
use crate::options::Global;
use crate::output::Output;

pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) out: Output,
    /// Whether objects are shown as the API sent them.
    pub(crate) json: bool,
}

/// Somebody waits for the answer.
const ATTEMPTS: u32 = 3;
const WITHIN: Duration = Duration::from_secs(20);

impl Context {
    pub(crate) fn new(global: &Global) -> Result<Self, Failure> {
        if global.token.is_some() {
            let what = "a token on the command line is visible to other users of this machine; set \
                        HANDOFF_TOKEN, or name a file with --token-file";
            return Err(Failure::Usage(what.to_owned()));
        }
        let mut builder = Client::builder(&global.url)
            .attempts(ATTEMPTS)
            .within(WITHIN);
        if let Some(token) = token(global)? {
            builder = builder.token(token);
        }
        if let Some(file) = &global.ca_file {
            builder = builder.root_certificates(read("certificates", file)?);
        }
        Ok(Self {
            client: builder.build()?,
            out: Output::new(global.no_color || is_set("NO_COLOR")),
            json: global.json,
        })
    }

    pub(crate) fn queue(&self, name: &str) -> Queue {
        self.client.queue(name)
    }
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

fn token(global: &Global) -> Result<Option<String>, Failure> {
    let Some(file) = &global.token_file else {
        let token = std::env::var("HANDOFF_TOKEN").ok();
        return Ok(token.filter(|token| !token.is_empty()));
    };
    Ok(Some(read("token", file)?.trim().to_owned()))
}

fn read(what: &str, file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        let what = format!("the {what} file {} can't be read: {error}", file.display());
        Failure::Usage(what)
    })
}
