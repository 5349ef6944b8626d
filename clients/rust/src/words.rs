//! Words of the API, with a place for those of later versions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Makes an enum of words that has a place for those of later versions.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$word_doc])* $word,)+
            /// A word that this client does not know.
            Other(String),
        }

        impl $name {
            /// The word.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$word => $text,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($text => Self::$word,)+
                    word => Self::Other(word.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                word.as_str().into()
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// The state of a task or workflow.
    State {
        /// It waits for a time.
        Scheduled = "scheduled",
        /// It waits for a worker.
        Queued = "queued",
        /// It runs.
        Running = "running",
        /// An attempt failed, and the next one waits for its time.
        Retrying = "retrying",
        /// It has a result.
        Succeeded = "succeeded",
        /// It failed for good.
        Failed = "failed",
        /// It was cancelled.
        Cancelled = "cancelled",
        /// It did not begin before it expired.
        Expired = "expired",
    }
}

words! {
    /// Which waiting tasks are taken first.
    Priority {
        /// Before the others.
        High = "high",
        /// The default.
        Normal = "normal",
        /// After the others.
        Low = "low",
    }
}

impl State {
    /// Whether it never changes again. A state that this client does not know is not final.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Expired
        )
    }
}

impl Default for State {
    fn default() -> Self {
        Self::Other("unknown".to_owned())
    }
}
