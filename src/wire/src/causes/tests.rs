use super::*;

/// The causes of errors of one kind, with their counts.
fn causes(errors: &[&str]) -> Vec<(String, u64)> {
    let mut causes = Causes::default();
    for (i, error) in errors.iter().enumerate() {
        causes.add("default", "mail", error, None, &i.to_string());
    }
    let causes = causes.list().into_iter();
    causes.map(|cause| (cause.error, cause.count)).collect()
}

#[test]
fn what_differs_between_tasks_is_left_out() {
    for (error, cause) in [
        ("order 4711 of 8f2e01aa", "order * of *"),
        (
            "run 0191f6c2-8a4e-7cc3-98f2-0123456789ab died",
            "run * died",
        ),
        (
            "overran its timeout of 3000 ms: stopped after 3001 ms",
            "overran its timeout of *: stopped after *",
        ),
        ("no answer in 1m30.5s", "no answer in *"),
        ("no answer in 2 h 5 min", "no answer in *"),
        ("at 2026-11-30T06:33:30.123Z: refused", "at *: refused"),
        ("[06:33:30] refused", "[*] refused"),
        ("at 2026-11-30 06:33 refused", "at * refused"),
        (
            "smtp answered 503 (request 8f2e01aa)",
            "smtp answered 503 (request *)",
        ),
        ("HTTP/1.1 404", "HTTP/1.1 404"),
        ("10.1.2.3:51234: refused", "10.1.2.3:*: refused"),
        ("key 01HXYZ5J8Q3V is gone", "key * is gone"),
        ("pointer 0x7ffe12", "pointer *"),
        (
            "a sha256 of decade and facade, line 88",
            "a sha256 of decade and facade, line 88",
        ),
        ("1.2.3 is no version", "1.2.3 is no version"),
        ("Zoë has 17 Sätze", "Zoë has 17 Sätze"),
        // All of it would be left out.
        ("4711", "4711"),
        ("", "(empty)"),
        ("\n first \nsecond", "first"),
    ] {
        assert_eq!(causes(&[error]), [(cause.to_owned(), 1)], "{error}");
        assert!(ErrorPattern::new(cause).fits(error), "{cause} of {error}");
    }
}

#[test]
fn a_long_error_is_cut_between_words_and_found() {
    let long = format!("could not write: {}", "the shard is read only; ".repeat(20));
    let found = causes(&[&long]);
    let [(cause, 1)] = &found[..] else {
        panic!("{found:?}");
    };
    assert!(cause.len() < 210 && cause.ends_with(" *"), "{cause}");
    assert!(ErrorPattern::new(cause).fits(&long));
    let word = "ü".repeat(500);
    let cause = &causes(&[&word])[0].0;
    assert!(ErrorPattern::new(cause).fits(&word), "{cause}");
}

#[test]
fn status_codes_are_causes_of_their_own() {
    let errors = ["400", "401", "403", "404", "409", "503", "550"];
    let errors = errors.map(|code| format!("smtp-relay answered {code} (request 8f2e01aa)"));
    let errors: Vec<_> = errors.iter().map(String::as_str).collect();
    assert_eq!(causes(&errors).len(), errors.len());
    // So many numbers are none.
    let rows: Vec<_> = (100..160)
        .map(|n| format!("the row {n} is locked"))
        .collect();
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    assert_eq!(causes(&rows), [("the row * is locked".to_owned(), 60)]);
}

#[test]
fn a_word_with_four_values_does_not_matter() {
    let errors: Vec<_> = ["acme", "globex", "initech", "stark", "acme"]
        .iter()
        .flat_map(|name| {
            ["vat_id", "name"].map(|field| format!("customer {name} has no field {field}"))
        })
        .collect();
    let errors: Vec<_> = errors.iter().map(String::as_str).collect();
    assert_eq!(
        causes(&errors),
        [
            ("customer * has no field name".to_owned(), 5),
            ("customer * has no field vat_id".to_owned(), 5),
        ]
    );
    assert_eq!(causes(&errors[..6]).len(), 6, "of three it does");
    // Short errors that differ in a word are different causes.
    assert_eq!(
        causes(&["was refused", "was reset", "was closed", "was cut"]).len(),
        4
    );
    let mails = ["ada", "bob", "cy", "dee"].map(|name| format!("no mailbox <{name}@example.org>"));
    let mails: Vec<_> = mails.iter().map(String::as_str).collect();
    assert_eq!(
        causes(&mails),
        [("no mailbox <*@example.org>".to_owned(), 4)]
    );
}

#[test]
fn an_id_without_a_digit_belongs_to_the_others() {
    let errors = [
        "request 8f2e01aa failed",
        "request 9e2e01aa failed",
        "request deadbeef failed",
    ];
    assert_eq!(causes(&errors), [("request * failed".to_owned(), 3)]);
}

#[test]
fn kinds_and_queues_are_apart_and_times_are_kept() {
    let mut causes = Causes::default();
    let at = |ms| Some(Time { ms });
    causes.add("default", "mail", "no answer", at(5_000), "d-2");
    causes.add("default", "mail", "No answer", at(1_000), "d-1");
    causes.add("default", "sms", "no answer", at(3_000), "d-3");
    causes.add("mails", "mail", "no answer", None, "m-1");
    assert_eq!(causes.count(), 4);
    let causes = causes.list();
    assert_eq!(causes.len(), 3, "{causes:?}");
    let first = &causes[0];
    assert_eq!((first.count, &*first.example), (2, "d-2"));
    assert_eq!((first.first, first.last), (at(1_000), at(5_000)));
}

#[test]
fn many_different_errors_take_no_long_time() {
    let words = |mut n: usize| {
        let mut text = String::new();
        for _ in 0..20 {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text.push_str(&format!("w{} ", (n >> 33) % 97));
        }
        text
    };
    let errors: Vec<_> = (0..1_000).map(words).collect();
    let errors: Vec<_> = errors.iter().map(String::as_str).collect();
    assert_eq!(
        causes(&errors).iter().map(|cause| cause.1).sum::<u64>(),
        1_000
    );
}
