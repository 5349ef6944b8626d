//! The commands and their options.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::filter::{Fits, Which};

const AFTER: &str = "\
Exit status: 0 done, 1 refused or not succeeded, 2 wrong usage, 3 no answer (it may have happened
all the same), 4 not final in time.

The token is read from HANDOFF_TOKEN or from --token-file. It is no option, since other users of a
machine see the command lines of all programs.";

#[derive(Parser)]
#[command(name = "handoff", version, about = "Enqueues, follows and operates tasks of Handoff", after_help = AFTER)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Args)]
pub(crate) struct Global {
    /// The deployment, with its path, such as http://127.0.0.1:3000/handoff
    #[arg(
        long,
        global = true,
        env = "HANDOFF_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:3000"
    )]
    pub(crate) url: String,
    /// A file with the token, in place of HANDOFF_TOKEN
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Certificates in PEM that https trusts, in place of those that Mozilla does
    #[arg(long, global = true, env = "HANDOFF_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    #[arg(long, global = true, hide = true)]
    pub(crate) token: Option<String>,
    /// Print the API's objects as JSON, one a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print no colours; so does NO_COLOR
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Enqueue a task, or with --batch one for each line of a file
    Enqueue(Enqueue),
    /// Show tasks, with their attempts and logs
    Show {
        /// The ids of tasks
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Follow a task until its end: states, progress, logs; the exit status says whether it succeeded
    Watch {
        /// The task's id
        id: String,
    },
    /// Say in few words what became of a task
    Status {
        /// The task's id
        id: String,
    },
    /// List tasks of a queue, the newest first
    List(List),
    /// List failed tasks of all queues by their causes: how many, since when
    Failed(Failed),
    /// Enqueue failed tasks anew, by their ids or by a filter
    Retry(Change),
    /// Take failed tasks off the list, by their ids or by a filter
    Discard(Change),
    /// Cancel open tasks, by their ids or by a filter
    Cancel {
        #[command(flatten)]
        change: Change,
        /// Tasks in this state
        #[arg(long, conflicts_with = "ids")]
        state: Option<String>,
    },
    /// List all queues
    Queues,
    /// Show a queue with its statistics
    Queue(QueueName),
    /// Let workers take nothing more of a queue
    Pause(QueueName),
    /// Let workers take tasks of a queue again
    Resume(QueueName),
    /// Cancel all that waits in a queue
    Purge {
        #[command(flatten)]
        queue: QueueName,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// List, show, put, pause and delete schedules
    Schedules {
        #[command(subcommand)]
        command: Option<Schedules>,
    },
    /// List, enqueue, show, follow and cancel workflows
    Workflows {
        #[command(subcommand)]
        command: Option<Workflows>,
    },
    /// Say whether the store works and workers can be woken; the exit status says it, too
    Ready {
        /// Ask only whether an instance answers
        #[arg(long)]
        alive: bool,
    },
    /// Watch all queues
    Top {
        /// How often to look
        #[arg(long, default_value = "2s", value_parser = duration)]
        every: Duration,
        /// End after so many looks
        #[arg(long, value_name = "LOOKS")]
        count: Option<u64>,
    },
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Args)]
pub(crate) struct Enqueue {
    /// The kind of the task
    #[arg(required_unless_present = "batch")]
    pub(crate) task: Option<String>,
    /// The arguments: JSON, @FILE, or - for standard input
    pub(crate) args: Option<String>,
    /// Enqueue each line of a file, or of standard input for -: {"task":…,"args":…} with any field
    #[arg(long, value_name = "FILE", conflicts_with_all = ["task", "args"])]
    pub(crate) batch: Option<String>,
    /// The queue
    #[arg(long, short)]
    pub(crate) queue: Option<String>,
    /// Tasks with the same key share the queue's limits per key
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// high, normal or low
    #[arg(long)]
    pub(crate) priority: Option<String>,
    /// Not before this duration is over, such as 10m
    #[arg(long)]
    pub(crate) delay: Option<String>,
    /// Not before this time, such as 2026-11-23T08:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "delay")]
    pub(crate) eta: Option<String>,
    /// It does not begin after: a duration from now, or a time
    #[arg(long)]
    pub(crate) expires: Option<String>,
    /// How long one attempt may take
    #[arg(long, value_name = "DURATION")]
    pub(crate) timeout: Option<String>,
    /// How many attempts there may be
    #[arg(long)]
    pub(crate) attempts: Option<u32>,
    /// How long the final task stays readable
    #[arg(long, value_name = "DURATION")]
    pub(crate) retention: Option<String>,
    /// A URL that receives its end
    #[arg(long, value_name = "URL")]
    pub(crate) webhook: Option<String>,
    /// Repeated requests with this key get the same task
    #[arg(long, value_name = "KEY", conflicts_with = "batch")]
    pub(crate) idempotency_key: Option<String>,
    /// Wait for the end, and print the result; with a duration at most so long
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, value_parser = duration,
        conflicts_with = "batch")]
    pub(crate) wait: Option<Option<Duration>>,
}

