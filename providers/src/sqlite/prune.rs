//! Deleting what a retention does not keep.

use rusqlite::Connection;
use superstep_core::{CheckpointRecord, FieldAt, Retention, Source};

use super::error::Failure;
use super::read::{Field, field_kind, fields_of, id};
use super::write::number;

/// Deletes what the thread can do without.
pub(super) fn prune(
    connection: &Connection,
    name: &str,
    thread: i64,
    retention: &Retention,
) -> Result<(), Failure> {
    let known = fields_of(connection, name)?;
    let checkpoints = checkpoints(connection, thread)?;
    let now = checkpoints.last().map_or(0, |head| head.created_at);
    let prunable = retention.prunable(&checkpoints, &fields(connection, thread, &known)?, now);
    let place_of = |name: &str| {
        known
            .iter()
            .find(|field| field.name == name)
            .map(|field| field.place)
    };
    let mut delete_entries =
        connection.prepare_cached("DELETE FROM entry WHERE thread = ? AND checkpoint = ?")?;
    let mut delete_checkpoint =
        connection.prepare_cached("DELETE FROM checkpoint WHERE thread = ? AND number = ?")?;
    for checkpoint in prunable.checkpoints {
        delete_entries.execute((thread, number(checkpoint)))?;
        delete_checkpoint.execute((thread, number(checkpoint)))?;
    }
    let mut delete_field = connection
        .prepare_cached("DELETE FROM field WHERE thread = ? AND field = ? AND checkpoint = ?")?;
    for (field, checkpoint) in prunable.fields {
        delete_field.execute((thread, place_of(&field), number(checkpoint)))?;
    }
    Ok(())
}

/// All checkpoints of the thread, oldest first, without their text.
fn checkpoints(connection: &Connection, thread: i64) -> Result<Vec<CheckpointRecord>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT number, parent, line, created_at_ms FROM checkpoint
         WHERE thread = ? ORDER BY number",
    )?;
    let rows = select.query_map([thread], |row| {
        Ok(CheckpointRecord {
            id: id(row.get(0)?),
            parent: row.get::<_, Option<i64>>(1)?.map(id),
            line: id(row.get(2)?),
            step: 0,
            source: Source::Superstep,
            created_at: row.get(3)?,
            body: String::new(),
            checksum: 0,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Where the thread's fields have records.
fn fields(connection: &Connection, thread: i64, known: &[Field]) -> Result<Vec<FieldAt>, Failure> {
    let mut select = connection
        .prepare_cached("SELECT checkpoint, extends FROM field WHERE thread = ? AND field = ?")?;
    let mut fields = Vec::new();
    for field in known {
        let rows = select.query_map((thread, field.place), |row| {
            Ok(FieldAt {
                field: field.name.clone(),
                checkpoint: id(row.get(0)?),
                kind: field_kind(row.get(1)?),
            })
        })?;
        for at in rows {
            fields.push(at?);
        }
    }
    Ok(fields)
}
