//! Names and numbers that cross the API, each with a type of its own.

use std::fmt;
use std::num::ParseIntError;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of the place where every run begins; edges lead out of it only.
pub const START: &str = "__start__";

/// The name of the place where a path ends; edges lead into it only.
pub const END: &str = "__end__";

/// The constant whose name this is, in any case: text where it was meant.
pub(crate) fn constant_named(name: &str) -> Option<&'static str> {
    let constants = ["START", "END"];
    constants
        .into_iter()
        .find(|constant| constant.eq_ignore_ascii_case(name))
}

/// A name: text that is cheap to clone and compares with `&str`.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.into())
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self(name.into())
            }
        }

        impl From<&String> for $name {
            fn from(name: &String) -> Self {
                Self(name.as_str().into())
            }
        }

        impl From<&$name> for $name {
            fn from(name: &Self) -> Self {
                name.clone()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().into()
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }

        impl PartialEq<String> for $name {
            fn eq(&self, other: &String) -> bool {
                self.as_str() == other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }
    };
}

name! {
    /// The name of a node: text that is cheap to clone and compares with `&str`.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::NodeName;
    ///
    /// let name = NodeName::from("plan");
    /// assert_eq!(name, "plan");
    /// assert_eq!(name.to_string(), "plan");
    /// ```
    NodeName
}

name! {
    /// The name of one run, which its events carry.
    RunId
}

name! {
    /// The name of a thread: the runs under it share one history.
    ///
    /// Any text; two graphs that share a checkpointer share its threads, so
    /// that it should say what it is about: `order-17`.
    ThreadId
}

/// The number of a checkpoint in its thread: 1 for the first, then one more for
/// each, whichever fork it belongs to.
///
/// # Examples
///
/// ```
/// use superstep::CheckpointId;
///
/// let id: CheckpointId = "7".parse()?;
/// assert_eq!(id, CheckpointId::from(7));
/// assert_eq!(id.to_string(), "7");
/// # Ok::<(), std::num::ParseIntError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CheckpointId(u64);

impl CheckpointId {
    /// The number itself.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// The one that follows this; the first, if there is none yet.
    #[must_use]
    pub fn after(head: Option<Self>) -> Self {
        Self(head.map_or(1, |head| head.0 + 1))
    }
}

impl From<u64> for CheckpointId {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl FromStr for CheckpointId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for CheckpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A task of one superstep: its node, and which of the node's sends it is.
///
/// A node that was made ready by edges has one task in a superstep; a worker
/// has one for every value that was sent to it. Prints as `plan`, or as
/// `review/2` for the third send to `review` of that superstep.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskId {
    /// The node whose body the task runs.
    pub node: NodeName,
    /// For a send, its place among the sends to this node, from 0.
    pub send: Option<u32>,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.send {
            None => write!(f, "{}", self.node),
            Some(send) => write!(f, "{}/{send}", self.node),
        }
    }
}

impl PartialEq<str> for TaskId {
    fn eq(&self, other: &str) -> bool {
        let (node, send) = match other.split_once('/') {
            None => (other, None),
            Some((node, send)) => (node, Some(send)),
        };
        self.node == node && self.send.map(|send| send.to_string()).as_deref() == send
    }
}

impl PartialEq<&str> for TaskId {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

/// The most names that one message lists.
pub(crate) const MOST_LISTED: usize = 12;

/// Names in backticks, separated by commas; of a great many, the first, and how
/// many more there are. `names` may leave out what is not listed.
pub(crate) fn list_of(names: &[impl fmt::Display], n_names: usize) -> String {
    let listed = names.iter().take(MOST_LISTED);
    let quoted: Vec<_> = listed.map(|name| format!("`{name}`")).collect();
    match n_names.saturating_sub(MOST_LISTED) {
        0 => quoted.join(", "),
        more => format!("{}, and {more} more", quoted.join(", ")),
    }
}
