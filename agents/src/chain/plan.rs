//! What a chain consists of, as data: to be checked, drawn and named in errors.

use std::any::TypeId;
use std::collections::BTreeSet;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use super::prompt::Mistake;

/// A part of a chain.
#[derive(Debug)]
pub(super) enum Plan {
    /// One step, of which only its name and what it gives are known.
    Step { label: String, gives: Shape },
    /// A step that gives what it gets.
    Passes { label: String },
    /// A parser of text, which tells of text as it comes.
    Text { label: &'static str },
    /// A prompt, which takes values by their names.
    Prompt(PromptPlan),
    /// What takes one field out of a record.
    Pick {
        name: String,
        place: &'static Location<'static>,
    },
    /// One after the other.
    Pipe(Arc<Self>, Arc<Self>),
    /// All at once, each with what goes in.
    Parallel {
        branches: Vec<(&'static str, Arc<Self>)>,
        gives: Fields,
        place: &'static Location<'static>,
    },
    /// One of several.
    Choice {
        label: &'static str,
        ways: Vec<(String, Arc<Self>)>,
    },
    /// One for each item of a list.
    Each(Arc<Self>),
    /// It has a name.
    Named { name: String, of: Arc<Self> },
    /// Something is done around it.
    Policy {
        label: &'static str,
        of: Arc<Self>,
        /// Whether what it gives is something else.
        gives: Option<Shape>,
    },
}

/// Which fields there are when several branches have ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fields {
    /// Those of the branches.
    Branches,
    /// The same, beside those of what goes in.
    Beside,
    /// Those that a struct of one's own is written with, which nobody knows.
    OfStruct,
}

/// What a prompt needs.
#[derive(Debug)]
pub(super) struct PromptPlan {
    pub(super) place: &'static Location<'static>,
    /// What has to be given, each with where it stands in the templates.
    pub(super) needs: Vec<(String, String)>,
    /// What stays as it is for the `$` before it, in the same way.
    pub(super) left: Vec<(String, String)>,
    /// Whether nothing can be given.
    pub(super) is_fixed: bool,
    /// What is wrong with the prompt itself.
    pub(super) mistakes: Vec<Mistake>,
}

/// What is known of the values between two steps.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// Nothing.
    Any,
    /// They are text.
    Text,
    /// They have these fields and no others.
    Record(BTreeSet<String>),
}

impl Shape {
    /// What the type alone tells.
    pub(super) fn of<T: 'static>() -> Self {
        let texts = [
            TypeId::of::<String>(),
            TypeId::of::<&'static str>(),
            TypeId::of::<Arc<str>>(),
            TypeId::of::<Box<str>>(),
        ];
        match texts.contains(&TypeId::of::<T>()) {
            true => Self::Text,
            false => Self::Any,
        }
    }
}

impl Plan {
    pub(super) fn step<O: 'static>(label: &str) -> Arc<Self> {
        Arc::new(Self::Step {
            label: label.to_owned(),
            gives: Shape::of::<O>(),
        })
    }

    pub(super) fn policy(label: &'static str, of: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self::Policy {
            label,
            of: Arc::clone(of),
            gives: None,
        })
    }

    /// Whether what comes to it as pieces of text leaves it as the same pieces.
    pub(super) fn passes_text(&self) -> bool {
        matches!(self, Self::Text { .. })
    }
}

/// The steps, as they are written: `prompt | model | text`.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |f: &mut fmt::Formatter<'_>, parts: &mut dyn Iterator<Item = (&str, &Self)>| {
            f.write_str("{ ")?;
            for (index, (name, plan)) in parts.enumerate() {
                let comma = if index > 0 { ", " } else { "" };
                write!(f, "{comma}{name}: {plan}")?;
            }
            f.write_str(" }")
        };
        match self {
            Self::Step { label, .. } | Self::Passes { label } => f.write_str(label),
            Self::Text { label } => f.write_str(label),
            Self::Prompt(_) => f.write_str("prompt"),
            Self::Pick { name, .. } => write!(f, "pick {name}"),
            Self::Pipe(first, next) => write!(f, "{first} | {next}"),
            Self::Parallel {
                branches, gives, ..
            } => {
                f.write_str(match gives {
                    Fields::Beside => "assign ",
                    Fields::Branches | Fields::OfStruct => "parallel ",
                })?;
                named(f, &mut branches.iter().map(|(name, plan)| (*name, &**plan)))
            }
            Self::Choice { label, ways } => {
                write!(f, "{label} ")?;
                named(f, &mut ways.iter().map(|(name, plan)| (&**name, &**plan)))
            }
            Self::Each(of) => write!(f, "each({of})"),
            Self::Named { name, of } => write!(f, "{name}({of})"),
            Self::Policy { label, of, .. } => write!(f, "{label}({of})"),
        }
    }
}
