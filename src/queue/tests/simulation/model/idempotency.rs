//! One task per idempotency key.

use super::Wrong;
use crate::load::{Answer, KeyedRequest, Load};
use crate::support::Sim;
use handoff_queue::CLOCK_SLACK_MS;
use std::rc::Rc;

/// Checks that all requests with one key get the same task within its time to live, and that no
/// other one's ran.
pub(super) fn one_task_per_key(sim: &Sim, load: &Load) -> Result<(), Wrong> {
    let keyed = load.keyed();
    let began_ms = |r: &KeyedRequest| sim.began(&r.task).first().map(|b| b.at_ms);
    for (i, one) in keyed.iter().enumerate() {
        judge_answer(one, &keyed)?;
        for other in keyed[i + 1..].iter().filter(|other| other.key == one.key) {
            let until_ms = one.asked_ms.min(other.asked_ms) + one.ttl_ms;
            let early = |r| began_ms(r).is_some_and(|at_ms| at_ms + CLOCK_SLACK_MS < until_ms);
            if early(one) && early(other) {
                return Err((
                    None,
                    format!("two tasks of one key ran: {one:?}, {other:?}"),
                ));
            }
        }
    }
    Ok(())
}

fn judge_answer(one: &KeyedRequest, keyed: &[Rc<KeyedRequest>]) -> Result<(), Wrong> {
    let answer = one.answer.borrow();
    let Some((answer, at_ms)) = answer.as_ref() else {
        return Ok(());
    };
    let mut same = keyed.iter().filter(|other| other.key == one.key);
    let (asked, body) = match answer {
        Answer::Differs if same.any(|other| other.body != one.body) => return Ok(()),
        Answer::Differs => return Err((None, format!("nothing differs from {one:?}"))),
        Answer::Task(asked, body) => (asked, *body),
    };
    let wrong = |what: String| Err((Some(asked.clone()), what));
    if body != one.body {
        return wrong(format!("another request's task for {one:?}"));
    }
    if asked.key_until_ms + CLOCK_SLACK_MS < one.asked_ms {
        return wrong(format!("the key was over for {one:?}"));
    }
    for other in same {
        let other = other.answer.borrow();
        let Some((Answer::Task(original, _), _)) = other.as_ref() else {
            continue;
        };
        let first = original.key_until_ms <= asked.key_until_ms;
        if first && original.id != asked.id && at_ms + CLOCK_SLACK_MS < original.key_until_ms {
            return wrong(format!("{one:?} did not get {original:?}"));
        }
    }
    Ok(())
}
