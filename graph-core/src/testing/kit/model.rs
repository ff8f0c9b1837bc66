//! A thread as the rules say it must be: makes what is written, and says what
//! must then be read.

use std::collections::BTreeMap;

use crate::checkpoint::{
    CheckpointRecord, Commit, EntryRecord, FieldKind, FieldRecord, Loaded, Source,
};
use crate::id::CheckpointId;

/// How a checkpoint changes a field.
#[derive(Debug, Clone)]
pub(super) struct Change {
    field: String,
    kind: FieldKind,
    json: String,
}

/// The field's value.
pub(super) fn set(field: &str, json: impl ToString) -> Change {
    Change {
        field: field.to_owned(),
        kind: FieldKind::Value,
        json: json.to_string(),
    }
}

/// What is added to the field.
pub(super) fn add(field: &str, json: impl ToString) -> Change {
    Change {
        field: field.to_owned(),
        kind: FieldKind::Extend,
        json: json.to_string(),
    }
}

/// An entry with that JSON.
pub(super) fn entry(task: &str, key: &str, json: impl ToString) -> EntryRecord {
    EntryRecord::new(task, key, Some(json.to_string()))
}

/// What takes an entry away.
pub(super) fn no_entry(task: &str, key: &str) -> EntryRecord {
    EntryRecord::new(task, key, None)
}

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    checkpoints: Vec<CheckpointRecord>,
    fields: Vec<FieldRecord>,
    entries: BTreeMap<(CheckpointId, String, String), EntryRecord>,
}

impl Model {
    pub(super) fn n_checkpoints(&self) -> u64 {
        self.checkpoints.len() as u64
    }

    /// A checkpoint that follows the head.
    pub(super) fn step(&self, changes: &[Change]) -> Commit {
        self.fork(self.head_id().map(CheckpointId::number), changes)
    }

    /// A checkpoint that follows that one.
    pub(super) fn fork(&self, parent: Option<u64>, changes: &[Change]) -> Commit {
        let id = CheckpointId::after(self.head_id());
        let parent = parent.map(CheckpointId::from);
        let goes_on = parent.filter(|_| parent == self.head_id());
        let line = goes_on.map_or(id, |parent| self.checkpoint(parent).line);
        let checkpoint = CheckpointRecord {
            id,
            parent,
            line,
            step: parent.map_or(0, |parent| self.checkpoint(parent).step) + 1,
            source: Source::Superstep,
            created_at: 1_764_000_000_000 + id.number().cast_signed(),
            // Not even tidying changes it: one case is enough to tell.
            body: format!("[{id}]"),
            checksum: 0,
        };
        Commit {
            checkpoint: checkpoint.sealed(),
            fields: changes
                .iter()
                .map(|change| self.record(id, parent, change))
                .collect(),
            entries: Vec::new(),
            drop_entries_of: None,
            release: false,
        }
    }

    fn record(
        &self,
        id: CheckpointId,
        parent: Option<CheckpointId>,
        change: &Change,
    ) -> FieldRecord {
        let mut before = self.way(parent).into_iter();
        let record = FieldRecord {
            field: change.field.clone(),
            checkpoint: id,
            previous: before.find(|&id| self.change(id, &change.field).is_some()),
            kind: change.kind,
            json: change.json.clone(),
            checksum: 0,
        };
        record.sealed()
    }

    /// Does what the store is to do.
    pub(super) fn commit(&mut self, commit: &Commit) {
        let id = commit.checkpoint.id;
        self.checkpoints.push(commit.checkpoint.clone());
        self.fields.extend(commit.fields.iter().cloned());
        self.entries
            .retain(|(of, ..), _| Some(*of) != commit.drop_entries_of);
        self.put(id.number(), &commit.entries);
    }

    pub(super) fn put(&mut self, checkpoint: u64, entries: &[EntryRecord]) {
        let checkpoint = CheckpointId::from(checkpoint);
        for entry in entries {
            let key = (checkpoint, entry.task.clone(), entry.key.clone());
            match entry.json {
                Some(_) => self.entries.insert(key, entry.clone()),
                None => self.entries.remove(&key),
            };
        }
    }

    pub(super) fn head(&self) -> Option<Loaded> {
        self.loaded(self.head_id()?.number())
    }

    pub(super) fn loaded(&self, checkpoint: u64) -> Option<Loaded> {
        let id = CheckpointId::from(checkpoint);
        let checkpoint = self.checkpoints.iter().find(|record| record.id == id)?;
        let mut names: Vec<&String> = self.fields.iter().map(|record| &record.field).collect();
        names.sort();
        names.dedup();
        let way = self.way(Some(id));
        let fields = names.into_iter().flat_map(|name| self.field(&way, name));
        Some(Loaded {
            checkpoint: checkpoint.clone(),
            fields: fields.collect(),
            entries: self
                .entries
                .iter()
                .filter(|((of, ..), _)| *of == id)
                .map(|(_, entry)| entry.clone())
                .collect(),
        })
    }

    /// All checkpoints, newest first.
    pub(super) fn listed(&self) -> Vec<CheckpointRecord> {
        self.checkpoints.iter().rev().cloned().collect()
    }

    pub(super) fn changes(&self, checkpoint: u64) -> Vec<FieldRecord> {
        let id = CheckpointId::from(checkpoint);
        let changes = self.fields.iter().filter(|record| record.checkpoint == id);
        let mut changes: Vec<_> = changes.cloned().collect();
        changes.sort_by(|a, b| a.field.cmp(&b.field));
        changes
    }

    fn head_id(&self) -> Option<CheckpointId> {
        self.checkpoints.last().map(|record| record.id)
    }

    fn checkpoint(&self, id: CheckpointId) -> &CheckpointRecord {
        let record = self.checkpoints.iter().find(|record| record.id == id);
        record.expect("cases name checkpoints that they made")
    }

    fn change(&self, id: CheckpointId, field: &str) -> Option<&FieldRecord> {
        let mut changes = self.fields.iter();
        changes.find(|record| record.checkpoint == id && record.field == field)
    }

    /// The checkpoint and those before it, from parent to parent: rule 3 knows
    /// lines, which must come to the same.
    fn way(&self, from: Option<CheckpointId>) -> Vec<CheckpointId> {
        let mut way = Vec::new();
        let mut next = from;
        while let Some(id) = next {
            way.push(id);
            next = self.checkpoint(id).parent;
        }
        way
    }

    /// The field's newest value on the way, and what was added since.
    fn field(&self, way: &[CheckpointId], name: &str) -> Vec<FieldRecord> {
        let mut found = Vec::new();
        for record in way.iter().filter_map(|&id| self.change(id, name)) {
            found.push(record.clone());
            if record.kind == FieldKind::Value {
                break;
            }
        }
        found.reverse();
        found
    }
}
