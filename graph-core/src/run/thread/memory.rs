//! What graphs that are nodes remember of a thread.
//!
//! 1. A memory is known by the names of the nodes on the way to its graph:
//!    `review/section`.
//! 2. A checkpoint holds it as it holds the thread's state, field by field, in
//!    records of its own: `@review/section//notes` is its field `notes`.
//! 3. What a call has changed of it goes with the result of its task, and counts
//!    where that does: later calls see it once the superstep of the task is
//!    settled, and it is written when the thread's superstep is.
//! 4. A call takes the state out, so that nothing is copied. Where the run can go
//!    on after a call that came to nothing, it begins from a copy.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::fields::FieldLogs;
use super::join::join_all;
use super::paths;
use super::read::Written;
use crate::checkpoint::{FieldKind, FieldRecord, MemoryBody};
use crate::id::CheckpointId;
use crate::node::Memory;

/// The name of a field's record: of the thread's own state, or of what `of`
/// remembers.
pub(super) fn record_of(of: Option<&str>, field: &str) -> String {
    match of {
        None => field.to_owned(),
        Some(of) => format!("@{of}//{field}"),
    }
}

/// The field of a record, if it is of what `of` remembers.
pub(super) fn field_of<'f>(of: &str, record: &'f str) -> Option<&'f str> {
    record
        .strip_prefix('@')?
        .strip_prefix(of)?
        .strip_prefix("//")
}

/// The memories of a thread.
pub(in crate::run) struct Memories {
    /// Those that its graph has.
    known: Vec<Memory>,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    kept: Kept,
    /// What tasks have ended with, by their paths, until their supersteps are
    /// settled.
    ended: BTreeMap<String, Changed>,
}

/// Memories as the last checkpoint has them.
#[derive(Default)]
pub(super) struct Kept {
    at: Option<CheckpointId>,
    by_name: BTreeMap<String, KeptMemory>,
}

struct KeptMemory {
    version: u32,
    /// The ephemeral fields that hold something.
    held: Vec<String>,
    logs: FieldLogs,
    value: Value,
    /// What was changed since, oldest first, where `value` does not have it.
    since: Vec<Parts>,
}

/// What is there of a memory.
pub(super) enum Value {
    Nothing,
    Live(Live),
    Read(Read),
    /// A call has it.
    Taken,
}

/// A state in memory, in an `Arc` of its own type.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) state: Arc<dyn Any + Send + Sync>,
    pub(super) logs: FieldLogs,
}

/// Records as they were read.
#[derive(Clone)]
pub(super) struct Read {
    /// The name under which they were written.
    pub(super) of: String,
    pub(super) at: CheckpointId,
    pub(super) version: u32,
    pub(super) ages: Vec<u64>,
    pub(super) records: Vec<FieldRecord>,
}

/// What was changed of fields, by their names.
pub(super) type Parts = BTreeMap<String, Part>;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) kind: FieldKind,
    pub(super) json: String,
}

/// What calls have changed, by the names of the memories.
pub(super) type Changed = BTreeMap<String, Change>;

/// What calls have changed of a memory.
#[derive(Serialize, Deserialize)]
pub(super) struct Change {
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(super) version: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) held: Vec<String>,
    pub(super) fields: Parts,
    /// Whether that is all there is.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) whole: bool,
    /// What it has become, unless this was read.
    #[serde(skip)]
    pub(super) live: Option<Live>,
}

fn is_false(it: &bool) -> bool {
    !it
}

fn one() -> u32 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_one(number: &u32) -> bool {
    *number == 1
}

/// From what a call begins.
pub(super) struct Found {
    pub(super) value: Value,
    /// What was changed since, oldest first.
    pub(super) since: Vec<Parts>,
    /// The version of the state after that, and what it holds.
    pub(super) version: u32,
    pub(super) held: Vec<String>,
    pub(super) at: CheckpointId,
    /// Whether it was written under a name that the graph has no more.
    pub(super) renamed: bool,
}

impl Memories {
    pub(super) fn new(known: &[Memory]) -> Self {
        Self {
            known: known.to_vec(),
            now: Mutex::default(),
        }
    }

    /// Those that a checkpoint holds, to be looked at.
    pub(super) fn of_checkpoint(
        known: &[Memory],
        at: CheckpointId,
        bodies: &[MemoryBody],
        fields: &[FieldRecord],
    ) -> Self {
        let memories = Self::new(known);
        let is_own = |record: &&FieldRecord| {
            let mut bodies = bodies.iter();
            bodies.any(|body| field_of(&body.of, &record.field).is_some())
        };
        let mut own: Vec<FieldRecord> = fields.iter().filter(is_own).cloned().collect();
        memories.load(at, bodies, &mut own);
        memories
    }

    /// Whether any graph of the run remembers something.
    pub(super) fn any(&self) -> bool {
        !self.known.is_empty()
    }

