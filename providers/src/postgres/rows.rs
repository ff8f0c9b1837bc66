//! Rows as records.

use superstep_core::{CheckpointId, CheckpointRecord, EntryRecord, FieldKind, FieldRecord, Source};
use tokio_postgres::Row;
use tokio_postgres::types::FromSqlOwned;

use super::error::Failure;
use super::text::read;

/// What [`checkpoint`] reads, in its order.
macro_rules! checkpoint_columns {
    () => {
        "number, parent, line, step, source, created_at_ms, body, checksum"
    };
}
pub(super) use checkpoint_columns;

/// As a number of Postgres's; one that is too great for it is not there.
pub(super) fn number(id: CheckpointId) -> i64 {
    i64::try_from(id.number()).unwrap_or(i64::MAX)
}

/// From a number of Postgres's.
pub(super) fn id(number: i64) -> CheckpointId {
    CheckpointId::from(number.cast_unsigned())
}

pub(super) fn checkpoint(row: &Row) -> Result<CheckpointRecord, Failure> {
    let number = id(row.try_get(0)?);
    let source: &str = row.try_get(4)?;
    let unknown = || {
        let what = format!("checkpoint {number}");
        Failure::unreadable(what, format!("there is no source `{source}`"))
    };
    Ok(CheckpointRecord {
        id: number,
        parent: row.try_get::<_, Option<i64>>(1)?.map(id),
        line: id(row.try_get(2)?),
        step: row.try_get::<_, i64>(3)?.cast_unsigned(),
        source: Source::from_name(source).ok_or_else(unknown)?,
        created_at: row.try_get(5)?,
        body: read(row.try_get(6)?),
        checksum: row.try_get::<_, i64>(7)?.cast_unsigned(),
    })
}

/// From field, checkpoint, previous, kind, json and checksum.
pub(super) fn field(row: &Row) -> Result<FieldRecord, Failure> {
    let field = read(row.try_get(0)?);
    let checkpoint = id(row.try_get(1)?);
    Ok(FieldRecord {
        kind: kind(&field, checkpoint, row.try_get(3)?)?,
        field,
        checkpoint,
        previous: row.try_get::<_, Option<i64>>(2)?.map(id),
        json: read(row.try_get(4)?),
        checksum: row.try_get::<_, i64>(5)?.cast_unsigned(),
    })
}

pub(super) fn kind(
    field: &str,
    checkpoint: CheckpointId,
    name: &str,
) -> Result<FieldKind, Failure> {
    FieldKind::from_name(name).ok_or_else(|| {
        let what = format!("field `{field}` of checkpoint {checkpoint}");
        Failure::unreadable(what, format!("there is no kind `{name}`"))
    })
}

/// From task, key, json and checksum.
pub(super) fn entry(row: &Row) -> Result<EntryRecord, Failure> {
    Ok(EntryRecord {
        task: read(row.try_get(0)?),
        key: read(row.try_get(1)?),
        json: Some(read(row.try_get(2)?)),
        checksum: row.try_get::<_, i64>(3)?.cast_unsigned(),
    })
}

/// The first column of a row that must be there.
pub(super) fn only<T: FromSqlOwned>(row: &Row) -> Result<T, Failure> {
    Ok(row.try_get(0)?)
}
