//! What is read. Each function runs in one transaction, so that it sees one
//! moment of the file.

use rusqlite::{Connection, OptionalExtension as _, Row};
use superstep_core::{
    CheckpointError, CheckpointId, CheckpointRecord, EntryRecord, FieldKind, FieldRecord, Loaded,
    Source, ThreadId,
};

use super::error::{Failure, Said, is_about_a_row};
use super::lease::head;
use super::write::number;

/// From a number of SQLite's.
pub(super) fn id(number: i64) -> CheckpointId {
    CheckpointId::from(number.cast_unsigned())
}

/// A checkpoint with its fields and entries.
pub(super) fn load(
    connection: &Connection,
    name: &str,
    checkpoint: Option<CheckpointId>,
) -> Result<Option<Loaded>, Failure> {
    let Some(thread) = thread(connection, name)? else {
        return Ok(None);
    };
    let wanted = match checkpoint {
        Some(wanted) => number(wanted),
        None => {
            let head = head(connection, thread)?.map(|(head, _)| head);
            nothing_after(connection, thread, name, head)?;
            match head {
                Some(head) => head,
                None => return Ok(None),
            }
        }
    };
    let mut select = connection.prepare_cached(
        "SELECT number, parent, line, step, source_code, created_at_ms, body, checksum
         FROM checkpoint WHERE thread = ? AND number = ?",
    )?;
    let mut rows = select.query((thread, wanted))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let checkpoint = checkpoint_record(row)?;
    let mut lines = Lines::from(connection, thread, &checkpoint);
    let mut fields = Vec::new();
    for field in fields_by_name(connection, name)? {
        load_field(&mut lines, &field, &mut fields)?;
    }
    Ok(Some(Loaded {
        entries: entries(connection, thread, checkpoint.id)?,
        checkpoint,
        fields,
    }))
}

/// No field has a record that is newer than the head: the head would be gone.
fn nothing_after(
    connection: &Connection,
    thread: i64,
    name: &str,
    head: Option<i64>,
) -> Result<(), Failure> {
    let mut newest = connection.prepare_cached(
        "SELECT checkpoint FROM field WHERE thread = ? AND field = ?
         ORDER BY checkpoint DESC LIMIT 1",
    )?;
    for field in fields_of(connection, name)? {
        let newest = newest.query_row((thread, field.place), |row| row.get::<_, i64>(0));
        match newest.optional()? {
            Some(newest) if head.is_none_or(|head| head < newest) => {
                let why = format!("field `{}` has a record of it, and it is gone", field.name);
                return Err(Failure::unreadable(format!("checkpoint {newest}"), why));
            }
            None if head.is_none() => {
                let why = format!("it had field `{}`, and has no checkpoint", field.name);
                return Err(Failure::unreadable(format!("thread `{name}`"), why));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The thread's checkpoints before that one, newest first.
pub(super) fn list(
    connection: &Connection,
    name: &str,
    before: Option<CheckpointId>,
    limit: usize,
) -> Result<Vec<CheckpointRecord>, Failure> {
    let Some(thread) = thread(connection, name)? else {
        return Ok(Vec::new());
    };
    let mut select = connection.prepare_cached(
        "SELECT number, parent, line, step, source_code, created_at_ms, body, checksum
         FROM checkpoint WHERE thread = ? AND number < ? ORDER BY number DESC LIMIT ?",
    )?;
    let mut rows = select.query((thread, before.map_or(i64::MAX, number), at_most(limit)))?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(checkpoint_record(row)?);
    }
    Ok(records)
}

/// The fields that a checkpoint changed, by name.
pub(super) fn changes(
    connection: &Connection,
    name: &str,
    checkpoint: CheckpointId,
) -> Result<Vec<FieldRecord>, Failure> {
    let Some(thread) = thread(connection, name)? else {
        return Ok(Vec::new());
    };
    let mut changes = Vec::new();
    let only = number(checkpoint);
    for field in fields_by_name(connection, name)? {
        let mut select = connection.prepare_cached(NEWEST_FIRST)?;
        let mut rows = select.query((thread, field.place, only, only))?;
        if let Some(row) = rows.next()? {
            changes.push(field_record(&field.name, row)?);
        }
    }
    Ok(changes)
}

/// The names of threads with checkpoints, after that one.
pub(super) fn threads(
    connection: &Connection,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<ThreadId>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT name FROM thread
         WHERE (?1 IS NULL OR name > ?1)
         AND EXISTS (SELECT 1 FROM checkpoint WHERE checkpoint.thread = thread.id)
         ORDER BY name LIMIT ?2",
    )?;
    let names = select.query_map((after, at_most(limit)), |row| row.get::<_, String>(0))?;
    let names: Vec<String> = names.collect::<Result<_, _>>()?;
    Ok(names.into_iter().map(ThreadId::from).collect())
}

/// How a field's record is to be read.
pub(super) fn field_kind(extends: bool) -> FieldKind {
    if extends {
        FieldKind::Extend
    } else {
        FieldKind::Value
    }
}

/// The numbers of the schema for what a checkpoint came about by.
const SOURCES: [(i64, Source); 4] = [
    (0, Source::Input),
    (1, Source::Superstep),
    (2, Source::Update),
    (3, Source::Fork),
];

/// The number that stands for it.
pub(super) fn source_code(source: Source) -> Result<i64, Failure> {
    let code = SOURCES.iter().find(|(_, known)| *known == source);
    let unknown = || CheckpointError::store(format!("it has no number for `{}`", source.as_str()));
    Ok(code.ok_or_else(unknown)?.0)
}

fn thread(connection: &Connection, name: &str) -> Result<Option<i64>, Failure> {
    let mut find = connection.prepare_cached("SELECT id FROM thread WHERE name = ?")?;
    Ok(find.query_row([name], |row| row.get(0)).optional()?)
}

fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A field of a thread.
pub(super) struct Field {
    /// What stands for it in the thread's records.
    pub(super) place: i64,
    pub(super) name: String,
}

/// The thread's fields, in the order in which they were first written.
pub(super) fn fields_of(connection: &Connection, thread: &str) -> Result<Vec<Field>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT field.key, field.value FROM thread, json_each(thread.fields) AS field
         WHERE thread.name = ? ORDER BY field.key",
    )?;
    let fields = select.query_map([thread], |row| {
        Ok(Field {
            place: row.get(0)?,
            name: row.get(1)?,
        })
    })?;
    Ok(fields.collect::<Result<_, _>>()?)
}

