//! What is written under a lease.

use rusqlite::{Connection, OptionalExtension as _};
use superstep_core::{CheckpointError, CheckpointId, Commit, EntryRecord, FieldKind, Retention};

use super::error::Failure;
use super::lease::{head, next_token, release, thread_under};
use super::prune::prune;
use super::read::{COUNT, Field, fields_of, source_code};

/// As a number of SQLite's; one that is too great for it is not in the file.
pub(super) fn number(id: CheckpointId) -> i64 {
    i64::try_from(id.number()).unwrap_or(i64::MAX)
}

/// Writes a checkpoint onto the head, and what goes with it.
pub(super) fn commit(
    connection: &Connection,
    name: &str,
    token: u64,
    commit: &Commit,
    retention: Option<Retention>,
) -> Result<(), Failure> {
    let thread = thread_under(connection, name, token)?;
    let before = head(connection, thread)?.map(|(number, _)| number.cast_unsigned());
    let id = commit.checkpoint.id;
    if id != CheckpointId::after(before.map(CheckpointId::from)) {
        return Err(CheckpointError::Stale.into());
    }
    put_checkpoint(connection, thread, token, commit)?;
    put_fields(connection, name, thread, commit)?;
    if let Some(over) = commit.drop_entries_of {
        drop_entries(connection, thread, number(over))?;
    }
    put(connection, thread, id, &commit.entries)?;
    if commit.release {
        release(connection, name, token)?;
    }
    match retention {
        Some(retention) if id.number().is_multiple_of(retention.interval()) => {
            prune(connection, name, thread, &retention)
        }
        _ => Ok(()),
    }
}

/// Writes entries of a checkpoint.
pub(super) fn put_entries(
    connection: &Connection,
    name: &str,
    token: u64,
    checkpoint: CheckpointId,
    entries: &[EntryRecord],
) -> Result<(), Failure> {
    let thread = thread_under(connection, name, token)?;
    put(connection, thread, checkpoint, entries)
}

/// Copies a thread under a name that has no checkpoints yet.
pub(super) fn copy(connection: &Connection, from: &str, to: &str) -> Result<(), Failure> {
    let mut find = connection.prepare_cached("SELECT id FROM thread WHERE name = ?")?;
    let mut id_of = |name| {
        find.query_row([name], |row| row.get::<_, i64>(0))
            .optional()
    };
    let there = id_of(to)?;
    if let Some(there) = there
        && head(connection, there)?.is_some()
    {
        return Err(CheckpointError::Exists.into());
    }
    let Some(source) = id_of(from)?.filter(|_| from != to) else {
        return Ok(());
    };
    if let Some(there) = there {
        erase(connection, there)?;
    }
    let token = next_token(connection)?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO thread (name, id, token, fields)
         SELECT ?2, ?3, ?3, fields FROM thread WHERE name = ?1",
    )?;
    insert.execute((from, to, token))?;
    copy_records(connection, source, token)
}

/// Copies what belongs to a thread to one that has nothing yet.
fn copy_records(connection: &Connection, from: i64, to: i64) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT INTO checkpoint
                 (thread, number, parent, line, step, source_code, created_at_ms, token, body, checksum)
             SELECT ?2, number, parent, line, step, source_code, created_at_ms, ?2, body, checksum
             FROM checkpoint WHERE thread = ?1",
        )?
        .execute((from, to))?;
    connection
        .prepare_cached(
            "INSERT INTO field (thread, field, checkpoint, previous, extends, json, checksum)
             SELECT ?2, field, checkpoint, previous, extends, json, checksum
             FROM field WHERE thread = ?1 ORDER BY checkpoint, field",
        )?
        .execute((from, to))?;
    connection
        .prepare_cached(
            "INSERT INTO entry (thread, checkpoint, task, key, json, checksum)
             SELECT ?2, checkpoint, task, key, json, checksum FROM entry WHERE thread = ?1",
        )?
        .execute((from, to))?;
    Ok(())
}

/// Deletes a thread; one that is not there is deleted already.
pub(super) fn delete(connection: &Connection, name: &str, token: u64) -> Result<(), Failure> {
    let mut find = connection.prepare_cached("SELECT id, token FROM thread WHERE name = ?")?;
    let found = find.query_row([name], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    });
    let Some((thread, newest)) = found.optional()? else {
        return Ok(());
    };
    if newest != token.cast_signed() {
        return Err(CheckpointError::Stale.into());
    }
    erase(connection, thread)
}

