//! A state from the records of its fields.

use serde_json::Value;

use super::fields::FieldLogs;
use super::join::join_all;
use super::memory::{field_of, record_of};
use super::migrate::migrate;
use super::problem::Problem;
use crate::checkpoint::{
    Body, CheckpointError, CheckpointRecord, FORMAT, FieldKind, FieldRecord, MemoryBody,
};
use crate::id::CheckpointId;
use crate::state::{Fields, State, pick};

/// A field's name and its value as JSON.
pub(super) type Assembled = (String, String);

/// The body of a checkpoint.
pub(super) fn read_body(checkpoint: &CheckpointRecord) -> Result<Body, CheckpointError> {
    let corrupt =
        |problem| CheckpointError::corrupt(format!("checkpoint {}", checkpoint.id), problem);
    if let Ok(value) = serde_json::from_str::<Value>(&checkpoint.body)
        && let Some(format) = value.get("format").and_then(Value::as_u64)
        && format > u64::from(FORMAT)
    {
        return Err(corrupt(Problem::TooNew {
            found: u32::try_from(format).unwrap_or(u32::MAX),
            known: FORMAT,
        }));
    }
    if !checkpoint.is_whole() {
        return Err(corrupt(Problem::Changed));
    }
    serde_json::from_str(&checkpoint.body).map_err(|error| corrupt(Problem::Json(error)))
}

/// What a checkpoint holds of a state: its own, or one that is remembered.
pub(super) struct Written<'r> {
    pub(super) at: CheckpointId,
    /// Whose it is, if it is remembered.
    pub(super) of: Option<&'r str>,
    pub(super) version: u32,
    /// How many checkpoints before is each field's newest record, by name.
    pub(super) ages: &'r [u64],
    pub(super) records: &'r [FieldRecord],
    /// What else the checkpoint holds.
    pub(super) others: &'r [MemoryBody],
}

/// The state that the records hold, and what has been written of each field.
pub(super) fn read_state<S: State>(
    checkpoint: &CheckpointRecord,
    body: &Body,
    records: &[FieldRecord],
) -> Result<(S, FieldLogs), CheckpointError> {
    let written = Written {
        at: checkpoint.id,
        of: None,
        version: body.version,
        ages: &body.fields,
        records,
        others: &body.memories,
    };
    let (fields, logs) = written.assemble::<S>()?;
    Ok((written.state_of(fields)?, logs))
}

impl Written<'_> {
    /// Each field's value, of its newest and what was added since.
    pub(super) fn assemble<S: State>(
        &self,
    ) -> Result<(Vec<Assembled>, FieldLogs), CheckpointError> {
        let mut fields: Vec<Assembled> = Vec::new();
        let mut logs = FieldLogs::default();
        let corrupt = |record: &FieldRecord, problem| {
            CheckpointError::corrupt(name_of(record, self.at), problem)
        };
        for records in self.records.chunk_by(|one, next| one.field == next.field) {
            let Some(field) = self.own(&records[0].field) else {
                continue;
            };
            for (place, record) in records.iter().enumerate() {
                check_record(record, place == 0, logs.last(field))
                    .map_err(|problem| corrupt(record, problem))?;
                logs.take_in(field, record, S::schema().has_key(field));
            }
            let value = records
                .iter()
                .rposition(|record| record.kind == FieldKind::Value);
            let parts = records[value.unwrap_or_default()..].iter();
            let Some(json) = join_all(parts.map(|record| record.json.as_str())) else {
                let problem = Problem::Value(MISFIT.to_owned());
                return Err(corrupt(&records[records.len() - 1], problem));
            };
            fields.push((field.to_owned(), json));
        }
        check_ages::<S>(self.at, self.ages, &logs)?;
        Ok((fields, logs))
    }

    /// The field of that record, unless that is another's.
    fn own<'f>(&self, field: &'f str) -> Option<&'f str> {
        match self.of {
            Some(of) => field_of(of, field),
            None => {
                let mut others = self.others.iter();
                let is_other = others.any(|other| field_of(&other.of, field).is_some());
                (!is_other).then_some(field)
            }
        }
    }

    /// The state of these fields.
    pub(super) fn state_of<S: State>(&self, fields: Vec<Assembled>) -> Result<S, CheckpointError> {
        let whole = |problem| {
            CheckpointError::corrupt(format!("the state of checkpoint {}", self.at), problem)
        };
        let mut fields = in_this_version::<S>(self.version, fields).map_err(whole)?;
        state_of(&mut fields).map_err(|error| match blame::<S>(&fields) {
            None => whole(Problem::Value(plain(&error))),
            Some((field, error)) => {
                let field = record_of(self.of, field);
                CheckpointError::corrupt(
                    format!("field `{field}` of checkpoint {}", self.at),
                    Problem::Value(plain(&error)),
                )
            }
        })
    }
}

/// What is wrong where a record does not fit the one before it.
pub(super) const MISFIT: &str = "what was added does not fit what was there";