fn fields_by_name(connection: &Connection, thread: &str) -> Result<Vec<Field>, Failure> {
    let mut fields = fields_of(connection, thread)?;
    fields.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(fields)
}

/// A field's records of a part of a line, from the end.
const NEWEST_FIRST: &str = "SELECT checkpoint, previous, extends, json, checksum FROM field
     WHERE thread = ? AND field = ? AND checkpoint BETWEEN ? AND ? ORDER BY checkpoint DESC";

/// Adds a field's newest value, and what was added since.
fn load_field(
    lines: &mut Lines<'_>,
    field: &Field,
    loaded: &mut Vec<FieldRecord>,
) -> Result<(), Failure> {
    let first = loaded.len();
    let mut select = lines.connection.prepare_cached(NEWEST_FIRST)?;
    let mut n_lines = 0;
    'lines: while let Some((line, until)) = lines.get(n_lines)? {
        let mut rows = select.query((lines.thread, field.place, line, until))?;
        while let Some(row) = rows.next()? {
            let record = field_record(&field.name, row)?;
            let kind = record.kind;
            if loaded[first..]
                .last()
                .is_some_and(|newer| newer.checkpoint <= record.checkpoint)
            {
                let what = format!("the index of field `{}`", field.name);
                return Err(Failure::unreadable(what, "it is out of order"));
            }
            loaded.push(record);
            if kind == FieldKind::Value {
                break 'lines;
            }
        }
        n_lines += 1;
    }
    loaded[first..].reverse();
    Ok(())
}

/// The lines that lead to a checkpoint, each from its first to the last that is
/// read of it; the checkpoint's own is first. Found as they are asked for.
struct Lines<'c> {
    connection: &'c Connection,
    thread: i64,
    known: Vec<(i64, i64)>,
    are_all_known: bool,
}

impl<'c> Lines<'c> {
    fn from(connection: &'c Connection, thread: i64, checkpoint: &CheckpointRecord) -> Self {
        Self {
            connection,
            thread,
            known: vec![(number(checkpoint.line), number(checkpoint.id))],
            are_all_known: false,
        }
    }

    fn get(&mut self, index: usize) -> Result<Option<(i64, i64)>, Failure> {
        while !self.are_all_known && self.known.len() <= index {
            let last = self.known.last().map_or(0, |(line, _)| *line);
            match self.before(last)? {
                Some(next) => self.known.push(next),
                None => self.are_all_known = true,
            }
        }
        Ok(self.known.get(index).copied())
    }