    /// Whether a run can go on after a call that came to nothing.
    pub(super) fn is_retried(&self, name: &str) -> bool {
        let known = self.known.iter().find(|memory| memory.path == name);
        known.is_some_and(|memory| memory.retried)
    }

    /// Takes in what a checkpoint holds; the records are taken out of `fields`.
    pub(super) fn load(
        &self,
        at: CheckpointId,
        bodies: &[MemoryBody],
        fields: &mut Vec<FieldRecord>,
    ) {
        let by_name = bodies.iter().map(|body| {
            let own = fields.extract_if(.., |record| field_of(&body.of, &record.field).is_some());
            let read = Read {
                of: body.of.clone(),
                at,
                version: body.version,
                ages: body.fields.clone(),
                records: own.collect(),
            };
            (body.of.clone(), KeptMemory::read(read, body.held.clone()))
        });
        let by_name = by_name.collect();
        self.restore(Kept {
            at: Some(at),
            by_name,
        });
    }

    /// The memories as they are, for [`restore`](Self::restore).
    pub(super) fn take(&self) -> Kept {
        std::mem::take(&mut self.now.lock().kept)
    }

    pub(super) fn restore(&self, kept: Kept) {
        let now = Now {
            kept,
            ..Now::default()
        };
        let before = std::mem::replace(&mut *self.now.lock(), now);
        // Outside the lock: what is dropped may want it.
        drop(before);
    }

    /// The task begins anew: what is there of an earlier attempt does not count.
    pub(super) fn begin(&self, path: &str) {
        let mut now = self.now.lock();
        let inside = format!("{path}/");
        let stale = |task: &String| task == path || task.starts_with(&inside);
        let stale: Vec<String> = now
            .ended
            .keys()
            .filter(|task| stale(task))
            .cloned()
            .collect();
        let before: Vec<Changed> = stale
            .iter()
            .filter_map(|task| now.ended.remove(task))
            .collect();
        drop(now);
        drop(before);
    }

    /// A task has ended, and this is what is to be remembered.
    pub(super) fn end(&self, path: &str, changed: Changed) {
        self.now.lock().ended.insert(path.to_owned(), changed);
    }

    /// What goes with the result of a task.
    pub(super) fn written(&self, task: &str) -> serde_json::Result<Option<Box<RawValue>>> {
        if !self.any() {
            return Ok(None);
        }
        let now = self.now.lock();
        let changed = now.ended.get(&paths::graph_of(task));
        let json = changed.map(serde_json::to_string).transpose()?;
        json.map(RawValue::from_string).transpose()
    }

    /// What a task that has succeeded leaves: as it has in this run, or else as its
    /// result says.
    pub(super) fn left(&self, task: &str, result: Option<&str>) -> serde_json::Result<Changed> {
        let ended = self.now.lock().ended.remove(&paths::graph_of(task));
        match (ended, result) {
            (Some(changed), _) => Ok(changed),
            (None, Some(json)) => self.read(json),
            (None, None) => Ok(Changed::new()),
        }
    }

    /// What a result says that is to be remembered, by the names that memories
    /// have now.
    pub(super) fn read(&self, result: &str) -> serde_json::Result<Changed> {
        #[derive(Deserialize)]
        struct Result {
            #[serde(default)]
            memories: Changed,
        }
        let Result { memories } = serde_json::from_str(result)?;
        let memories = memories.into_iter();
        Ok(memories
            .map(|(name, change)| (self.name_now(&name), change))
            .collect())
    }

    fn name_now(&self, name: &str) -> String {
        let had = |memory: &&Memory| memory.formerly.iter().any(|before| before == name);
        match self.known.iter().any(|memory| memory.path == name) {
            true => name.to_owned(),
            false => self
                .known
                .iter()
                .find(had)
                .map_or(name, |memory| &memory.path)
                .to_owned(),
        }
    }

    /// What the last checkpoint has of a memory, for a call of its graph.
    pub(super) fn find(&self, name: &str) -> Found {
        self.found(name, self.is_retried(name))
    }

    /// The same for who only looks at it.
    pub(super) fn look(&self, name: &str) -> Found {
        self.found(name, true)
    }

    fn found(&self, name: &str, stays: bool) -> Found {
        let mut now = self.now.lock();
        let Kept { at, by_name } = &mut now.kept;
        let at = at.unwrap_or(CheckpointId::from(0));
        let written = self.written_as(name, by_name);
        let Some(kept) = by_name.get_mut(&written) else {
            return Found::of(Value::Nothing, at);
        };
        let value = match stays {
            true => kept.value.copied(),
            false => std::mem::replace(&mut kept.value, Value::Taken),
        };
        Found {
            value,
            since: kept.since.clone(),
            version: kept.version,
            held: kept.held.clone(),
            at,
            renamed: written != name,
        }
    }

