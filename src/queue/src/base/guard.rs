//! The guards of the protocol. Each closes a failure that was found, and has a name so that a test can leave it out and
//! see that the failure comes back. Nothing of this is in a build without the feature `sabotage`.

/// Each variant is one of [`Guard::ALL`].
macro_rules! guards {
    ($($(#[$says:meta])* $name:ident,)*) => {
        /// A rule that the protocol does not hold without.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Guard {
            $($(#[$says])* $name,)*
        }

        #[cfg(feature = "sabotage")]
        impl Guard {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

guards! {
    /// Who fills a slot whose ticket was given up announces what is in it.
    AnnounceWhatWasGivenUp,
    /// Who gives a ticket up uses it after all if the slot was filled meanwhile.
    UseTicketOfFilledSlot,
    /// Rescue gives up the ticket of an empty slot, so that who fills it later announces.
    GiveUpWhenPassing,
    /// An enqueuer that took long does not acknowledge.
    AcknowledgeInTime,
    /// Hand-over counters outlive whoever may still need them.
    KeepHandoverCounters,
    /// Those of slots that nobody was given yet stay.
    RetainOnlyGivenSlots,
    /// Who first gives a task a priority says so before it takes a slot in that lane.
    OpenLaneFirst,
    /// What can't begin in time goes to the next epoch.
    BeginInTime,
    /// Only the first to increment an epoch's claim counter owns it.
    ClaimOnce,
    /// The final outcome of an earlier epoch is adopted.
    AdoptEarlierOutcome,
    /// Who finished decides only if the next epoch is not claimed.
    CheckNextClaim,
    /// The outcome of epoch 0 counts only if epoch 1 is not claimed.
    CheckFirstClaim,
    /// Only a run that was alone in its instance answers for its end.
    LostAloneCounts,
    /// The timer entry comes before the outcome that promises it.
    TimerBeforeOutcome,
    /// A failed task is listed before its outcome says so.
    ListBeforeOutcome,
    /// What follows a task's end is enqueued before its outcome is written.
    FollowBeforeOutcome,
    /// The checkpoint comes before the announcement of who goes on from it.
    CheckpointBeforeAnnouncing,
    /// Who finds a bucket of the timer closed delivers by itself.
    BucketMayBeClosed,
    /// The same, if it was closed while the entry was written.
    BucketMayCloseMeanwhile,
    /// The same for the marks of a minute, an hour or a day.
    MarkMayBeClosed,
    /// Marks are set from coarse to fine.
    CoarseMarksFirst,
    /// A span is skipped only if nobody marked it before it was closed.
    SkipOnlyUnmarked,
    /// A run that overran its timeout counts as lost only when that is over by every clock.
    LeaseSlack,
    /// A run that fell silent counts as lost, whatever its timeout.
    LostBySilence,
    /// A heartbeat renews the lease.
    BeatRenewsLease,
    /// The keeper looks at what runs until it ends or falls silent.
    WatchWhatRuns,
    /// A keeper stays while anything runs.
    StayWhileRunning,
    /// What was lost does not wait beside tasks that may have been its end.
    ShunWhatMayKill,
    /// Tasks of a kind that ends its instances begin alone.
    KeepKillersApart,
    /// The time of a sample of head is taken after it was read.
    SampleTimeAfterRead,
    /// Rescue passes announcements as it does homes.
    PassAnnouncements,
    /// What was claimed and has no mark is looked at once more before it counts as lost.
    LookAgainAtUnmarked,
    /// Rescue decides where the owner died between its outcome and the decision.
    DecideForTheDead,
    /// Rescue announces the next epoch where the owner died before it did.
    AnnounceForTheDead,
    /// The keeper moves on only when what it found is settled.
    SettleBeforeMovingOn,
    /// A worker leaves every window that it joined.
    LeaveEveryWindow,
    /// A worker that left looks at the queue once more.
    LookAfterLeaving,
    /// A keeper stays while anything is due later.
    KeeperStays,
    /// A keeper whose budget is over wakes the next one.
    HandOverKeeping,
    /// Who takes a task looks whether it was cancelled.
    LookForCancel,
    /// A canceller notes the request before it looks whether the task's ticket is taken.
    NoteBeforeLooking,
    /// A canceller announces the epoch before it claims it.
    AnnounceBeforeCancelling,
    /// What is deleted is noted first.
    NoteBeforeDeleting,
    /// A task's home is deleted before the rest.
    DeleteHomeFirst,
    /// An idempotency key is decided only if nobody tried after the candidate that is there.
    DecideOnlyIfLast,
    /// Who tries for an idempotency key adopts the last candidate before its own.
    AdoptEarlierCandidate,
    /// Who comes first in a period looks at the one before.
    LookAtPeriodBefore,
    /// What was decided counts only if nobody has begun the next period.
    LookAtPeriodAfter,
    /// Who finds an idempotency key decided sees that the task is there and will run.
    SeeToHome,
    /// A task is kept as long as its idempotency key.
    KeepWhileKeyed,
    /// What a schedule is to do next is entered before it is noted that it did something.
    NextBeforeNoting,
    /// A schedule that does not count yet is waited for.
    WaitForChange,
    /// A change of the schedules is made only if nobody took a number after it.
    ChangeOnlyTheLast,
    /// A schedule is given up only if nobody changes the schedules at that moment.
    AgreeBeforeEnding,
    /// Permits are held in the next window, too.
    HoldNextWindow,
    /// Permits of what is in progress are renewed in every window.
    RenewPermits,
    /// A keeper stays while something waits that may not begin.
    StayWhileLimited,
    /// Who parks a task looks then whether its place was called already.
    LookAfterParking,
    /// Somebody looks after a line as long as anybody waits in it.
    AttendLine,
    /// Where a workflow's members are is noted before they are there.
    NoteMembersFirst,
    /// That counts only if nobody has begun the workflow's next turn.
    DecideMembersIfNotClaimed,
    /// A member of a workflow counts itself before its outcome is written.
    CountBeforeOutcome,
    /// When it is written that a workflow waits, somebody looks once more whether its members have ended.
    LookAfterWaiting,
    /// What a run came to that was superseded is no member's end.
    TakeOnlyFinalResults,
    /// What is put off again and again fails in the end.
    BoundSnoozes,
    /// A worker begins no further task while those in progress have many bytes.
    BoundBytes,
    /// Members that nobody has taken end with their workflow.
    EndUntakenMembers,
    /// Webhooks and the turns of workflows are taken while their queue is paused.
    SystemWhilePaused,
    /// They neither need nor use what the queue's limits give out.
    SystemBesideLimits,
    /// They are taken however many workers compute.
    SystemBesideComputing,
}

#[cfg(not(feature = "sabotage"))]
pub(crate) const fn enabled(_: Guard) -> bool {
    true
}

#[cfg(feature = "sabotage")]
pub(crate) use sabotage::enabled;

#[cfg(feature = "sabotage")]
pub(crate) mod sabotage {
    use super::Guard;
    use std::cell::Cell;

    thread_local! {
        static LEFT_OUT: Cell<Option<Guard>> = const { Cell::new(None) };
    }

    pub(crate) fn enabled(guard: Guard) -> bool {
        LEFT_OUT.get() != Some(guard)
    }

    /// From now on this guard is left out in this thread; with `None` all hold again.
    pub fn leave_out(guard: Option<Guard>) {
        LEFT_OUT.set(guard);
    }
}