fn erase(connection: &Connection, thread: i64) -> Result<(), Failure> {
    for sql in [
        "DELETE FROM entry WHERE thread = ?",
        "DELETE FROM field WHERE thread = ?",
        "DELETE FROM checkpoint WHERE thread = ?",
        "DELETE FROM thread WHERE id = ?",
    ] {
        connection.prepare_cached(sql)?.execute([thread])?;
    }
    Ok(())
}

fn put_checkpoint(
    connection: &Connection,
    thread: i64,
    token: u64,
    commit: &Commit,
) -> Result<(), Failure> {
    let record = &commit.checkpoint;
    let mut insert = connection.prepare_cached(
        "INSERT INTO checkpoint
             (thread, number, parent, line, step, source_code, created_at_ms, token, body, checksum)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    insert.execute((
        thread,
        number(record.id),
        record.parent.map(number),
        number(record.line),
        record.step.cast_signed(),
        source_code(record.source)?,
        record.created_at,
        token.cast_signed(),
        &record.body,
        record.checksum.cast_signed(),
    ))?;
    Ok(())
}

fn put_fields(
    connection: &Connection,
    name: &str,
    thread: i64,
    commit: &Commit,
) -> Result<(), Failure> {
    if commit.fields.is_empty() {
        return Ok(());
    }
    let mut known = fields_of(connection, name)?;
    let mut add_name = connection.prepare_cached(
        "UPDATE thread SET fields = json_insert(fields, '$[#]', ?2) WHERE name = ?1",
    )?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO field (thread, field, checkpoint, previous, extends, json, checksum)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    for record in &commit.fields {
        let place = match known.iter().find(|field| field.name == record.field) {
            Some(field) => field.place,
            None => {
                add_name.execute((name, &record.field))?;
                let field = Field {
                    place: i64::try_from(known.len()).unwrap_or(i64::MAX),
                    name: record.field.clone(),
                };
                let place = field.place;
                known.push(field);
                place
            }
        };
        insert.execute((
            thread,
            place,
            number(commit.checkpoint.id),
            record.previous.map(number),
            record.kind == FieldKind::Extend,
            &record.json,
            record.checksum.cast_signed(),
        ))?;
    }
    Ok(())
}

fn put(
    connection: &Connection,
    thread: i64,
    checkpoint: CheckpointId,
    entries: &[EntryRecord],
) -> Result<(), Failure> {
    if entries.is_empty() {
        return Ok(());
    }
    let checkpoint = number(checkpoint);
    let mut insert = connection.prepare_cached(
        "INSERT INTO entry (thread, checkpoint, task, key, json, checksum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
    )?;
    let mut update = connection.prepare_cached(
        "UPDATE entry SET json = ?5, checksum = ?6
         WHERE thread = ?1 AND checkpoint = ?2 AND task = ?3 AND key = ?4",
    )?;
    let mut delete = connection.prepare_cached(
        "DELETE FROM entry WHERE thread = ?1 AND checkpoint = ?2 AND task = ?3 AND key = ?4",
    )?;
    let mut n_more = 0_i64;
    for record in entries {
        let EntryRecord { task, key, .. } = record;
        let Some(json) = &record.json else {
            let n_deleted = delete.execute((thread, checkpoint, task, key))?;
            n_more -= i64::from(n_deleted > 0);
            continue;
        };
        let row = (
            thread,
            checkpoint,
            task,
            key,
            json,
            record.checksum.cast_signed(),
        );
        match insert.execute(row)? {
            0 => drop(update.execute(row)?),
            _ => n_more += 1,
        }
    }
    count(connection, thread, checkpoint, n_more)
}

/// Keeps in mind how many entries there are, so that one that is gone is missed.
fn count(
    connection: &Connection,
    thread: i64,
    checkpoint: i64,
    n_more: i64,
) -> Result<(), Failure> {
    let mut count = connection.prepare_cached(
        "INSERT INTO entry (thread, checkpoint, task, key, json, checksum)
         VALUES (?1, ?2, '', ?3, ?4, 0)
         ON CONFLICT DO UPDATE SET json = entry.json + excluded.json",
    )?;
    count.execute((thread, checkpoint, COUNT, n_more))?;
    Ok(())
}

fn drop_entries(connection: &Connection, thread: i64, checkpoint: i64) -> Result<(), Failure> {
    let mut delete =
        connection.prepare_cached("DELETE FROM entry WHERE thread = ?1 AND checkpoint = ?2")?;
    delete.execute((thread, checkpoint))?;
    Ok(())
}