fn in_this_version<S: State>(
    version: u32,
    fields: Vec<Assembled>,
) -> Result<Vec<Assembled>, Problem> {
    if version == S::VERSION {
        return Ok(fields);
    }
    let written = fields.into_iter().filter(|(_, json)| !json.is_empty());
    let parsed = written.map(|(field, json)| {
        let value = serde_json::from_str(&json).map_err(Problem::Json)?;
        Ok((field, value))
    });
    let mut fields = parsed.collect::<Result<Fields, Problem>>()?;
    migrate::<S>(version, &mut fields)?;
    let fields = fields.into_iter();
    Ok(fields
        .map(|(field, value)| (field, value.to_string()))
        .collect())
}

/// Each field has the newest record that the checkpoint says it has.
fn check_ages<S: State>(
    id: CheckpointId,
    written: &[u64],
    logs: &FieldLogs,
) -> Result<(), CheckpointError> {
    let ages = logs.ages(id);
    let (found, expected) = (ages.len(), written.len());
    if found != expected {
        let known = S::schema().fields.iter().map(|field| field.key);
        let without = known.filter(|field| logs.last(field).is_none());
        let without = without
            .map(|field| format!("`{field}`"))
            .collect::<Vec<_>>();
        let problem = Problem::Missing {
            found,
            expected,
            without: without.join(", "),
        };
        return Err(CheckpointError::corrupt(
            format!("checkpoint {id}"),
            problem,
        ));
    }
    let mut ages = ages.zip(written);
    match ages.find(|((_, found), expected)| found != *expected) {
        None => Ok(()),
        Some(((field, found), expected)) => Err(CheckpointError::corrupt(
            format!("field `{field}` of checkpoint {id}"),
            Problem::NotNewest {
                found: id.number().wrapping_sub(found).into(),
                expected: id.number().wrapping_sub(*expected).into(),
            },
        )),
    }
}

/// A record is as it was written, and follows the one before it.
fn check_record(
    record: &FieldRecord,
    is_first: bool,
    last: Option<CheckpointId>,
) -> Result<(), Problem> {
    if !record.is_whole() {
        return Err(Problem::Changed);
    }
    let follows = !is_first && record.previous == last;
    match record.kind {
        FieldKind::Extend if !follows => Err(Problem::Gap {
            at: record.checkpoint,
        }),
        FieldKind::Value | FieldKind::Extend => Ok(()),
    }
}

fn name_of(record: &FieldRecord, at: CheckpointId) -> String {
    let written = match record.checkpoint == at {
        true => String::new(),
        false => format!(", written by checkpoint {},", record.checkpoint),
    };
    format!("field `{}`{written} of checkpoint {at}", record.field)
}

/// The state of these fields. One that is missing, and that serde has no
/// default for, has that of the state's.
fn state_of<S: State>(fields: &mut Vec<Assembled>) -> serde_json::Result<S> {
    loop {
        let error = match serde_json::from_str(&object(fields)) {
            Ok(state) => return Ok(state),
            Err(error) => error,
        };
        let message = error.to_string();
        let missing = message
            .strip_prefix("missing field `")
            .and_then(|rest| rest.split_once('`'));
        let Some((missing, _)) = missing else {
            return Err(error);
        };
        let before = fields.len();
        fields.extend(pick(&S::default(), &mut |key| key == missing)?);
        if fields.len() == before {
            return Err(error);
        }
    }
}

fn object(fields: &[Assembled]) -> String {
    let length = fields
        .iter()
        .map(|(field, json)| field.len() + json.len() + 8);
    let mut text = String::with_capacity(length.sum());
    text.push('{');
    // Of those without text, serde left out the value.
    for (field, json) in fields.iter().filter(|(_, json)| !json.is_empty()) {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&Value::from(field.as_str()).to_string());
        text.push(':');
        text.push_str(json);
    }
    text.push('}');
    text
}

/// Which field it is that cannot be read, and why.
fn blame<S: State>(fields: &[Assembled]) -> Option<(&str, serde_json::Error)> {
    let alone = |(field, json): &Assembled| {
        let others = || fields.to_vec();
        read_alone::<S>(field, json, others).err()
    };
    fields
        .iter()
        .find_map(|field| Some((&*field.0, alone(field)?)))
}

/// Reads one field beside the others of the state's default, or, as there may be
/// what cannot be read among these, beside the others that it has.
pub(super) fn read_alone<S: State>(
    field: &str,
    json: &str,
    others: impl FnOnce() -> Vec<Assembled>,
) -> serde_json::Result<()> {
    let beside = |mut fields: Vec<Assembled>| {
        fields.retain(|(key, _)| key != field);
        fields.insert(0, (field.to_owned(), json.to_owned()));
        let text = object(&fields);
        let behind = object(&fields[..1]).len() + 1..text.len();
        let read = serde_json::from_str::<S>(&text).map(drop);
        read.map_err(|error| (error.line() == 1 && behind.contains(&error.column()), error))
    };
    let default = pick(&S::default(), &mut |_| true).unwrap_or_default();
    match beside(default).or_else(|_| beside(others())) {
        // It stopped at what is behind the field, which was read by then.
        Ok(()) | Err((true, _)) => Ok(()),
        Err((false, error)) => Err(error),
    }
}

/// An error's message without its place in a text that nobody sees.
pub(super) fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((message, _)) => message.to_owned(),
        None => text,
    }
}
