//! Every duration and bound of the protocol, in one place. Times are in milliseconds.

/// Clocks of different hosts differ by at most this much.
pub const CLOCK_SLACK_MS: u64 = 3_000;

/// A ticket or claim is a right to begin within this time. A task that has not begun by then is put
/// back.
pub const BEGIN_MS: u64 = 2_000;

/// A worker gives up the ticket of an empty slot after this time. It is below [`BEGIN_MS`].
pub const EMPTY_TICKET_MS: u64 = 1_000;

/// An enqueuer that needs longer than this does not acknowledge.
pub const ACKNOWLEDGE_MS: u64 = 30_000;

/// The length of a window, in which workers and the keeper register.
pub const WINDOW_MS: u64 = 5_000;

/// The length of a window of a key, in which permits are counted. It is longer, since each window
/// leaves counters to delete and many keys may exist.
pub const KEY_WINDOW_MS: u64 = 30_000;

/// The largest size of a key.
pub const KEY_MAX_BYTES: usize = 128;

/// Rescue passes a slot this long after its ticket was given out, when most tasks are done.
pub const RESCUE_LAG_MS: u64 = 10_000;

/// A record of a newer version is read again after this time, when a newer instance may read it.
pub const NEWER_AGAIN_MS: u64 = 600_000;

/// The longest delay, backoff and retention: 30 days.
pub const DELAY_MAX_MS: u64 = 30 * 86_400_000;

/// The shortest retention. Hand-over counters must outlive any stalled instance.
pub const RETENTION_MIN_MS: u64 = 3_600_000;

/// The retention of a task that names none: 24 h.
pub const RETENTION_DEFAULT_MS: u64 = 86_400_000;

/// The shortest time to live of an idempotency key: 1 min.
pub const KEY_TTL_MIN_MS: u64 = 60_000;

/// The longest time to live of an idempotency key: 30 days.
pub const KEY_TTL_MAX_MS: u64 = 30 * 86_400_000;

/// The time to live of an idempotency key whose request names none: 24 h.
pub const KEY_TTL_DEFAULT_MS: u64 = 86_400_000;

/// The shortest interval of a schedule.
pub const EVERY_MIN_MS: u64 = 1_000;

/// The longest interval of a schedule: 365 days.
pub const EVERY_MAX_MS: u64 = 365 * 86_400_000;

/// The largest number of schedules.
pub const SCHEDULES_MAX: usize = 1_000;

/// An occurrence that a keeper finds later than this after its time is missed.
pub const MISSED_MS: u64 = 60_000;

/// The most missed occurrences of one schedule that are enqueued.
pub const MISSED_MAX: usize = 100;

/// The timeout of an attempt whose task names none: 60 s.
pub const TIMEOUT_DEFAULT_MS: u64 = 60_000;

/// The heartbeat timeout of a task that names none: 15 s. Three heartbeats fit in.
pub const HEARTBEAT_TIMEOUT_DEFAULT_MS: u64 = 15_000;

/// The shortest heartbeat timeout. It covers a heartbeat, the difference of clocks, and a slow
/// store.
pub const HEARTBEAT_TIMEOUT_MIN_MS: u64 = 10_000;

/// Tasks of a kind begin alone after so many of its runs were lost alone in [`KILLER_PERIOD_MS`].
pub(crate) const KILLS_MAX: u64 = 3;

/// The length of a period in which such runs are counted. The current period and the one before
/// count.
pub(crate) const KILLER_PERIOD_MS: u64 = 600_000;

/// The longest timeout of one attempt: 24 h.
pub const TIMEOUT_MAX_MS: u64 = 86_400_000;

/// The largest number of attempts that a task may ask for.
pub const ATTEMPTS_MAX: u32 = 50;

/// An attempt may be snoozed this often. The next snooze counts as a failed attempt.
pub const SNOOZES_MAX: u32 = 10;

/// A task that continues more often fails. With as many snoozes as it may have in each part, its runs
/// stay below the largest epoch.
pub(crate) const PARTS_MAX: u32 = 50_000;

/// A result or checkpoint with more bytes of JSON fails the task, unless its worker has another
/// limit.
pub const RESULT_MAX_BYTES: u64 = 256 * 1024;

/// The deepest nesting of arrays and objects in arguments, results, checkpoints and progress. Many
/// readers of JSON stop at some 128 levels, serde_json among them. The other half is for what wraps
/// such a value: a task object in a page, a webhook's message, a caller's own document.
pub const JSON_DEPTH_MAX: usize = 64;

/// A progress with more bytes of JSON is not kept, since each heartbeat writes it and it stays with
/// the task.
pub const PROGRESS_MAX_BYTES: u64 = 16 * 1024;

/// Error texts are cut to this many bytes.
pub const ERROR_MAX_BYTES: usize = 2_048;

/// The number of log lines of a task that are kept, the last ones.
pub const LOG_LINES_MAX: usize = 100;

/// Log lines and progress messages are cut to this many bytes.
pub const LOG_LINE_MAX_BYTES: usize = 500;

/// An instance begins no further task while arguments and checkpoints in progress have this many
/// bytes. It is small, since a task that reads JSON as a tree of values needs a hundred times as
/// much memory.
pub const IN_PROGRESS_BYTES: u64 = 512 * 1024;

/// Outcomes that are written together have at most this many bytes, unless it is only one.
pub(crate) const OUTCOMES_BYTES: usize = 1024 * 1024;

/// A page of tasks ends early when it has this many bytes.
pub const PAGE_BYTES: u64 = 1024 * 1024;

/// A page of tasks looks at so many slots, or entries of the failed list, at most.
pub const LISTED_MAX: u64 = 1_000;

/// The number of records of any size that one call reads.
pub(crate) const RECORDS_MAX: usize = 16;

/// The largest number of tasks in one request.
pub const BATCH_MAX: usize = 1_000;

/// A run writes its first heartbeat after this time, and later ones every [`BEAT_MS`].
pub const FIRST_BEAT_MS: u64 = 1_000;

/// The time between two heartbeats. A run also writes one when its report changed.
pub const BEAT_MS: u64 = 5_000;

/// More epochs than any task has: a job that continues every second takes eleven days for them.
pub(crate) const EPOCH_MAX: u64 = 1_000_000;

/// No announcer skips more slots than this, unless the store forgot what it gave out.
pub(crate) const SKIP_MAX: u64 = 1_000_000;

/// A claimer that gives a ticket up adds this to the slot's hand-over counter.
pub(crate) const GIVEN_UP: u64 = 1 << 20;

/// The number of slots in a block, for counting cancel requests.
pub(crate) const CANCEL_BLOCK: u64 = 1_024;

/// How often retention's end moves on, and how often retention looks at the task at which it
/// stopped.
pub(crate) const AGED_EVERY_MS: u64 = 600_000;

/// The largest number of tasks in a group.
pub const GROUP_MAX: usize = 10_000;

/// The largest number of steps of a chain.
pub const CHAIN_MAX: usize = 100;
