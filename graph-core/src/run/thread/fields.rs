//! Which records a checkpoint writes of the fields: bytes follow what changed.
//!
//! 1. A field that was written is one record: its new value, or, if its reducer
//!    says that this is enough, what was added to it.
//! 2. What was added since a field's last value is weighed when it has doubled:
//!    if the field's value is much less by then, the value is written.
//! 3. What serde writes under a name that is no field's is written when it is
//!    no longer what it was.

use std::collections::{BTreeMap, BTreeSet};

use serde::ser::Error as _;
use serde_json::value::RawValue;

use super::join::{join_all, shape};
use super::read::{plain, read_alone};
use crate::checkpoint::{FieldKind, FieldRecord};
use crate::id::CheckpointId;
use crate::node::has_null;
use crate::state::{FieldSchema, State, Update, WriteKind, in_order_of, pick};

/// What a record costs beside its text, roughly, in bytes.
const OVERHEAD: usize = 64;

/// Less than this, added to a field, is not looked at.
const LITTLE: usize = 16 * 1024;

/// The fields that were written since the last checkpoint.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// All of them, known or not.
    all: bool,
    values: BTreeSet<usize>,
    /// What was added to it, in order.
    added: BTreeMap<usize, Vec<String>>,
}

impl Changes {
    /// Everything is to be written.
    pub(super) fn all() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    pub(super) fn are_all(&self) -> bool {
        self.all
    }

    pub(super) fn value(&mut self, field: usize) {
        self.added.remove(&field);
        self.values.insert(field);
    }

    /// Notes what an update is going to write.
    pub(super) fn note<U: Update>(
        &mut self,
        fields: &[FieldSchema],
        update: &U,
    ) -> serde_json::Result<()> {
        if self.all {
            return Ok(());
        }
        let mut added: BTreeSet<usize> = BTreeSet::new();
        update.writes(&mut |field, kind| {
            if fields[field].extends && kind == WriteKind::Reduce && !self.values.contains(&field) {
                added.insert(field);
            } else {
                self.value(field);
            }
        });
        if added.is_empty() {
            return Ok(());
        }
        let field_of = |key: &str| {
            let several = key.strip_prefix("each_");
            added.iter().copied().find_map(|field| {
                let name = fields[field].name;
                (name == key)
                    .then_some((field, false))
                    .or_else(|| (several == Some(name)).then_some((field, true)))
            })
        };
        let picked = pick(update, &mut |key| field_of(key).is_some())?;
        for (key, json) in picked {
            let Some((field, several)) = field_of(&key) else {
                continue;
            };
            let parts = if several {
                let parts: Vec<&RawValue> = serde_json::from_str(&json)?;
                parts.iter().map(|part| part.get().to_owned()).collect()
            } else {
                vec![json]
            };
            self.added.entry(field).or_default().extend(parts);
        }
        Ok(())
    }
}

/// What has been written of each field along the thread's line, by the name
/// under which serde writes it.
#[derive(Debug, Default, Clone)]
pub(super) struct FieldLogs(BTreeMap<String, FieldLog>);

#[derive(Debug, Clone)]
struct FieldLog {
    /// Which checkpoint holds its newest record.
    last: CheckpointId,
    /// What its value begins with.
    shape: Option<u8>,
    /// The weight of its newest value, and of what was added since.
    value: usize,
    added: usize,
    /// When to weigh it again.
    weigh_at: usize,
    /// The newest value itself, where names do not tell when it changes.
    same: Option<String>,
}

impl FieldLogs {
    /// The fields that have records, by name, and how many checkpoints before
    /// `at` the newest of each is.
    pub(super) fn ages(&self, at: CheckpointId) -> impl ExactSizeIterator<Item = (&str, u64)> {
        let age = move |log: &FieldLog| at.number().wrapping_sub(log.last.number());
        self.0.iter().map(move |(field, log)| (&**field, age(log)))
    }

    /// Whether there are fields with values that the state would not write: it
    /// has them no more, or under another name.
    pub(super) fn has_foreign<S: State>(&self, state: &S) -> serde_json::Result<bool> {
        let mut own = BTreeSet::new();
        pick(state, &mut |key| {
            own.insert(key.to_owned());
            false
        })?;
        let known = |field: &str| own.contains(field) || S::schema().has_key(field);
        let mut held = self.0.iter().filter(|(_, log)| log.value > OVERHEAD);
        Ok(held.any(|(field, _)| !known(field)))
    }

    pub(super) fn last(&self, field: &str) -> Option<CheckpointId> {
        self.0.get(field).map(|log| log.last)
    }

    /// Takes in a record that was written, or read in its order.
    pub(super) fn take_in(&mut self, field: &str, record: &FieldRecord, known: bool) {
        let weight = record.json.len() + OVERHEAD;
        match (record.kind, self.0.get_mut(field)) {
            (FieldKind::Extend, Some(log)) => {
                log.last = record.checkpoint;
                log.added += weight;
            }
            _ => {
                let log = FieldLog {
                    last: record.checkpoint,
                    shape: shape(&record.json),
                    value: weight,
                    added: 0,
                    weigh_at: weight.max(LITTLE),
                    same: (!known).then(|| record.json.clone()),
                };
                self.0.insert(field.to_owned(), log);
            }
        }
    }

    /// The newest record of the field is that of checkpoint `at`.
    pub(super) fn is_at(&mut self, field: &str, at: CheckpointId) {
        if let Some(log) = self.0.get_mut(field) {
            log.last = at;
        }
    }

