use super::*;

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect(text)
}

fn patterns(text: &str) -> Patterns {
    text.parse().unwrap_or_default()
}

#[test]
fn secret_names_are_hidden_at_any_depth_and_all_else_is_as_written() {
    let text = r#"{"n":123456789012345678901.50,"Api_Token":"s3cret","a":[{"PASSWORD":{"x":"s3cret"}}],"e":{},"t":"a\"b"}"#;
    let shown = Shown::of(&raw(text), &patterns("*password*, *token*"));
    assert_eq!(
        shown.text,
        "{\n  \"n\": 123456789012345678901.50,\n  \"Api_Token\": \"[redacted]\",\n  \"a\": [\n    {\n      \
             \"PASSWORD\": \"[redacted]\"\n    }\n  ],\n  \"e\": {},\n  \"t\": \"a\\\"b\"\n}"
    );
    assert_eq!((shown.redacted, shown.is_cut), (2, false));
    let json = Json::read(text).expect(text);
    assert_eq!(json.compact(), text);
    assert_eq!(
        line(&raw(r#"{"token":1,"b":2}"#), &patterns("token"), 14),
        r#"{"token":"[red…"#
    );
}

#[test]
fn patterns_fit_whole_names() {
    for (pattern, name, expected) in [
        ("*token*", "token", true),
        ("*token*", "my_token_1", true),
        ("authorization", "Authorization", true),
        ("authorization", "x-authorization", false),
        ("a*c", "abc", true),
        ("a*c", "acb", false),
        ("a*b*c", "a-c-b-c", true),
        ("*", "anything", true),
        ("a*a", "a", false),
    ] {
        assert_eq!(patterns(pattern).has(name), expected, "{pattern} {name}");
    }
}

#[test]
fn what_was_hidden_is_put_back() {
    let original =
        Json::read(r#"{"a":{"password":"p"},"l":[{"token":1}],"h":"[redacted]"}"#).expect("JSON");
    let mut sent =
        Json::read(r#"{"a":{"password":"[redacted]","b":2},"l":[{"token":"[redacted]"}]}"#)
            .expect("JSON");
    assert_eq!(sent.restore(Some(&original), "args"), Ok(()));
    assert_eq!(
        sent.compact(),
        r#"{"a":{"password":"p","b":2},"l":[{"token":1}]}"#
    );
    for (lost, place, in_changed_list) in [
        (r#"{"h":"[redacted]"}"#, "args.h", false),
        (
            r#"{"l":[0,{"token":"[redacted]"}]}"#,
            "args.l[1].token",
            true,
        ),
    ] {
        let mut lost = Json::read(lost).expect("JSON");
        let unknown = Unknown {
            place: place.to_owned(),
            in_changed_list,
        };
        assert_eq!(lost.restore(Some(&original), "args"), Err(unknown));
    }
}

#[test]
fn no_item_of_a_list_gets_the_value_of_another() {
    let original =
        Json::read(r#"[{"url":"A","token":"a"},{"url":"B","l":[{"c":"x","token":"b"}]}]"#)
            .expect("JSON");
    let restored = |text: &str| {
        let mut sent = Json::read(text).expect(text);
        let restored = sent.restore(Some(&original), "args");
        restored.map(|()| sent.compact()).map_err(|e| e.to_string())
    };
    let kept =
        r#"[{"url":"A","token":"[redacted]"},{"url":"B","l":[{"c":"x","token":"[redacted]"}]}]"#;
    assert_eq!(restored(kept), Ok(original.compact()));
    let new = r#"[{"url":"C","token":"c"},{"url":"B","l":[{"c":"x","token":"[redacted]"}]}]"#;
    assert!(restored(new).is_ok(), "another item does not matter");
    for (text, place) in [
        (
            r#"[{"url":"B","l":[{"c":"x","token":"[redacted]"}]}]"#,
            "args[0].l[0].token",
        ),
        (
            r#"[{"url":"B","token":"[redacted]"},{"url":"A","token":"[redacted]"}]"#,
            "args[0].token",
        ),
        (
            r#"[{"url":"A","token":"[redacted]","more":1},0]"#,
            "args[0].token",
        ),
        (
            r#"[1,{"url":"B","l":[{"c":"y","token":"[redacted]"}]}]"#,
            "args[1].l[0].token",
        ),
    ] {
        let error = restored(text).expect_err(text);
        assert!(
            error.contains(&format!("The list of {place} was changed")),
            "{error}"
        );
    }
}

#[test]
fn a_long_value_is_cut_between_characters() {
    let shown = Shown::of(
        &raw(&format!("\"{}\"", "é".repeat(SHOWN_MAX))),
        &Patterns::default(),
    );
    assert!(shown.text.len() <= SHOWN_MAX && shown.is_cut);
    let list = format!("[{}]", vec!["1"; SHOWN_MAX].join(","));
    let list = Json::read(&list).expect("JSON");
    let mut text = String::new();
    list.write(&mut text, Some(0), 100);
    assert!(
        (101..120).contains(&text.len()),
        "no more is written: {text}"
    );
    assert_eq!(list.begin(None, usize::MAX), (list.compact(), false));
    let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
    assert!(Json::read(&deep).is_err());
    assert!(Json::read("{").is_err());
}

#[test]
fn the_default_hides_at_least_what_the_api_hides() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spin.toml");
    let manifest = std::fs::read_to_string(manifest).expect(manifest);
    let line = manifest.lines().find(|line| line.starts_with("redact = "));
    let default = line.and_then(|line| line.split('"').nth(1));
    let default = patterns(default.expect("a default"));
    for name in [
        "Authorization",
        "Cookie",
        "Set-Cookie",
        "api-key",
        "apikey",
        "X-Api-Key",
        "Proxy-Authorization",
        "X-Auth-User",
        "my_token_1",
        "client_secret",
        "db_password",
        "signature",
    ] {
        assert!(handoff_wire::is_secret_header(name), "{name}");
        assert!(default.has(name), "{name}");
    }
    for name in ["api_key", "passwd", "credentials"] {
        assert!(default.has(name), "{name}");
    }
    assert!(!default.has("key") && !default.has("author"));
}
