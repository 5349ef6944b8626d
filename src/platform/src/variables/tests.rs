use super::*;

#[test]
fn the_defaults_are_those_of_the_manifest_and_the_page() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let read = |path| std::fs::read_to_string(format!("{root}{path}")).expect(path);
    let (manifest, page) = (read("spin.toml"), read("docs/reference/variables.md"));
    let has = |text: &str, line: &str| text.lines().any(|known| known.starts_with(line));
    for (name, default) in DEFAULTS {
        let line = format!("{name} = {{ default = {default:?}");
        assert!(has(&manifest, &line), "spin.toml: {line}");
        let line = format!("| `{name}` | `{default:?}` |");
        assert!(has(&page, &line), "the page: {line}");
    }
}

#[test]
fn numbers_are_whole_and_from_one() {
    for (text, number) in [
        ("1", Some(1)),
        (" 16\n", Some(16)),
        ("016", Some(16)),
        ("1000000000", Some(NUMBER_MAX)),
        ("1000000001", None),
        ("0", None),
        ("00", None),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        ("1e3", None),
        ("1 000", None),
        ("many", None),
        ("", None),
        ("99999999999999999999999", None),
    ] {
        assert_eq!(whole_number(text), number, "{text:?}");
    }
}

#[test]
fn what_can_not_be_used_is_said_with_name_and_value() {
    let problem = not("workers_max", "0", "a whole number from 1 to 5");
    assert_eq!(
        problem.detail,
        "the variable \"workers_max\" is \"0\", but must be a whole number from 1 to 5"
    );
}

#[test]
fn a_queue_is_named_once() {
    let queues = |text: &str| text.parse::<Queues>().map(|queues| queues.0);
    let two = Ok(vec!["default".to_owned(), "emails".to_owned()]);
    assert_eq!(queues("default emails"), two);
    assert_eq!(queues("default,\n emails,"), two);
    for twice in [
        "emails emails",
        "default emails,default emails",
        "a,emails b emails",
    ] {
        let error = queues(twice).expect_err(twice);
        let name = if twice.starts_with('d') {
            "default"
        } else {
            "emails"
        };
        assert_eq!(error, format!("{name:?} is there twice"), "{twice}");
    }
    assert_eq!(queues(" , "), Ok(vec!["default".to_owned()]));
    assert_eq!(queues("emails"), two);
    assert_eq!(queues("emails default"), two);
    assert!(queues("Default").is_err());
}