    /// Under which name a memory is kept: its own, or one that it had before.
    fn written_as(&self, name: &str, by_name: &BTreeMap<String, KeptMemory>) -> String {
        let known = self.known.iter().find(|memory| memory.path == name);
        let formerly = known.into_iter().flat_map(|memory| &memory.formerly);
        let mut names = std::iter::once(name).chain(formerly.map(String::as_str));
        let written = names.find(|name| by_name.contains_key(*name));
        written.unwrap_or(name).to_owned()
    }

    /// Takes in what a superstep of the thread has changed: the records of
    /// checkpoint `id`, and what it says of memories.
    pub(super) fn commit(
        &self,
        id: CheckpointId,
        changed: Changed,
    ) -> (Vec<FieldRecord>, Vec<MemoryBody>) {
        let mut now = self.now.lock();
        let Kept { at, by_name } = &mut now.kept;
        *at = Some(id);
        let (mut records, mut before) = (Vec::new(), Vec::new());
        for (name, change) in changed {
            // Under a new name all of it is written, or nothing yet.
            let name = match change.whole {
                true => name,
                false => self.written_as(&name, by_name),
            };
            let kept = by_name
                .entry(name.clone())
                .or_insert_with(KeptMemory::nothing);
            before.extend(kept.take_in(&name, id, change, &mut records));
        }
        let bodies = by_name.iter().map(|(name, kept)| MemoryBody {
            of: name.clone(),
            version: kept.version,
            fields: kept.logs.ages(id).map(|(_, age)| age).collect(),
            held: kept.held.clone(),
        });
        let bodies = bodies.collect();
        drop(now);
        drop(before);
        (records, bodies)
    }
}

impl KeptMemory {
    fn nothing() -> Self {
        Self {
            version: 1,
            held: Vec::new(),
            logs: FieldLogs::default(),
            value: Value::Nothing,
            since: Vec::new(),
        }
    }

    fn read(read: Read, held: Vec<String>) -> Self {
        let mut logs = FieldLogs::default();
        for record in &read.records {
            if let Some(field) = field_of(&read.of, &record.field) {
                logs.take_in(field, record, true);
            }
        }
        Self {
            version: read.version,
            held,
            logs,
            value: Value::Read(read),
            since: Vec::new(),
        }
    }

    /// Takes in what was changed; returns the state that was there.
    fn take_in(
        &mut self,
        name: &str,
        id: CheckpointId,
        change: Change,
        records: &mut Vec<FieldRecord>,
    ) -> Option<Value> {
        let Change {
            version,
            held,
            fields,
            live,
            ..
        } = change;
        for (field, part) in &fields {
            let record = FieldRecord {
                field: record_of(Some(name), field),
                checkpoint: id,
                previous: self.logs.last(field),
                kind: part.kind,
                json: part.json.clone(),
                checksum: 0,
            };
            let record = record.sealed();
            self.logs.take_in(field, &record, true);
            records.push(record);
        }
        self.version = version;
        self.held = held;
        let Some(mut live) = live else {
            self.since.push(fields);
            return None;
        };
        for field in fields.keys() {
            live.logs.is_at(field, id);
        }
        self.logs = live.logs.clone();
        self.since.clear();
        Some(std::mem::replace(&mut self.value, Value::Live(live)))
    }
}

impl Value {
    fn copied(&self) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Live(live) => Self::Live(live.clone()),
            Self::Read(read) => Self::Read(read.clone()),
            Self::Taken => Self::Taken,
        }
    }
}

impl Found {
    fn of(value: Value, at: CheckpointId) -> Self {
        Self {
            value,
            since: Vec::new(),
            version: 1,
            held: Vec::new(),
            at,
            renamed: false,
        }
    }

    pub(super) fn live(live: Live) -> Self {
        Self::of(Value::Live(live), CheckpointId::from(0))
    }
}

impl Read {
    pub(super) fn written(&self) -> Written<'_> {
        Written {
            at: self.at,
            of: Some(&self.of),
            version: self.version,
            ages: &self.ages,
            records: &self.records,
            others: &[],
        }
    }
}

impl Change {
    /// The same, and then `later`.
    pub(super) fn then(&mut self, later: Self) {
        self.version = later.version;
        self.held = later.held;
        self.live = later.live;
        self.whole |= later.whole;
        for (field, part) in later.fields {
            apply(&mut self.fields, field, part);
        }
    }
}

/// Adds what was changed of a field to what was changed of it before.
fn apply(parts: &mut Parts, field: String, part: Part) {
    if let Some(before) = parts.get_mut(&field)
        && part.kind == FieldKind::Extend
        && let Some(json) = join_all([&*before.json, &*part.json].into_iter())
    {
        before.json = json;
        return;
    }
    debug_assert!(
        part.kind == FieldKind::Value || !parts.contains_key(&field),
        "a field is only extended by what fits it"
    );
    parts.insert(field, part);
}

/// Adds what is changed later to what was changed before.
pub(super) fn add(changed: &mut Changed, later: Changed) {
    for (name, change) in later {
        match changed.get_mut(&name) {
            Some(before) => before.then(change),
            None => drop(changed.insert(name, change)),
        }
    }
}
