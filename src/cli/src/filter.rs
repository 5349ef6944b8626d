//! The options that choose tasks of a queue.

use clap::Args;
use handoff_client::Filter;

use crate::times;

/// Which tasks of a queue.
#[derive(Args, Clone)]
pub(crate) struct Which {
    /// The queue
    #[arg(long, short, default_value = "default")]
    pub(crate) queue: String,
    #[command(flatten)]
    pub(crate) fits: Fits,
}

impl Which {
    pub(crate) fn filter(&self) -> Filter {
        self.fits.filter()
    }
}

/// What tasks must fit.
#[derive(Args, Clone)]
pub(crate) struct Fits {
    /// Tasks of this kind
    #[arg(long)]
    pub(crate) task: Option<String>,
    /// Tasks with this key
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Tasks that the schedule of this name enqueued
    #[arg(long, value_name = "NAME")]
    pub(crate) schedule: Option<String>,
    /// Tasks whose id, kind, key, arguments or, of failed ones, error contain this, in any case
    #[arg(long)]
    pub(crate) text: Option<String>,
    /// Failed tasks whose error has a first line of this form; * is any text, as in '*answered 503*'
    #[arg(long, value_name = "PATTERN")]
    pub(crate) error: Option<String>,
    /// Tasks that failed since a time of the day (02:30), a duration ago (2h), or a time
    #[arg(long, value_parser = times::since)]
    pub(crate) since: Option<String>,
}

impl Fits {
    pub(crate) fn filter(&self) -> Filter {
        let parts = [
            ("task", &self.task),
            ("key", &self.key),
            ("schedule", &self.schedule),
            ("text", &self.text),
            ("error", &self.error),
            ("since", &self.since),
        ];
        let parts = parts
            .iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)));
        parts.fold(Filter::new(), |filter, (name, value)| {
            filter.parameter(name, value)
        })
    }
}
