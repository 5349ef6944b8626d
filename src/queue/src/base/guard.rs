//! The guards of the protocol. Each closes a failure that was found. It has a name, so that a test
//! can leave it out and see the failure come back. A build without the feature `sabotage` contains
//! none of this.

/// Declares the guards. `Guard::ALL` lists them.
macro_rules! guards {
    ($($(#[$says:meta])* $name:ident,)*) => {
        /// A rule that the protocol needs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(
            not(feature = "sabotage"),
            expect(unreachable_pub, reason = "only tests name guards")
        )]
        pub enum Guard {
            $($(#[$says])* $name,)*
        }

        #[cfg(feature = "sabotage")]
        impl Guard {
            /// All guards.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

guards! {
    /// A filler that sees a give-up announces the task.
    AnnounceWhatWasGivenUp,
    /// A filler reads the head, and an enqueuer the registrations, when the slots are written.
    LookAfterAppending,
    /// A claimer that gives a ticket up uses it after all if the slot was filled meanwhile.
    UseTicketOfFilledSlot,
    /// Rescue gives up the ticket of an empty slot, so that a late filler announces.
    GiveUpWhenPassing,
    /// An enqueuer that took too long does not acknowledge.
    AcknowledgeInTime,
    /// Hand-over counters outlive every enqueuer and claimer that may need them.
    KeepHandoverCounters,
    /// Retention keeps the hand-over counters of slots that no enqueuer has taken yet.
    RetainOnlyGivenSlots,
    /// The first enqueuer of a lane sets its flag before it takes a slot there.
    OpenLaneFirst,
    /// A worker puts back a task that can't begin in time.
    BeginInTime,
    /// Only the first to increment an epoch's claim counter owns it.
    ClaimOnce,
    /// A claimer adopts the final outcome of an earlier epoch.
    AdoptEarlierOutcome,
    /// An owner decides only if the next epoch is not claimed.
    CheckNextClaim,
    /// The outcome of epoch 0 counts only if epoch 1 is not claimed.
    CheckFirstClaim,
    /// A lost run counts as a failed attempt only if it was alone in its instance.
    LostAloneCounts,
    /// A retry's timer entry precedes the outcome that promises it.
    TimerBeforeOutcome,
    /// A failed task's entry precedes the outcome that names it.
    ListBeforeOutcome,
    /// A follow-up precedes the outcome that it follows.
    FollowBeforeOutcome,
    /// A run one of whose heartbeats failed ends in the record of the next epoch.
    LeaveUnsureRecord,
    /// A checkpoint precedes the announcement of the next epoch.
    CheckpointBeforeAnnouncing,
    /// An inserter that finds its second closed acts itself.
    BucketMayBeClosed,
    /// An inserter whose second was closed while it wrote the entry acts itself.
    BucketMayCloseMeanwhile,
    /// An inserter that finds a day, an hour or a minute closed acts itself.
    MarkMayBeClosed,
    /// An inserter marks spans from coarse to fine.
    CoarseMarksFirst,
    /// The keeper skips a span only if no inserter marked it before the close.
    SkipOnlyUnmarked,
    /// A run counts as lost by overrun only when its timeout is over by every clock.
    LeaseSlack,
    /// A silent run counts as lost, whatever its timeout is.
    LostBySilence,
    /// A heartbeat renews the lease.
    BeatRenewsLease,
    /// The keeper examines a running task until it ends or is lost.
    WatchWhatRuns,
    /// A keeper stays while a task runs.
    StayWhileRunning,
    /// A lost task does not wait beside tasks that may have ended its instance.
    ShunWhatMayKill,
    /// Tasks of a kind that ends its instances begin alone.
    KeepKillersApart,
    /// The time of a sample is taken after `head` was read.
    SampleTimeAfterRead,
    /// Rescue passes announcements as it passes homes.
    PassAnnouncements,
    /// Rescue examines a claimed epoch without a record twice before it counts as lost.
    LookAgainAtUnmarked,
    /// Rescue publishes epoch 0's outcome if epoch 1 was announced and not claimed.
    CloseFirst,
    /// Rescue decides if an owner died between its outcome and the decision.
    DecideForTheDead,
    /// Rescue announces the next epoch if the owner died before it did.
    AnnounceForTheDead,
    /// The keeper's cursor moves only when its actions are settled.
    SettleBeforeMovingOn,
    /// A worker leaves every window that it joined.
    LeaveEveryWindow,
    /// A worker that left reads the queue once more.
    LookAfterLeaving,
    /// A keeper stays while an entry is due later.
    KeeperStays,
    /// A keeper whose budget is over wakes the next one.
    HandOverKeeping,
    /// A claimer reads cancel requests.
    LookForCancel,
    /// A canceller writes the request before it reads whether the task's ticket is taken.
    NoteBeforeLooking,
    /// A canceller announces the epoch before it claims it.
    AnnounceBeforeCancelling,
    /// A publication of counts stays while an instance may store totals without it.
    KeepPublications,
    /// Rescue examines a retry that the timer should have delivered. Only wrong clocks need it, and
    /// seldom. It also makes good what a guard of the timer would let through.
    LookAtOverdueRetries,
    /// Retention examines the latest delivery of a task that is not final.
    PassOldTasks,
    /// A record of a run counts only for the task that it names: a store that lost writes gives out
    /// a slot again, and an instance may still write there.
    OnlyOwnRuns,
    /// Where the head went back, since the store lost writes, the keeper's cursors follow it.
    FollowHeadBack,
    /// The keeper stores pending deletes before it executes them.
    NoteBeforeDeleting,
    /// The keeper deletes a home before the task's other keys.
    DeleteHomeFirst,
    /// A candidate is decided only if no try came after it.
    DecideOnlyIfLast,
    /// A try adopts the last candidate before its own number.
    AdoptEarlierCandidate,
    /// The first try of a period reads the period before.
    LookAtPeriodBefore,
    /// A decision counts only if the next period has not begun.
    LookAtPeriodAfter,
    /// A request that finds a decided key ensures the home of its task.
    SeeToHome,
    /// A task stays as long as its idempotency key.
    KeepWhileKeyed,
    /// A schedule's next entry is inserted before its progress is noted.
    NextBeforeNoting,
    /// A keeper waits for a schedule that does not count yet.
    WaitForChange,
    /// A change of the schedules is made only if no number was taken after it.
    ChangeOnlyTheLast,
    /// A change of a schedule replaces the version from which it was made.
    ReplaceWhatWasRead,
    /// A version is given up only on a table that no change is replacing.
    AgreeBeforeEnding,
    /// A worker holds its permits in the next window too.
    HoldNextWindow,
    /// A worker renews the permits of tasks in progress in every window.
    RenewPermits,
    /// A keeper stays while a limit holds tasks back.
    StayWhileLimited,
    /// A parker reads afterwards whether its place was called already.
    LookAfterParking,
    /// A timer entry serves a waitlist while a task waits in it.
    AttendLine,
    /// A turn writes the slots of members before their homes.
    NoteMembersFirst,
    /// Those slots count only if the next turn is not claimed.
    DecideMembersIfNotClaimed,
    /// A member counts itself before it writes its outcome.
    CountBeforeOutcome,
    /// A turn reads the member counter after it wrote "waiting".
    LookAfterWaiting,
    /// The outcome of a superseded run is not a member's end.
    TakeOnlyFinalResults,
    /// A task that snoozes again and again fails in the end.
    BoundSnoozes,
    /// A worker begins no further task while those in progress have many bytes.
    BoundBytes,
    /// Members whose ticket no claimer has taken end with their workflow.
    EndUntakenMembers,
    /// Workers take system tasks while the queue is paused.
    SystemWhilePaused,
    /// System tasks neither need nor use permits and tokens.
    SystemBesideLimits,
    /// Workers take system tasks however many workers compute.
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
        static LEFT_OUT: Cell<&'static [Guard]> = const { Cell::new(&[]) };
    }

    pub(crate) fn enabled(guard: Guard) -> bool {
        !LEFT_OUT.get().contains(&guard)
    }

    /// Leaves out these guards, and no others, in this thread from now on.
    pub fn leave_out(guards: &'static [Guard]) {
        LEFT_OUT.set(guards);
    }
}
