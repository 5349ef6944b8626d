//! Noticing clocks that differ by more than [`CLOCK_SLACK_MS`]. The keepers of all hosts read and
//! write one record, and its times tell how far another keeper's clock is ahead.

use crate::base::config::{AGED_EVERY_MS, CLOCK_SLACK_MS, WINDOW_MS};
use crate::presence::window;
use crate::progress::record::Progress;

/// A time counts as in the future from here on. It is more than a second above the slack: cursors
/// are in whole seconds.
const AHEAD_MS: u64 = CLOCK_SLACK_MS + 2_000;

/// It is logged once in this time.
const NOTED_MS: u64 = 60_000;

impl Progress {
    /// Sets back every cursor of the timer and every sample that is in the future. Another keeper's
    /// clock is ahead, or was, or this one's is behind. Work that this keeper does again is
    /// harmless. If the cursors stayed, nobody would turn to an entry that is inserted behind them,
    /// and rescue would wait until the time of the samples. Returns how far ahead they were, at most
    /// once a minute.
    pub(crate) fn set_back(&mut self, now_ms: u64) -> Option<u64> {
        let limit_ms = now_ms + AHEAD_MS;
        let mut most_ms = now_ms;
        let mut set_back = |at_ms: &mut u64, may_be_later_ms: u64| {
            if *at_ms > limit_ms + may_be_later_ms {
                most_ms = most_ms.max(*at_ms - may_be_later_ms);
                *at_ms = now_ms;
            }
        };
        for cursor_s in [&mut self.due_s, &mut self.old_s] {
            let mut at_ms = *cursor_s * 1_000;
            set_back(&mut at_ms, 0);
            *cursor_s = (*cursor_s).min(at_ms / 1_000);
        }
        for (_, cursors) in self.cursors() {
            set_back(&mut cursors.retain_at_ms, AGED_EVERY_MS);
            let samples = cursors.samples.iter_mut().chain(&mut cursors.aged);
            samples.for_each(|sample| set_back(&mut sample.0, 0));
        }
        set_back(&mut self.failed.at_ms, AGED_EVERY_MS);
        for sample in &mut self.failed.samples {
            set_back(&mut sample.0, 0);
        }
        let ahead_ms = most_ms - now_ms;
        if ahead_ms == 0 {
            return None;
        }
        self.due_swept_s = self.due_swept_s.min(self.due_s);
        self.old_swept_s = self.old_swept_s.min(self.old_s);
        self.window = self.window.min(window(now_ms.saturating_sub(WINDOW_MS)));
        let noted_ms = self.ahead.map_or(0, |(at_ms, _)| at_ms);
        if noted_ms <= now_ms && now_ms < noted_ms + NOTED_MS {
            return None;
        }
        self.ahead = Some((now_ms, ahead_ms));
        Some(ahead_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record::Validate;

    const NOW_MS: u64 = 1_790_000_000_000;

    #[test]
    fn what_is_ahead_is_set_back_and_reported_once_a_minute() {
        let ahead_ms = NOW_MS + 3_600_000;
        let made = |s| Progress::first(s, NOW_MS);
        let mut right = made((NOW_MS + CLOCK_SLACK_MS) / 1_000);
        right.normal.samples = vec![(NOW_MS + CLOCK_SLACK_MS, 5)];
        right.normal.retain_at_ms = NOW_MS + AGED_EVERY_MS;
        let before = right.clone();
        assert_eq!(right.set_back(NOW_MS), None);
        assert_eq!(right, before, "clocks that differ a little change nothing");

        let mut wrong = made(ahead_ms / 1_000);
        wrong.normal.samples = vec![(NOW_MS - 9_000, 4), (ahead_ms, 5)];
        wrong.normal.aged = vec![(ahead_ms, 6)];
        assert_eq!(wrong.set_back(NOW_MS), Some(3_600_000));
        let now_s = NOW_MS / 1_000;
        let cursors = [
            wrong.due_s,
            wrong.old_s,
            wrong.due_swept_s,
            wrong.old_swept_s,
        ];
        assert_eq!(cursors, [now_s; 4]);
        assert_eq!(wrong.normal.samples, [(NOW_MS - 9_000, 4), (NOW_MS, 5)]);
        assert_eq!(wrong.normal.aged, [(NOW_MS, 6)]);

        wrong.due_s = ahead_ms / 1_000;
        assert_eq!(wrong.set_back(NOW_MS + 30_000), None, "it was reported");
        assert_eq!(wrong.due_s, now_s + 30, "and is set back all the same");
        wrong.due_s = ahead_ms / 1_000;
        assert_eq!(wrong.set_back(NOW_MS + 60_000), Some(3_540_000));
    }

    #[test]
    fn what_was_noticed_has_times() {
        let mut progress = Progress::first(NOW_MS / 1_000, NOW_MS);
        for (ahead, is_valid) in [
            ((NOW_MS, 3_600_000), true),
            ((u64::MAX, 1), false),
            ((NOW_MS, u64::MAX), false),
        ] {
            progress.ahead = Some(ahead);
            assert_eq!(progress.is_valid(), is_valid, "{ahead:?}");
        }
    }
}
