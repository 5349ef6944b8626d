//! What all pages have in common.

use crate::answer::Answer;
use crate::assets;
use crate::context::Context;
use crate::curl::Curl;
use crate::failure::Failure;
use askama::Template;

const PAUSED: &str = "The queue is paused: workers take nothing more of it.";
const RESUMED: &str = "The queue goes on.";
const SCHEDULE_PAUSED: &str = "The schedule is paused: it enqueues nothing.";
const SCHEDULE_RESUMED: &str = "The schedule goes on at its next regular time.";

/// What all pages have in common.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub title: String,
    pub base: String,
    pub signed_in: bool,
    /// The page fetches itself again after so many seconds, while it can still change.
    pub refresh_s: Option<u32>,
    /// What was done, after an action.
    pub done: &'static str,
    /// Commands that show or do the same.
    pub curls: Vec<Curl>,
}

impl Page {
    pub(crate) fn new(context: &Context, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            base: context.base.clone(),
            signed_in: context.api.token.is_some(),
            done: done(context.parameter("done")),
            ..Self::default()
        }
    }

    /// Says that a queue or schedule was paused or resumed only while it is: a link may be old.
    pub(crate) fn of(self, is_paused: bool) -> Self {
        let is_wrong = match is_paused {
            true => [RESUMED, SCHEDULE_RESUMED].contains(&self.done),
            false => [PAUSED, SCHEDULE_PAUSED].contains(&self.done),
        };
        Self {
            done: if is_wrong { "" } else { self.done },
            ..self
        }
    }

    pub(crate) fn refresh(self, seconds: u32) -> Self {
        Self {
            refresh_s: Some(seconds),
            ..self
        }
    }

    pub(crate) fn curl(mut self, mut curl: Curl) -> Self {
        curl.with_token = self.signed_in;
        self.curls.push(curl);
        self
    }

    /// Changes with the files, so that browsers keep no old ones.
    pub(crate) fn version(&self) -> String {
        format!("{:x}", assets::DIGEST)
    }
}

/// Words for what an action did. Only these are shown, whatever a link says.
fn done(code: &str) -> &'static str {
    match code {
        "retried" => "This is the new task: the failed one was retried.",
        "discarded" => "The task is off the list of failed tasks.",
        "cancelled" => "The task will stop: at once, or at its next checkpoint if it runs.",
        "enqueued" => "This is the new task.",
        "paused" => PAUSED,
        "resumed" => RESUMED,
        "paused-schedule" => SCHEDULE_PAUSED,
        "resumed-schedule" => SCHEDULE_RESUMED,
        "deleted" => "The schedule is deleted. Tasks that it enqueued stay.",
        "out" => "You are signed out.",
        _ => "",
    }
}

/// Makes a page's answer.
pub(crate) fn html(status: u16, page: &impl Template) -> Result<Answer, Failure> {
    let html = page.render();
    let html = html.map_err(|e| Failure::Form(format!("The page can't be written: {e}.")))?;
    Ok(Answer::page(status, html))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_true() {
        let page = |done| Page {
            done,
            ..Page::default()
        };
        assert_eq!(page(PAUSED).of(true).done, PAUSED);
        assert_eq!(page(PAUSED).of(false).done, "");
        assert_eq!(page(RESUMED).of(false).done, RESUMED);
        assert_eq!(page(RESUMED).of(true).done, "");
        assert_eq!(page(SCHEDULE_PAUSED).of(false).done, "");
        assert_eq!(page(SCHEDULE_RESUMED).of(true).done, "");
    }
}