    /// The line that the line came from.
    fn before(&self, line: i64) -> Result<Option<(i64, i64)>, Failure> {
        let mut select = self.connection.prepare_cached(
            "SELECT parent, line FROM checkpoint WHERE thread = ? AND number = ?",
        )?;
        let mut find = |wanted: i64| {
            let found = select.query_row((self.thread, wanted), |row| {
                Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?))
            });
            found.optional()
        };
        // Where a line's first is gone, so is all before it.
        let Some((Some(from), _)) = find(line)? else {
            return Ok(None);
        };
        let none = || CheckpointError::NoCheckpoint { id: id(from) };
        let (_, from_line) = find(from)?.ok_or_else(none)?;
        // Lines that lead round in a circle would never end.
        if from >= line || from_line > from {
            let what = format!("checkpoint {line}");
            return Err(Failure::unreadable(
                what,
                "what it follows is not before it",
            ));
        }
        Ok(Some((from_line, from)))
    }
}

fn checkpoint_record(row: &Row<'_>) -> Result<CheckpointRecord, Failure> {
    let number = id(row.get(0)?);
    let what = || format!("checkpoint {number}");
    let code: i64 = of_row(row.get(4), what)?;
    let unknown = || Failure::unreadable(what(), format!("there is no source {code}"));
    let found = SOURCES.iter().find(|(known, _)| *known == code);
    let (_, source) = *found.ok_or_else(unknown)?;
    Ok(CheckpointRecord {
        id: number,
        parent: of_row(row.get::<_, Option<i64>>(1), what)?.map(id),
        line: id(of_row(row.get(2), what)?),
        step: of_row(row.get::<_, i64>(3), what)?.cast_unsigned(),
        source,
        created_at: of_row(row.get(5), what)?,
        body: of_row(row.get(6), what)?,
        checksum: of_row(row.get::<_, i64>(7), what)?.cast_unsigned(),
    })
}

fn field_record(field: &str, row: &Row<'_>) -> Result<FieldRecord, Failure> {
    let checkpoint = id(row.get(0)?);
    let what = || format!("field `{field}` of checkpoint {checkpoint}");
    Ok(FieldRecord {
        field: field.to_owned(),
        checkpoint,
        previous: of_row(row.get::<_, Option<i64>>(1), what)?.map(id),
        kind: field_kind(of_row(row.get(2), what)?),
        json: of_row(row.get(3), what)?,
        checksum: of_row(row.get::<_, i64>(4), what)?.cast_unsigned(),
    })
}

/// The key of the entry that says how many others its checkpoint has.
pub(super) const COUNT: &str = "count";

fn entries(
    connection: &Connection,
    thread: i64,
    checkpoint: CheckpointId,
) -> Result<Vec<EntryRecord>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT task, key, json, checksum FROM entry
         WHERE thread = ? AND checkpoint = ? ORDER BY task, key",
    )?;
    let mut rows = select.query((thread, number(checkpoint)))?;
    let mut entries = Vec::new();
    let mut n_expected = None;
    while let Some(row) = rows.next()? {
        let task: String = of_row(row.get(0), || {
            format!("an entry of checkpoint {checkpoint}")
        })?;
        let what = || format!("an entry of `{task}` of checkpoint {checkpoint}");
        let key: String = of_row(row.get(1), what)?;
        let json: String = of_row(row.get(2), what)?;
        if task.is_empty() && key == COUNT {
            n_expected = Some(json);
            continue;
        }
        entries.push(EntryRecord {
            key,
            json: Some(json),
            checksum: of_row(row.get::<_, i64>(3), what)?.cast_unsigned(),
            task,
        });
    }
    let n_expected = n_expected.unwrap_or_else(|| "0".to_owned());
    if entries.len().to_string() != n_expected {
        let why = format!("{} are there, and {n_expected} were written", entries.len());
        let what = format!("the entries of checkpoint {checkpoint}");
        return Err(Failure::unreadable(what, why));
    }
    Ok(entries)
}

/// Says what a value belongs to that is not what was written.
fn of_row<T>(value: rusqlite::Result<T>, what: impl Fn() -> String) -> Result<T, Failure> {
    value.map_err(|error| {
        if is_about_a_row(&error) {
            Failure::unreadable(what(), Said(error))
        } else {
            error.into()
        }
    })
}
