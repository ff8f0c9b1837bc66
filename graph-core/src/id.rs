//! Names and numbers that cross the API, each with a type of its own.

use std::fmt;
use std::ops::Deref;
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
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct NodeName(Arc<str>);

impl NodeName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for NodeName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for NodeName {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> Self {
        name.as_str().into()
    }
}

impl Deref for NodeName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for NodeName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for NodeName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for NodeName {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for NodeName {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
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

impl PartialEq<&str> for TaskId {
    fn eq(&self, other: &&str) -> bool {
        let (node, send) = match other.split_once('/') {
            None => (*other, None),
            Some((node, send)) => (node, Some(send)),
        };
        self.node == node && self.send.map(|send| send.to_string()).as_deref() == send
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
