//! Redacting arguments: callers see them without the secrets in headers.

use crate::{HTTP_REQUEST, REDACTED, is_secret_header};
use handoff_queue::{Json, WORKFLOW, object_fields};
use serde::de::Error;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The redacted arguments of a task of this kind. Unreadable ones are not shown.
pub(crate) fn args<'a>(kind: &str, args: &'a Json) -> Cow<'a, Json> {
    let redacted = match kind {
        HTTP_REQUEST => call(args.raw()),
        // It contains tasks, each with arguments of its own.
        WORKFLOW => nested(args.raw()),
        _ => return Cow::Borrowed(args),
    };
    let redacted = redacted.and_then(|text| text.parse());
    Cow::Owned(redacted.unwrap_or_else(|_| Json::null()))
}

/// Maps each value of an object.
fn map(
    json: &RawValue,
    value: impl Fn(&str, &RawValue) -> Result<String, serde_json::Error>,
) -> Result<String, serde_json::Error> {
    let fields = object_fields(json)?.into_iter().map(|(name, raw)| {
        let value = value(&name, raw)?;
        Ok(format!("{}:{value}", serde_json::to_string(&name)?))
    });
    let fields: Vec<_> = fields.collect::<Result<_, serde_json::Error>>()?;
    Ok(format!("{{{}}}", fields.join(",")))
}

/// A call: only its own headers are secret, not fields of its body.
fn call(json: &RawValue) -> Result<String, serde_json::Error> {
    map(json, |name, value| match name {
        "headers" => headers(value),
        _ => Ok(value.get().to_owned()),
    })
}

fn headers(json: &RawValue) -> Result<String, serde_json::Error> {
    if !json.get().starts_with('{') {
        return Ok(json.get().to_owned());
    }
    map(json, |name, value| match is_secret_header(name) {
        true => serde_json::to_string(REDACTED),
        false => Ok(value.get().to_owned()),
    })
}

/// Redacts headers at any depth.
fn nested(json: &RawValue) -> Result<String, serde_json::Error> {
    let text = json.get();
    match text.as_bytes().first() {
        Some(b'{') => map(json, |name, value| match name {
            "headers" => headers(value),
            _ => nested(value),
        }),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            let items = items.into_iter().map(nested);
            let items: Vec<_> = items.collect::<Result<_, _>>()?;
            Ok(format!("[{}]", items.join(",")))
        }
        Some(_) => Ok(text.to_owned()),
        None => Err(Error::custom("it is empty")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_headers_are_not_shown_and_all_else_is() {
        let call = r#"{"url":"http://a/","headers":{"Authorization":"Bearer s3cret","COOKIE":"s3cret","X-Api-Key":"s3cret","proxy-x":"s3cret","accept":"a/b"},"body":{"headers":{"cookie":"kept"}},"n":123456789012345678901}"#;
        let json: Json = call.parse().expect("it is JSON");
        let shown = args("http.request", &json);
        assert_eq!(
            shown.as_str(),
            r#"{"url":"http://a/","headers":{"Authorization":"[redacted]","COOKIE":"[redacted]","X-Api-Key":"[redacted]","proxy-x":"[redacted]","accept":"a/b"},"body":{"headers":{"cookie":"kept"}},"n":123456789012345678901}"#
        );
        assert_eq!(args("echo", &json).as_str(), call);
        let workflow = format!(r#"{{"steps":[{{"each":[{{"kind":"http.request"}},[{call}]]}}]}}"#);
        let workflow: Json = workflow.parse().expect("it is JSON");
        let shown = args(WORKFLOW, &workflow);
        assert!(!shown.as_str().contains("s3cret"), "{}", shown.as_str());
        // The spelling of the name does not matter.
        let escaped = r#"{"\u0068eaders":{"\u0063ookie":"s3cret"}}"#;
        let escaped: Json = escaped.parse().expect("it is JSON");
        let shown = args("http.request", &escaped);
        assert_eq!(shown.as_str(), r#"{"headers":{"cookie":"[redacted]"}}"#);
    }

    #[test]
    fn what_is_no_call_is_shown_or_not_at_all() {
        for (text, shown) in [
            (r#"{"headers":null}"#, r#"{"headers":null}"#),
            (r#"{"headers":["cookie"]}"#, r#"{"headers":["cookie"]}"#),
            ("[1]", "null"),
            ("{}", "{}"),
        ] {
            let json: Json = text.parse().expect("it is JSON");
            assert_eq!(args("http.request", &json).as_str(), shown);
        }
    }
}
