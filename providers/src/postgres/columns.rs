//! Records as columns: a statement takes any number of them as one array each.

use std::borrow::Cow;
use std::collections::BTreeMap;

use superstep_core::{EntryRecord, FieldRecord};

use super::rows::number;
use super::text::written;

/// Fields' records.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) field: Vec<Cow<'a, str>>,
    pub(super) previous: Vec<Option<i64>>,
    pub(super) kind: Vec<&'static str>,
    pub(super) json: Vec<Cow<'a, str>>,
    pub(super) checksum: Vec<i64>,
}

/// Entries to be put, and the tasks and keys of those to be taken away.
#[derive(Default)]
pub(super) struct Entries<'a> {
    pub(super) task: Vec<Cow<'a, str>>,
    pub(super) key: Vec<Cow<'a, str>>,
    pub(super) json: Vec<Cow<'a, str>>,
    pub(super) checksum: Vec<i64>,
    pub(super) gone_task: Vec<Cow<'a, str>>,
    pub(super) gone_key: Vec<Cow<'a, str>>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(records: &'a [FieldRecord]) -> Self {
        let mut columns = Self::default();
        for record in records {
            columns.field.push(written(&record.field));
            columns.previous.push(record.previous.map(number));
            columns.kind.push(record.kind.as_str());
            columns.json.push(written(&record.json));
            columns.checksum.push(record.checksum.cast_signed());
        }
        columns
    }
}

impl<'a> Entries<'a> {
    /// Of a task and key that come several times, the last counts: a statement
    /// touches a row once.
    pub(super) fn of(records: &'a [EntryRecord]) -> Self {
        let mut last = BTreeMap::new();
        for record in records {
            last.insert((&record.task, &record.key), record);
        }
        let mut columns = Self::default();
        for ((task, key), record) in last {
            let (task, key) = (written(task), written(key));
            match &record.json {
                Some(json) => {
                    columns.task.push(task);
                    columns.key.push(key);
                    columns.json.push(written(json));
                    columns.checksum.push(record.checksum.cast_signed());
                }
                None => {
                    columns.gone_task.push(task);
                    columns.gone_key.push(key);
                }
            }
        }
        columns
    }
}
