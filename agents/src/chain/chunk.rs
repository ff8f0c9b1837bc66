//! Pieces of what a chain comes to, and their sum.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// A piece of what a chain comes to, as [`Chain::stream`](super::Chain::stream)
/// tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    path: Arc<ChunkPath>,
    content: Content,
}

/// Where a piece belongs.
#[derive(Debug, PartialEq, Default)]
pub(super) struct ChunkPath {
    /// The branches, each with its number.
    branches: Vec<(usize, &'static str)>,
    /// Their names, joined by `/`.
    shown: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Text(String),
    Value(Value),
}

impl ChunkPath {
    pub(super) fn below(&self, index: usize, name: &'static str) -> Self {
        let mut branches = self.branches.clone();
        branches.push((index, name));
        let shown = match self.shown.is_empty() {
            true => name.to_owned(),
            false => format!("{}/{name}", self.shown),
        };
        Self { branches, shown }
    }
}

impl Chunk {
    pub(super) fn new(path: Arc<ChunkPath>, content: Content) -> Self {
        Self { path, content }
    }

    /// The branch that it is of, such as `summary`, or `outer/inner`; empty where
    /// the chain does not end in branches.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path.shown
    }

    /// The text that is to be added, if it is text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Value(_) => None,
        }
    }

    /// What stands for all that came before at its path, and below, if it is no
    /// text.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        match &self.content {
            Content::Text(_) => None,
            Content::Value(value) => Some(value),
        }
    }
}

/// The sum of pieces. As JSON it is what the chain comes to, so far; the fields
/// are in the order in which the branches were declared, and those of a value that
/// came whole in that of their names.
///
/// # Examples
///
/// ```
/// use superstep::{ChunkSum, ScriptedModel, parallel, passthrough, prompt, text};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = ScriptedModel::new().otherwise("It is large.").model();
/// let chain = parallel! {
///     summary: prompt("Summarize {topic}") | model | text(),
///     topic: passthrough(),
/// };
/// let mut stream = chain.stream("space");
/// let mut sum = ChunkSum::default();
/// while let Some(chunk) = stream.next().await {
///     sum.add(&chunk?);
/// }
/// assert_eq!(sum.text("summary"), Some("It is large."));
/// let expected = r#"{"summary":"It is large.","topic":"space"}"#;
/// assert_eq!(serde_json::to_string(&sum)?, expected);
/// assert_eq!(serde_json::to_string(&stream.finish().await?)?, expected);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChunkSum(Sum);

#[derive(Debug, Clone, PartialEq, Default)]
enum Sum {
    #[default]
    Nothing,
    Text(String),
    Value(Value),
    /// By the numbers of the branches.
    Parts(BTreeMap<usize, (&'static str, Self)>),
}

impl ChunkSum {
    /// Adds a piece.
    pub fn add(&mut self, chunk: &Chunk) {
        let mut sum = &mut self.0;
        for &(index, name) in &chunk.path.branches {
            sum = sum.part(index, name);
        }
        match (sum, &chunk.content) {
            (Sum::Text(before), Content::Text(text)) => before.push_str(text),
            (sum, Content::Text(text)) => *sum = Sum::Text(text.clone()),
            (sum, Content::Value(value)) => *sum = Sum::Value(value.clone()),
        }
    }

    /// The text at a path so far, if it is text.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        let mut names = path.split('/').filter(|name| !name.is_empty());
        let sum = names.try_fold(&self.0, |sum, name| match sum {
            Sum::Parts(parts) => {
                let mut parts = parts.values();
                let (_, part) = parts.find(|(known, _)| *known == name)?;
                Some(part)
            }
            Sum::Nothing | Sum::Text(_) | Sum::Value(_) => None,
        })?;
        match sum {
            Sum::Text(text) => Some(text),
            Sum::Value(value) => value.as_str(),
            Sum::Nothing | Sum::Parts(_) => None,
        }
    }
}

impl Sum {
    fn part(&mut self, index: usize, name: &'static str) -> &mut Self {
        if !matches!(self, Self::Parts(_)) {
            *self = Self::Parts(BTreeMap::new());
        }
        match self {
            Self::Parts(parts) => {
                let (_, part) = parts.entry(index).or_insert((name, Self::Nothing));
                part
            }
            Self::Nothing | Self::Text(_) | Self::Value(_) => unreachable!("it was made parts"),
        }
    }
}

impl Serialize for ChunkSum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Serialize for Sum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_unit(),
            Self::Text(text) => text.serialize(serializer),
            Self::Value(value) => value.serialize(serializer),
            Self::Parts(parts) => {
                let mut map = serializer.serialize_map(Some(parts.len()))?;
                for (name, part) in parts.values() {
                    map.serialize_entry(name, part)?;
                }
                map.end()
            }
        }
    }
}
