//! Commands for a shell that do what a page or a button does. They name no token.

/// A command of curl.
#[derive(Debug, Default)]
pub(crate) struct Curl {
    pub label: &'static str,
    method: &'static str,
    path: String,
    body: Option<String>,
    pub with_token: bool,
}

impl Curl {
    /// A request for a path of the API, whose parts are percent-encoded.
    pub(crate) fn new(label: &'static str, method: &'static str, path: impl Into<String>) -> Self {
        Self {
            label,
            method,
            path: path.into(),
            ..Self::default()
        }
    }

    pub(crate) fn body(self, json: String) -> Self {
        Self {
            body: Some(json),
            ..self
        }
    }

    /// The command.
    pub(crate) fn command(&self) -> String {
        let mut command = "curl".to_owned();
        match (self.method, &self.body) {
            ("GET", _) | ("POST", Some(_)) => {}
            (method, _) => command += &format!(" -X {method}"),
        }
        command += &format!(" \"$HANDOFF_URL{}\"", self.path);
        if self.with_token {
            command += " -H \"Authorization: Bearer $HANDOFF_TOKEN\"";
        }
        if let Some(body) = &self.body {
            let quoted = body.replace('\'', "'\\''");
            command += &format!(" -H 'Content-Type: application/json' -d '{quoted}'");
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_what_was_meant() {
        let mut curl = Curl::new("", "POST", "/v1/tasks").body(r#"{"a":"it's $1"}"#.to_owned());
        curl.with_token = true;
        assert_eq!(
            curl.command(),
            r#"curl "$HANDOFF_URL/v1/tasks" -H "Authorization: Bearer $HANDOFF_TOKEN" -H 'Content-Type: application/json' -d '{"a":"it'\''s $1"}'"#
        );
        let cancel = Curl::new("", "DELETE", "/v1/tasks/a");
        assert_eq!(
            cancel.command(),
            r#"curl -X DELETE "$HANDOFF_URL/v1/tasks/a""#
        );
    }
}
