//! The writes of a superstep, in task order, into the next state. Plain
//! functions of the state and the updates.

use std::any::Any;

use fixedbitset::FixedBitSet;

use crate::state::{FieldSchema, Update, WriteKind};

/// Two tasks that wrote a field which takes one writer a superstep.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) field: usize,
    /// What is true of both: who overwrites a field has written it.
    pub(crate) kind: WriteKind,
    pub(crate) first: usize,
    pub(crate) second: usize,
}

/// The first conflict among the updates of a superstep, each with the number
/// of its task, in task order.
///
/// A field has one writer if its reducer says so, and one overwriter always.
pub(crate) fn conflict<'u, U: Update>(
    fields: &[FieldSchema],
    updates: impl Iterator<Item = (usize, &'u U)>,
) -> Option<Conflict> {
    let mut writers: Vec<Option<(usize, WriteKind)>> = vec![None; fields.len()];
    let mut found = None;
    for (task, update) in updates {
        update.writes(&mut |field, kind| {
            let exclusive = fields[field].single_writer || kind == WriteKind::Overwrite;
            if !exclusive {
                return;
            }
            match writers[field] {
                None => writers[field] = Some((task, kind)),
                Some((first, before)) if found.is_none() => {
                    found = Some(Conflict {
                        field,
                        kind: if kind == before {
                            kind
                        } else {
                            WriteKind::Reduce
                        },
                        first,
                        second: task,
                    });
                }
                Some(_) => {}
            }
        });
        if found.is_some() {
            break;
        }
    }
    found
}

/// The text of a panic, as far as it has one.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a value that is no text").to_owned()
}

/// The ephemeral fields of a state, and which of them hold something.
#[derive(Debug, Clone)]
pub(crate) struct Ephemerals {
    fields: Vec<usize>,
    held: FixedBitSet,
}

impl Ephemerals {
    pub(crate) fn new(fields: &[FieldSchema]) -> Self {
        let ephemeral = |(index, field): (usize, &FieldSchema)| field.ephemeral.then_some(index);
        Self {
            fields: fields.iter().enumerate().filter_map(ephemeral).collect(),
            held: FixedBitSet::with_capacity(fields.len()),
        }
    }

    /// Whether the state has any.
    pub(crate) fn any(&self) -> bool {
        !self.fields.is_empty()
    }

    /// Says that these fields, by name, hold something.
    pub(crate) fn hold(&mut self, fields: &[FieldSchema], names: &[String]) {
        self.held.clear();
        for &field in &self.fields {
            let held = names.iter().any(|name| name == fields[field].name);
            self.held.set(field, held);
        }
    }

    /// Notes that these fields were written, apart from a superstep.
    pub(crate) fn note(&mut self, written: &FixedBitSet) {
        for &field in &self.fields {
            if written.contains(field) {
                self.held.insert(field);
            }
        }
    }

    /// The fields that hold something.
    pub(crate) fn held(&self) -> impl Iterator<Item = usize> + '_ {
        self.held.ones()
    }

    /// The fields to be reset after a superstep that wrote `written`, which
    /// are the ones that held something and were not written.
    pub(crate) fn expire(&mut self, written: &FixedBitSet) -> Vec<usize> {
        let mut expired = Vec::new();
        for &field in &self.fields {
            if written.contains(field) {
                self.held.insert(field);
            } else if self.held.contains(field) {
                self.held.remove(field);
                expired.push(field);
            }
        }
        expired
    }
}
