//! What is wrong with a prompt, whatever goes in.

use std::fmt;

use super::super::words::names;

/// A template that cannot be read: why, and what to write.
#[derive(Debug, Clone)]
pub(super) struct Unreadable {
    pub(super) why: String,
    pub(super) help: &'static str,
}

/// One thing that is wrong with a prompt.
#[derive(Debug)]
pub(in super::super) enum Mistake {
    /// A template of the message of that number cannot be read.
    Template {
        message: usize,
        why: String,
        help: &'static str,
    },
    /// A value is given for a hole, and there are only these.
    NoHole { name: String, known: Vec<String> },
    /// A value that is given cannot be written as JSON.
    NotJson { name: String, why: String },
}

/// As the error of a prompt that is filled has it.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template { message, why, help } => {
                write!(f, "message {message}: {why}; {help}")
            }
            Self::NoHole { name, known } => {
                let known = names(known.iter().map(String::as_str));
                write!(f, "no hole is called `{name}`: there is {known}")
            }
            Self::NotJson { name, why } => {
                write!(f, "`{name}` cannot be written as JSON: {why}")
            }
        }
    }
}

/// All of them as one text; none, if there are none.
pub(super) fn told(mistakes: &[Mistake]) -> Option<String> {
    let told: Vec<_> = mistakes.iter().map(Mistake::to_string).collect();
    (!told.is_empty()).then(|| told.join("; "))
}
