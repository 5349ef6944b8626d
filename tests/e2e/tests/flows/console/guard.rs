//! Who may do something by the console.

use super::{assert_has, send};
use handoff_e2e::{Host, Pair, on};

on!(Some: a_token_opens_the_console: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);
on!(Some: no_other_site_changes_anything: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

fn a_token_opens_the_console(pair: Pair) {
    let host = Host::start(pair, &[("api_tokens", "t0ken, ana:read:r34der")]);
    a_button_leads_back_to_its_page(&host);
    let asked = send(&host, "GET", "/console/queues/default?task=a%26b", &[], "").expect(401);
    assert_has(
        &asked.text(),
        &["type=\"password\"", "value=\"/queues/default?task=a%26b\""],
    );
    let wrong = send(&host, "POST", "/console/session", &[], "token=wrong&to=%2F").expect(401);
    assert_has(&wrong.text(), &["does not know this token"]);
    assert_eq!(wrong.header("set-cookie"), None);

    let link = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let asked = send(&host, "GET", "/console/schedules", &link, "").expect(401);
    assert_has(
        &asked.text(),
        &["href=\"/console/schedules\">show the page"],
    );
    let form = "token=t0ken&to=%2Fqueues%2Fdefault";
    let reply = send(&host, "POST", "/console/session", &[], form).expect(303);
    assert_eq!(reply.header("location"), Some("/console/queues/default"));
    let cookie = reply.header("set-cookie").expect("a cookie").to_owned();
    assert_eq!(
        cookie,
        "handoff_console=t0ken; Path=/console; HttpOnly; SameSite=Strict"
    );
    let https = [("x-forwarded-proto", "https")];
    let reply = send(&host, "POST", "/console/session", &https, form).expect(303);
    assert!(
        reply
            .header("set-cookie")
            .is_some_and(|c| c.ends_with("; Secure"))
    );
    let away = send(
        &host,
        "POST",
        "/console/session",
        &[],
        "token=t0ken&to=%2F%2Fevil.example",
    )
    .expect(303);
    assert_eq!(away.header("location"), Some("/console/"));

    let cookie = [("cookie", "handoff_console=t0ken")];
    let page = send(&host, "GET", "/console/", &cookie, "")
        .expect(200)
        .text();
    assert_has(&page, &["Sign out", "$HANDOFF_TOKEN"]);
    assert!(!page.contains("t0ken"), "{page}");
    // Another token sees, and may not change anything: the API says so.
    let reader = [("cookie", "handoff_console=r34der")];
    send(&host, "GET", "/console/queues/default", &reader, "").expect(200);
    let refused = send(
        &host,
        "POST",
        "/console/queues/default/do/pause",
        &reader,
        "",
    )
    .expect(403);
    assert_has(
        &refused.text(),
        &["needs the scope &#34;operate&#34;", "Nothing was done"],
    );
    let out = send(&host, "POST", "/console/sign-out", &cookie, "").expect(303);
    assert!(
        out.header("set-cookie")
            .is_some_and(|c| c.contains("Max-Age=0"))
    );
}

fn a_button_leads_back_to_its_page(host: &Host) {
    let pause = "/console/queues/default/do/pause";
    let asked = send(host, "POST", pause, &[], "").expect(401);
    assert_has(
        &asked.text(),
        &["value=\"/queues/default\"", "Nothing was done"],
    );
}

/// What takes several calls goes on by itself only behind a form of the console.
fn nothing_goes_on_behind_a_link(host: &Host) {
    let done = "/console/queues/default/done?action=cancel&count=3&from=5";
    let goes_on = |site: &str| {
        let page = send(
            host,
            "GET",
            done,
            &[
                ("sec-fetch-site", site),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
            ],
            "",
        );
        let page = page.expect(200).text();
        assert_has(&page, &["Cancelled 3"]);
        page.contains("data-go-on")
    };
    assert!(goes_on("same-origin"));
    for site in ["none", "cross-site"] {
        assert!(!goes_on(site), "{site}");
    }
}

fn no_other_site_changes_anything(pair: Pair) {
    for variables in [
        &[][..],
        &[("api_tokens", "t0ken")],
        &[("cors_origins", "https://evil.example")],
    ] {
        let host = Host::start(pair, variables);
        let own = format!("http://{}", host.address());
        let cookie = ("cookie", "handoff_console=t0ken");
        let pause = "/console/queues/default/do/pause";
        for page in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
            ],
            &[("sec-fetch-site", "same-site")],
        ] {
            let headers = [&[cookie][..], page].concat();
            let reply = send(&host, "POST", pause, &headers, "").expect(403);
            assert_has(&reply.text(), &["Another site sent this"]);
        }
        // A picture on another site, and a link there.
        let picture = [
            cookie,
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "no-cors"),
        ];
        send(&host, "GET", "/console/", &picture, "").expect(403);
        let link = [
            cookie,
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        send(&host, "GET", "/console/", &link, "").expect(200);
        let queue = || {
            host.http()
                .send(
                    "GET",
                    "/v1/queues/default",
                    &[("authorization", "Bearer t0ken")],
                    b"",
                )
                .expect(200)
                .json()
        };
        assert_eq!(queue()["paused"], false);
        let at_home = [
            cookie,
            ("origin", own.as_str()),
            ("sec-fetch-site", "same-origin"),
        ];
        send(&host, "POST", pause, &at_home, "").expect(303);
        assert_eq!(queue()["paused"], true);
        // No action is a link.
        send(&host, "GET", pause, &[cookie], "").expect(405);
    }
    let host = Host::start(pair, &[]);
    nothing_goes_on_behind_a_link(&host);
    let rebound = send(&host, "GET", "/console/", &[("host", "evil.example")], "").expect(403);
    assert_has(&rebound.text(), &["allowed_hosts"]);
    let host = Host::start(pair, &[("allowed_hosts", "ops.example.org")]);
    send(
        &host,
        "GET",
        "/console/",
        &[("host", "ops.example.org")],
        "",
    )
    .expect(200);
}
