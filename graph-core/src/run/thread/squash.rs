//! Two checkpoints as one, where only the last of a run is written.

use std::collections::BTreeMap;

use super::join::{each_key_once, join, shape};
use crate::checkpoint::{Commit, FieldKind, FieldRecord};

/// What there is to write, once it is [`tidied`], if `pending` was not written yet and `newer`, which
/// follows it under the same number, takes its place.
pub(super) fn squash(pending: Commit, newer: Commit) -> Commit {
    let mut fields: BTreeMap<String, FieldRecord> = pending
        .fields
        .into_iter()
        .map(|record| (record.field.clone(), record))
        .collect();
    for record in newer.fields {
        let name = record.field.clone();
        let squashed = match fields.remove(&name) {
            Some(mut before) if record.kind == FieldKind::Extend => {
                let joined = join(&mut before.json, &record.json);
                debug_assert!(joined, "a field is only extended by what fits it");
                before
            }
            Some(before) => FieldRecord {
                previous: before.previous,
                ..record
            },
            None => record,
        };
        fields.insert(name, squashed);
    }
    let mut checkpoint = newer.checkpoint;
    checkpoint.parent = pending.checkpoint.parent;
    checkpoint.line = pending.checkpoint.line;
    Commit {
        checkpoint,
        fields: fields.into_values().collect(),
        entries: newer.entries,
        drop_entries_of: pending.drop_entries_of,
        release: newer.release,
    }
}

/// The same as it is to be written: sealed, and each key of an object once.
pub(super) fn tidied(mut commit: Commit) -> Commit {
    let fields = commit.fields.into_iter().map(|mut record| {
        if shape(&record.json) == Some(b'{')
            && let Some(json) = each_key_once(&record.json)
        {
            record.json = json;
        }
        record.sealed()
    });
    commit.fields = fields.collect();
    commit.checkpoint = commit.checkpoint.sealed();
    commit
}
