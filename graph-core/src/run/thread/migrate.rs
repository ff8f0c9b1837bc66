//! Fields and updates of an older version of the state, made into those of
//! this one.

use serde_json::Value;

use super::problem::Problem;
use crate::state::{Fields, State};

/// The fields of a state as this version has them.
pub(super) fn migrate<S: State>(from: u32, fields: &mut Fields) -> Result<(), Problem> {
    if from > S::VERSION {
        return Err(Problem::NewerState {
            found: from,
            known: S::VERSION,
        });
    }
    (from..S::VERSION).try_for_each(|from| {
        S::migrate(from, fields).map_err(|error| Problem::Migration {
            from,
            to: from + 1,
            why: error.to_string(),
        })
    })
}

/// An update as this version has it. Of the three keys of a field each kind is
/// migrated by itself, so that no field is there twice.
pub(super) fn migrate_update<S: State>(from: u32, update: Value) -> Result<Value, Problem> {
    let Value::Object(update) = update else {
        return Ok(update);
    };
    if from == S::VERSION {
        return Ok(Value::Object(update));
    }
    let (mut written, mut overwritten, mut several) = (Fields::new(), Fields::new(), Vec::new());
    for (key, value) in update {
        match (
            key.strip_prefix("overwrite_"),
            key.strip_prefix("each_"),
            value,
        ) {
            (Some(field), _, value) => {
                overwritten.insert(field.to_owned(), value);
            }
            (None, Some(field), Value::Array(writes)) => {
                several.extend(writes.into_iter().map(|write| (field.to_owned(), write)));
            }
            (None, _, value) => {
                written.insert(key, value);
            }
        }
    }
    migrate::<S>(from, &mut written)?;
    migrate::<S>(from, &mut overwritten)?;
    let overwritten = overwritten.into_iter();
    written.extend(overwritten.map(|(field, value)| (format!("overwrite_{field}"), value)));
    for (field, write) in several {
        let mut one = Fields::from_iter([(field, write)]);
        migrate::<S>(from, &mut one)?;
        for (field, write) in one {
            let writes = written.entry(format!("each_{field}"));
            if let Value::Array(writes) = writes.or_insert_with(|| Value::Array(Vec::new())) {
                writes.push(write);
            }
        }
    }
    Ok(Value::Object(written))
}
