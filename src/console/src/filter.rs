//! Which tasks a list, or a change of many, is about.

use crate::context::field;
use handoff_wire::encode;

/// The states of tasks, in the order of their lives.
pub(crate) const STATES: [&str; 8] = [
    "scheduled",
    "queued",
    "running",
    "retrying",
    "succeeded",
    "failed",
    "cancelled",
    "expired",
];

/// Which tasks are meant. What is empty does not matter.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    pub state: String,
    pub task: String,
    pub key: String,
    pub schedule: String,
    pub text: String,
    /// The form of the error of failed tasks.
    pub error: String,
    /// When failed tasks failed at the earliest: a time, or a duration until now.
    pub since: String,
}

impl Filter {
    /// Reads the fields of a query or a form.
    pub(crate) fn of(fields: &[(String, String)]) -> Self {
        let value = |name| field(fields, name).trim().to_owned();
        Self {
            state: value("state"),
            task: value("task"),
            key: value("key"),
            schedule: value("schedule"),
            text: value("text"),
            error: value("error"),
            since: value("since"),
        }
    }

    /// The fields that are given.
    pub(crate) fn fields(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("state", &self.state),
            ("task", &self.task),
            ("key", &self.key),
            ("schedule", &self.schedule),
            ("text", &self.text),
            ("error", &self.error),
            ("since", &self.since),
        ];
        let given = all.into_iter().filter(|(_, value)| !value.is_empty());
        given.map(|(name, value)| (name, value.as_str())).collect()
    }

    /// The fields as a query, with an `&` behind each.
    pub(crate) fn query(&self) -> String {
        let fields = self.fields().into_iter();
        fields
            .map(|(name, value)| format!("{name}={}&", encode(value)))
            .collect()
    }

    /// The filter in words, or nothing if it leaves nothing out.
    pub(crate) fn words(&self) -> String {
        let fields = self.fields().into_iter();
        let fields = fields.map(|(name, value)| match name {
            "text" => format!("a text that has “{value}”"),
            "error" => format!("the error “{value}”"),
            "since" => format!("a failure since {value}"),
            name => format!("{name} “{value}”"),
        });
        fields.collect::<Vec<_>>().join(", ")
    }

    /// The same, of this state, or of all if it is empty.
    pub(crate) fn of_state(&self, state: &str) -> Self {
        Self {
            state: state.to_owned(),
            ..self.clone()
        }
    }
}

/// The query of the next page, from the path that the API names.
pub(crate) fn from_of(next: Option<&str>) -> Option<String> {
    let (_, query) = next?.split_once('?')?;
    let mut parts = query.split('&');
    let from = parts.find_map(|part| part.strip_prefix("from="))?;
    Some(from.to_owned())
}
