//! Which checkpoints a thread can do without.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included};
use std::time::Duration;

use super::{CheckpointRecord, FieldKind};
use crate::id::CheckpointId;

/// How much of a thread's history is kept.
///
/// A checkpoint stays as long as it is among the newest, or young enough. The
/// head stays always. Of a fork with a checkpoint that stays, the first stays
/// too, and so does the one it forked from: what is kept can be read.
///
/// # Examples
///
/// The last hundred, and all of the last week:
///
/// ```
/// use std::time::Duration;
/// use superstep::Retention;
///
/// let retention = Retention {
///     keep_last: 100,
///     keep_for: Duration::from_secs(7 * 24 * 60 * 60),
/// };
/// assert!(retention.keep_last > 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How many of a thread's newest checkpoints are kept, however old.
    pub keep_last: usize,
    /// How long a checkpoint is kept, however many there are.
    pub keep_for: Duration,
}

/// Where a field has a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldAt {
    /// The field.
    pub field: String,
    /// The checkpoint.
    pub checkpoint: CheckpointId,
    /// The record's kind.
    pub kind: FieldKind,
}

/// What a thread can do without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prunable {
    /// These checkpoints, with their entries.
    pub checkpoints: Vec<CheckpointId>,
    /// These fields' records.
    pub fields: Vec<(String, CheckpointId)>,
}

impl Retention {
    /// How many checkpoints may be written before it is worth looking for ones
    /// to delete.
    #[must_use]
    pub fn interval(&self) -> u64 {
        u64::try_from(self.keep_last / 4)
            .unwrap_or(u64::MAX)
            .clamp(1, 256)
    }

    /// What a thread can do without: `checkpoints` are all it has, `fields` all
    /// the records of its fields, `now` is in milliseconds since 1970 began.
    ///
    /// For those who write a checkpointer; the text of the records is not
    /// needed.
    ///
    /// # Ordering
    ///
    /// Checkpoints may be given in any order; fields too. The answer is sorted.
    #[must_use]
    pub fn prunable(
        &self,
        checkpoints: &[CheckpointRecord],
        fields: &[FieldAt],
        now: i64,
    ) -> Prunable {
        let mut newest_first: Vec<&CheckpointRecord> = checkpoints.iter().collect();
        newest_first.sort_unstable_by_key(|record| std::cmp::Reverse(record.id));
        let kept = self.kept(&newest_first, now);
        let lines: BTreeMap<CheckpointId, CheckpointId> = checkpoints
            .iter()
            .map(|record| (record.id, record.line))
            .collect();
        let gone = newest_first.iter().rev().map(|record| record.id);
        Prunable {
            checkpoints: gone.filter(|id| !kept.contains(id)).collect(),
            fields: unneeded(&kept, &lines, fields),
        }
    }

    fn kept(&self, newest_first: &[&CheckpointRecord], now: i64) -> BTreeSet<CheckpointId> {
        let keep_for = i64::try_from(self.keep_for.as_millis()).unwrap_or(i64::MAX);
        let oldest = now.saturating_sub(keep_for);
        let n_kept = self.keep_last.max(1);
        let numbered = newest_first.iter().enumerate();
        let kept = numbered.filter(|(number, record)| {
            *number < n_kept || (keep_for > 0 && record.created_at >= oldest)
        });
        let mut kept: BTreeSet<CheckpointId> = kept.map(|(_, record)| record.id).collect();
        // What is kept in a fork reads on where it forked from: newest first,
        // so that what is added is looked at too.
        let forked: BTreeMap<CheckpointId, CheckpointId> = newest_first
            .iter()
            .filter(|record| record.line == record.id)
            .filter_map(|record| Some((record.id, record.parent?)))
            .collect();
        for record in newest_first {
            if kept.contains(&record.id)
                && let Some(&from) = forked.get(&record.line)
            {
                kept.extend([record.line, from]);
            }
        }
        kept
    }
}

/// The records that no kept checkpoint reads. A checkpoint reads of its line
/// what is not older than a field's newest value.
fn unneeded(
    kept: &BTreeSet<CheckpointId>,
    lines: &BTreeMap<CheckpointId, CheckpointId>,
    fields: &[FieldAt],
) -> Vec<(String, CheckpointId)> {
    // A line is a row of numbers without a gap, of which some may be gone.
    let line_of = |id: CheckpointId| {
        let (_, &line) = lines.range(id..).next()?;
        (line <= id).then_some(line)
    };
    let mut kept_of: BTreeMap<CheckpointId, BTreeSet<CheckpointId>> = BTreeMap::new();
    for &id in kept {
        if let Some(line) = line_of(id) {
            kept_of.entry(line).or_default().insert(id);
        }
    }
    let values: BTreeSet<(&str, Option<CheckpointId>, CheckpointId)> = fields
        .iter()
        .filter(|at| at.kind == FieldKind::Value)
        .map(|at| (at.field.as_str(), line_of(at.checkpoint), at.checkpoint))
        .collect();
    let needed = |at: &FieldAt| {
        let line = line_of(at.checkpoint)?;
        let reader = *kept_of.get(&line)?.range(at.checkpoint..).next()?;
        let key = |id| (at.field.as_str(), Some(line), id);
        let newer = (Excluded(key(at.checkpoint)), Included(key(reader)));
        values.range(newer).next().is_none().then_some(())
    };
    let gone = fields.iter().filter(|at| needed(at).is_none());
    let mut gone: Vec<_> = gone.map(|at| (at.field.clone(), at.checkpoint)).collect();
    gone.sort();
    gone
}
