//! Every duration and bound of the protocol, in one place. Times are in milliseconds.

/// Clocks of different hosts differ by at most this much.
pub const CLOCK_SLACK_MS: u64 = 3_000;

/// A ticket or claim is a right to begin within this time; what has not begun by then goes to the next epoch.
pub const BEGIN_MS: u64 = 2_000;

/// A ticket whose slot is still empty is given up after this time. Below [`BEGIN_MS`].
pub const EMPTY_TICKET_MS: u64 = 1_000;

/// An enqueuer that needed longer than this does not acknowledge.
pub const ACKNOWLEDGE_MS: u64 = 30_000;

/// Workers and the keeper register anew in every window of this length.
pub const WINDOW_MS: u64 = 5_000;

/// Permits of a key are counted in every window of this length: each leaves counters to be deleted, and there may be many keys.
pub const KEY_WINDOW_MS: u64 = 30_000;

/// The longest key that tasks share.
pub const KEY_MAX_BYTES: usize = 128;

/// Rescue looks at a slot this long after its ticket was given out, when most tasks are done.
pub const RESCUE_LAG_MS: u64 = 10_000;

/// What a newer version wrote is looked at again after this time, when that version may be the one that looks.
pub const NEWER_AGAIN_MS: u64 = 600_000;

/// The longest delay, backoff and retention: 30 days.
pub const DELAY_MAX_MS: u64 = 30 * 86_400_000;

/// The shortest retention: hand-over counters must outlive any stalled instance.
pub const RETENTION_MIN_MS: u64 = 3_600_000;

/// How long a final task stays readable unless it says otherwise: 24 h.
pub const RETENTION_DEFAULT_MS: u64 = 86_400_000;

/// The shortest time that an idempotency key may stand for its task: 1 min.
pub const KEY_TTL_MIN_MS: u64 = 60_000;

/// The longest: 30 days.
pub const KEY_TTL_MAX_MS: u64 = 30 * 86_400_000;

/// The one that is meant unless the request says otherwise: 24 h.
pub const KEY_TTL_DEFAULT_MS: u64 = 86_400_000;

/// The shortest interval of a schedule.
pub const EVERY_MIN_MS: u64 = 1_000;

/// The longest: 365 days.
pub const EVERY_MAX_MS: u64 = 365 * 86_400_000;

/// The most schedules.
pub const SCHEDULES_MAX: usize = 1_000;

/// A schedule's occurrence that is found later than this after its time was missed.
pub const MISSED_MS: u64 = 60_000;

/// The most missed occurrences of one schedule that are made up for at once.
pub const MISSED_MAX: usize = 100;

/// How long one attempt may take unless its task says otherwise: 60 s.
pub const TIMEOUT_DEFAULT_MS: u64 = 60_000;

/// A run that was silent for this long counts as lost, unless its task says otherwise: 15 s. Three
/// heartbeats fit in.
pub const HEARTBEAT_TIMEOUT_DEFAULT_MS: u64 = 15_000;

/// The shortest heartbeat timeout that a task may ask for: a heartbeat, what clocks differ by, and a slow store.
pub const HEARTBEAT_TIMEOUT_MIN_MS: u64 = 10_000;

/// A kind of task is kept apart when so many of its runs were lost alone in [`KILLER_PERIOD_MS`].
pub(crate) const KILLS_MAX: u64 = 3;

/// Such runs are counted in periods of this length; the current one and the one before count.
pub(crate) const KILLER_PERIOD_MS: u64 = 600_000;

/// The longest timeout of one attempt: 24 h.
pub const TIMEOUT_MAX_MS: u64 = 86_400_000;

/// The most attempts that a task may ask for.
pub const ATTEMPTS_MAX: u32 = 50;

/// So often may one attempt be put off. The next time counts as a failed attempt.
pub const SNOOZES_MAX: u32 = 10;

/// Results and checkpoints above this many bytes of JSON fail the task with that reason, unless its worker has another limit.
pub const RESULT_MAX_BYTES: u64 = 256 * 1024;

/// The most arrays and objects within each other in arguments, results, checkpoints and progress. Readers
/// of JSON commonly stop at some 128, serde_json among them. The other half is room for all that wraps
/// such a value: a task object in a page of tasks, in a webhook's message, in a caller's own document.
pub const JSON_DEPTH_MAX: usize = 64;

/// A progress above this many bytes of JSON is not kept: it is written with each heartbeat and stays with the task.
pub const PROGRESS_MAX_BYTES: u64 = 16 * 1024;

/// Error texts are cut to this many bytes.
pub const ERROR_MAX_BYTES: usize = 2_048;

/// So many log lines of a task are kept, the last ones.
pub const LOG_LINES_MAX: usize = 100;

/// Log lines and messages about progress are cut to this many bytes.
pub const LOG_LINE_MAX_BYTES: usize = 500;

/// An instance begins no further task while its arguments and checkpoints in progress have this many bytes. Small:
/// whoever reads JSON as a tree of values needs a hundred times as much memory.
pub const IN_PROGRESS_BYTES: u64 = 512 * 1024;

/// Outcomes that are written together have no more bytes than this, unless it is one.
pub(crate) const OUTCOMES_BYTES: usize = 1024 * 1024;

/// A page of tasks ends early when it has this many bytes.
pub const PAGE_BYTES: u64 = 1024 * 1024;

/// So many records of any size are read in one call.
pub(crate) const RECORDS_MAX: usize = 16;

/// The most tasks in one batch.
pub const BATCH_MAX: usize = 1_000;

/// A task that runs longer than this writes its first heartbeat, and later ones at every [`BEAT_MS`].
pub const FIRST_BEAT_MS: u64 = 1_000;

/// Time between two heartbeats; also sooner if the progress changed.
pub const BEAT_MS: u64 = 5_000;

/// More epochs than any task has: a job that goes on in another instance every second takes eleven days for them.
pub(crate) const EPOCH_MAX: u64 = 1_000_000;

/// No enqueuer finds itself overtaken by more slots than this, unless the store forgot what it gave out.
pub(crate) const SKIP_MAX: u64 = 1_000_000;

/// Added to a slot's hand-over counter by who gives its ticket up.
pub(crate) const GIVEN_UP: u64 = 1 << 20;

/// Cancel requests are counted per block of this many slots.
pub(crate) const CANCEL_BLOCK: u64 = 1_024;

/// How often retention's end moves on, and how often it looks at a task that it stopped at.
pub(crate) const AGED_EVERY_MS: u64 = 600_000;

/// The most tasks in a group.
pub const GROUP_MAX: usize = 10_000;

/// The most steps of a chain.
pub const CHAIN_MAX: usize = 100;