    /// The records that checkpoint `id` writes of the state, sealed and taken
    /// in.
    pub(super) fn records<S: State>(
        &mut self,
        id: CheckpointId,
        state: &S,
        changes: Changes,
    ) -> serde_json::Result<Vec<FieldRecord>> {
        let fields = S::schema().fields;
        let known = |key: &str| fields.iter().position(|field| field.key == key);
        let Changes {
            all,
            values: mut wanted,
            added: parts,
        } = changes;
        let added = joined(parts, &mut wanted);
        wanted.extend(added.iter().filter_map(|(&field, part)| {
            self.wants_value(fields[field].key, part).then_some(field)
        }));
        let picked = pick(state, &mut |key| match known(key) {
            Some(field) => all || wanted.contains(&field),
            None => true,
        })?;
        let mut records = Vec::new();
        let mut present = BTreeSet::new();
        for (key, json) in picked {
            present.insert(key.clone());
            let field = known(&key);
            let json = match field {
                Some(field) => ordered(&fields[field], json)?,
                None => json,
            };
            let kept = field.and_then(|field| added.get(&field));
            if let Some(part) = kept
                && self.stays_log(&key, part, &json)
            {
                let part = ordered(&fields[field.unwrap_or_default()], part.clone())?;
                records.push(self.record(id, &key, FieldKind::Extend, part, true));
            } else if field.is_some() || self.is_news(&key, &json) {
                records.push(self.record(id, &key, FieldKind::Value, json, field.is_some()));
            }
        }
        for (&field, part) in added.iter().filter(|(field, _)| !wanted.contains(*field)) {
            let part = ordered(&fields[field], part.clone())?;
            records.push(self.record(id, fields[field].key, FieldKind::Extend, part, true));
        }
        // What serde left out, of what it was asked for, has no value any more.
        let asked = |key: &str| known(key).is_none_or(|field| all || wanted.contains(&field));
        let has_value = |log: &FieldLog| log.value > OVERHEAD;
        let gone = self
            .0
            .iter()
            .filter(|(key, log)| has_value(log) && asked(key) && !present.contains(*key));
        let gone: Vec<String> = gone.map(|(key, _)| key.clone()).collect();
        for key in gone {
            records.push(self.record(id, &key, FieldKind::Value, String::new(), true));
        }
        records.sort_by(|a, b| a.field.cmp(&b.field));
        records.iter().try_for_each(|record| check(record, state))?;
        Ok(records)
    }

    fn record(
        &mut self,
        id: CheckpointId,
        field: &str,
        kind: FieldKind,
        json: String,
        known: bool,
    ) -> FieldRecord {
        let record = FieldRecord {
            field: field.to_owned(),
            checkpoint: id,
            previous: self.last(field),
            kind,
            json,
            checksum: 0,
        };
        let record = record.sealed();
        self.take_in(field, &record, known);
        record
    }

    /// Whether a field's value has to be seen before something is added.
    fn wants_value(&self, field: &str, part: &str) -> bool {
        self.0.get(field).is_none_or(|log| {
            log.shape != shape(part) || log.added + part.len() + OVERHEAD > log.weigh_at
        })
    }

    /// Whether to go on adding, now that the field's value is known.
    fn stays_log(&mut self, field: &str, part: &str, value: &str) -> bool {
        let Some(log) = self.0.get_mut(field) else {
            return false;
        };
        let weight = log.value + log.added + part.len() + OVERHEAD;
        let stays = log.shape == shape(part) && weight <= 2 * (value.len() + OVERHEAD).max(LITTLE);
        if stays {
            log.weigh_at = 2 * (log.added + part.len() + OVERHEAD);
        }
        stays
    }

    fn is_news(&self, key: &str, json: &str) -> bool {
        let log = self.0.get(key);
        log.is_none_or(|log| log.same.as_deref() != Some(json))
    }
}

/// What was added to each field as one text; what cannot be one is `wanted`.
fn joined(
    parts: BTreeMap<usize, Vec<String>>,
    wanted: &mut BTreeSet<usize>,
) -> BTreeMap<usize, String> {
    let mut added = BTreeMap::new();
    for (field, parts) in parts {
        match join_all(parts.iter().map(String::as_str)) {
            Some(part) => drop(added.insert(field, part)),
            None => drop(wanted.insert(field)),
        }
    }
    added
}

/// What is written can be read: a float that is not finite is written as `null`.
fn check<S: State>(record: &FieldRecord, state: &S) -> serde_json::Result<()> {
    if !has_null(&record.json) {
        return Ok(());
    }
    let others = || pick(state, &mut |_| true).unwrap_or_default();
    read_alone::<S>(&record.field, &record.json, others).map_err(|error| {
        serde_json::Error::custom(format_args!(
            "field `{}` could not be read again ({}): a float that is not finite is written as \
             `null`",
            record.field,
            plain(&error),
        ))
    })
}

/// Hash sets and maps in order, so that equal values are equal texts.
fn ordered(field: &FieldSchema, json: String) -> serde_json::Result<String> {
    if !field.type_name.contains("Hash") {
        return Ok(json);
    }
    let value: serde_json::Value = serde_json::from_str(&json)?;
    // A number that is too great for it would not come out as it went in.
    if value.to_string().len() != json.len() {
        return Ok(json);
    }
    Ok(in_order_of(field.type_name, value).to_string())
}