#[derive(Args)]
pub(crate) struct QueueName {
    /// The queue
    #[arg(default_value = "default")]
    pub(crate) name: String,
}

#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Tasks in this state
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// How many tasks
    #[arg(long, short, default_value = "20", conflicts_with = "all")]
    pub(crate) limit: usize,
    /// All tasks, page by page
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Args)]
pub(crate) struct Failed {
    /// The queue, in place of all
    #[arg(long, short)]
    pub(crate) queue: Option<String>,
    #[command(flatten)]
    pub(crate) fits: Fits,
    /// With --json: an object for each cause
    #[arg(long)]
    pub(crate) by_cause: bool,
}

#[derive(Args)]
pub(crate) struct Change {
    /// The ids of tasks
    #[arg(conflicts_with_all = ["task", "key", "schedule", "text", "error", "since", "all", "queue"])]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) which: Which,
    /// All tasks of the queue that can be changed so
    #[arg(long)]
    pub(crate) all: bool,
    /// Only say how many tasks it would change
    #[arg(long, conflicts_with = "ids")]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Subcommand)]
pub(crate) enum Schedules {
    /// List all schedules
    List,
    /// Show a schedule
    Show {
        /// Its name
        name: String,
    },
    /// Create or replace a schedule
    Put(PutSchedule),
    /// Let a schedule enqueue nothing until it is resumed
    Pause {
        /// Its name
        name: String,
    },
    /// Let a schedule go on at its next regular time
    Resume {
        /// Its name
        name: String,
    },
    /// End a schedule. The tasks that it enqueued stay
    Delete {
        /// Its name
        name: String,
    },
}

#[derive(Args)]
pub(crate) struct PutSchedule {
    /// Its name
    pub(crate) name: String,
    /// Its fields: JSON, @FILE, or - for standard input. Options replace some of them
    pub(crate) fields: Option<String>,
    /// The kind of its tasks
    #[arg(long)]
    pub(crate) task: Option<String>,
    /// Their arguments: JSON, @FILE, or - for standard input
    #[arg(long)]
    pub(crate) args: Option<String>,
    /// When it is due: minute, hour, day of the month, month, day of the week
    #[arg(long)]
    pub(crate) cron: Option<String>,
    /// The time zone of --cron, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
    /// An interval, in place of --cron
    #[arg(long, value_name = "DURATION", conflicts_with = "cron")]
    pub(crate) every: Option<String>,
    /// The queue of its tasks
    #[arg(long, short)]
    pub(crate) queue: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Workflows {
    /// List the workflows of a queue, the newest first
    List {
        /// The queue
        #[arg(long, short, default_value = "default")]
        queue: String,
        /// How many workflows
        #[arg(long, short, default_value = "20", conflicts_with = "all")]
        limit: NonZeroUsize,
        /// All workflows, page by page
        #[arg(long)]
        all: bool,
    },
    /// Enqueue a workflow
    Enqueue {
        /// The workflow, {"chain":[…]} or {"group":…,"then":…}: JSON, @FILE, or - for standard input
        workflow: String,
        /// Wait for the end, and print the result; with a duration at most so long
        #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, value_parser = duration)]
        wait: Option<Option<Duration>>,
    },
    /// Show a workflow with exact counts
    Show {
        /// Its id
        id: String,
    },
    /// List its tasks
    Tasks {
        /// Its id
        id: String,
    },
    /// Cancel it and its tasks
    Cancel {
        /// Its id
        id: String,
    },
}

/// A duration such as `1.5s`, `2h 30m` or `500ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed: Result<jiff::SignedDuration, _> = text.parse();
    let parsed = parsed.map_err(|_| "write a duration such as 30s or 1m 30s".to_owned())?;
    Duration::try_from(parsed).map_err(|_| "a duration is not negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_options_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_are_read() {
        for (text, ms) in [
            ("30s", 30_000),
            ("1.5s", 1_500),
            ("2h 30m", 9_000_000),
            ("500ms", 500),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "30", "-1s", "soon"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
