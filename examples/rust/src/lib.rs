//! Finds the broken links of a page.

use handoff::{Call, Context, FieldError, Outcome, Task};
use serde::{Deserialize, Serialize};

/// `{"task": "links.check", "args": {"urls": ["https://example.org/"]}}` succeeds with
/// `{"checked": 1, "broken": []}`.
pub struct CheckLinks;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    urls: Vec<String>,
}

/// What is done: the checkpoint, and in the end the result.
#[derive(Default, Serialize, Deserialize)]
struct Checked {
    checked: usize,
    broken: Vec<Broken>,
}

#[derive(Serialize, Deserialize)]
struct Broken {
    url: String,
    reason: String,
}

impl Task for CheckLinks {
    const NAME: &'static str = "links.check";
    type Args = Args;

    /// The caller gets a 400 that names the field.
    fn check(args: &Args) -> Result<(), FieldError> {
        match args.urls.is_empty() {
            true => Err(FieldError::new("urls", "there is nothing to check")),
            false => Ok(()),
        }
    }

    async fn run(Args { urls }: Args, context: Context) -> Outcome {
        let mut done: Checked = context.checkpoint().unwrap_or_default();
        for url in urls.iter().skip(done.checked) {
            // A job of hours runs as many short instances.
            if context.should_continue_elsewhere() {
                return Outcome::continue_from(done);
            }
            let reason = match context.send(Call::new("HEAD", url)).await {
                Ok(reply) if reply.status < 400 => None,
                Ok(reply) => Some(format!("answered {}", reply.status)),
                Err(handoff::SendError::Cancelled) => return Outcome::Cancelled,
                Err(handoff::SendError::Call(error)) => Some(error.to_string()),
            };
            if let Some(reason) = reason {
                context.log(format!("{url} {reason}"));
                let url = url.clone();
                done.broken.push(Broken { url, reason });
            }
            done.checked += 1;
            context.progress(done.checked as f64 / urls.len() as f64);
        }
        Outcome::done(done)
    }
}

/// `{"task": "remind", "args": {"whom": "Ada"}, "delay": "10m"}` fails at first: see its retry.
pub struct Remind;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whom {
    whom: String,
}

impl Task for Remind {
    const NAME: &'static str = "remind";
    type Args = Whom;

    async fn run(Whom { whom }: Whom, context: Context) -> Outcome {
        match context.attempt() {
            1 => Outcome::retry("the line is busy"),
            _ => Outcome::done(format!("{whom} is reminded")),
        }
    }
}

handoff::tasks!(CheckLinks, Remind);

#[cfg(test)]
mod tests {
    use super::*;
    use handoff::Reply;
    use handoff::test::Attempt;
    use serde_json::json;

    fn check(urls: &[&str]) -> Attempt {
        Attempt::of::<CheckLinks>(json!({"urls": urls})).answers(|call| {
            Ok(Reply::new(match call.url.as_str() {
                "https://example.org/" => 200,
                _ => 404,
            }))
        })
    }

    #[test]
    fn broken_links_are_found() {
        let ran = check(&["https://example.org/", "https://example.org/gone"]).run();
        let broken = json!([{"url": "https://example.org/gone", "reason": "answered 404"}]);
        let expected = json!({"checked": 2, "broken": broken});
        assert_eq!(ran.result(), Some(expected));
        assert_eq!(ran.log, ["https://example.org/gone answered 404"]);
    }

    #[test]
    fn a_check_continues_where_it_stopped() {
        let urls = ["https://example.org/gone", "https://example.org/"];
        let ran = check(&urls).budget_ms(0).run();
        let nothing = json!({"checked": 0, "broken": []});
        assert_eq!(ran.checkpoint(), Some(nothing));
        let first = json!({"checked": 1, "broken": []});
        let ran = check(&urls).checkpoint(first, 1).run();
        assert_eq!(ran.calls.len(), 1);
        assert_eq!(ran.result(), Some(json!({"checked": 2, "broken": []})));
    }

    #[test]
    fn a_reminder_is_tried_again() {
        let remind = || Attempt::of::<Remind>(json!({"whom": "Ada"}));
        assert_eq!(remind().run().outcome, Outcome::retry("the line is busy"));
        assert_eq!(
            remind().number(2).run().result(),
            Some(json!("Ada is reminded"))
        );
    }
}
