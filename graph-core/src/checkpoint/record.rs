//! What is written of a thread, as data.

use serde::{Deserialize, Serialize};

use crate::id::CheckpointId;

/// By what a checkpoint came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// A run began with an input.
    Input,
    /// A superstep ended.
    Superstep,
    /// Somebody wrote to the thread's state.
    Update,
    /// The thread goes on from an older checkpoint.
    Fork,
}

impl Source {
    /// Its name, as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Superstep => "superstep",
            Self::Update => "update",
            Self::Fork => "fork",
        }
    }

    /// The source of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Input, Self::Superstep, Self::Update, Self::Fork];
        all.into_iter().find(|source| source.as_str() == name)
    }
}

/// A checkpoint without the values of its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointRecord {
    /// Its number.
    pub id: CheckpointId,
    /// The one that it follows.
    pub parent: Option<CheckpointId>,
    /// The first checkpoint of its line: itself, unless its parent is the one
    /// before it.
    pub line: CheckpointId,
    /// Supersteps and inputs up to here along its line and the lines before.
    pub step: u64,
    /// By what it came about.
    pub source: Source,
    /// When, in milliseconds since 1970 began in UTC.
    pub created_at: i64,
    /// What is ready next and what it waits for, as JSON.
    pub body: String,
    /// Of all of that.
    pub checksum: u64,
}

impl CheckpointRecord {
    /// The same with the checksum it ought to have.
    pub(crate) fn sealed(mut self) -> Self {
        self.checksum = self.sum();
        self
    }

    /// Whether it is as it was written.
    pub(crate) fn is_whole(&self) -> bool {
        self.checksum == self.sum()
    }

    fn sum(&self) -> u64 {
        let mut sum = Checksum::new();
        sum.number(self.id.number());
        sum.number(self.parent.map_or(0, CheckpointId::number));
        sum.number(self.line.number());
        sum.number(self.step);
        sum.text(self.source.as_str());
        sum.number(self.created_at.cast_unsigned());
        sum.text(&self.body);
        sum.0
    }
}

/// How a field's record is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// It is the field's value.
    Value,
    /// It is joined to the value before: a list or a text at the end, an
    /// object's entries in place of those with the same keys.
    Extend,
}

impl FieldKind {
    /// Its name, as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Extend => "extend",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Value, Self::Extend];
        all.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// How a checkpoint changed one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldRecord {
    /// The field, by the name under which serde writes it.
    pub field: String,
    /// The checkpoint.
    pub checkpoint: CheckpointId,
    /// The checkpoint that holds the field's record before this one.
    pub previous: Option<CheckpointId>,
    /// How to read it.
    pub kind: FieldKind,
    /// The value, or what was added, as JSON.
    pub json: String,
    /// Of all of that.
    pub checksum: u64,
}

impl FieldRecord {
    pub(crate) fn sealed(mut self) -> Self {
        self.checksum = self.sum();
        self
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.checksum == self.sum()
    }

    fn sum(&self) -> u64 {
        let mut sum = Checksum::new();
        sum.text(&self.field);
        sum.number(self.checkpoint.number());
        sum.number(self.previous.map_or(0, CheckpointId::number));
        sum.text(self.kind.as_str());
        sum.text(&self.json);
        sum.0
    }
}

/// Something that a task left behind before its superstep ended.
///
/// There is one for each task and key of a checkpoint; a later one takes the
/// place of an earlier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRecord {
    /// The task, as `plan` or `review/2`, or the way to one inside a subgraph;
    /// empty for the superstep as a whole.
    pub task: String,
    /// What it is: `result`, `ask/NAME`, `answer/NAME`, `once/KEY`, `breakpoint`.
    pub key: String,
    /// The thing itself, as JSON; `None`, in a write, takes it away.
    pub json: Option<String>,
    /// Of all of that.
    pub checksum: u64,
}

impl EntryRecord {
    pub(crate) fn new(task: &str, key: &str, json: Option<String>) -> Self {
        let mut record = Self {
            task: task.to_owned(),
            key: key.to_owned(),
            json,
            checksum: 0,
        };
        record.checksum = record.sum();
        record
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.checksum == self.sum()
    }

    fn sum(&self) -> u64 {
        let mut sum = Checksum::new();
        sum.text(&self.task);
        sum.text(&self.key);
        sum.text(self.json.as_deref().unwrap_or_default());
        sum.0
    }
}

/// A checkpoint to be written, all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The checkpoint; the thread's head must be the one before its number.
    pub checkpoint: CheckpointRecord,
    /// The fields it changes, each once.
    pub fields: Vec<FieldRecord>,
    /// Entries that it begins with.
    pub entries: Vec<EntryRecord>,
    /// A checkpoint whose entries are over.
    pub drop_entries_of: Option<CheckpointId>,
    /// Whether the lease is given back with it.
    pub release: bool,
}

/// A checkpoint, and all that is needed to go on from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// The checkpoint.
    pub checkpoint: CheckpointRecord,
    /// For each field its newest value at the checkpoint, and what was added
    /// since: by field, then oldest first.
    pub fields: Vec<FieldRecord>,
    /// The checkpoint's entries, by task and key.
    pub entries: Vec<EntryRecord>,
}

/// FNV-1a (Fowler, Noll and Vo) with 64 bits, of words of eight bytes in place
/// of bytes: a change within one word is never missed.
struct Checksum(u64);

impl Checksum {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn number(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x0100_0000_01b3);
    }

    /// Text, and how long it is: what follows cannot be taken for its end.
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        let (words, rest) = text.as_bytes().as_chunks();
        for word in words {
            self.number(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.number(u64::from_le_bytes(last));
    }
}
