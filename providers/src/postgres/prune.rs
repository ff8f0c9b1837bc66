//! Deleting what a retention does not keep.

use deadpool_postgres::Transaction;
use superstep_core::{CheckpointRecord, FieldAt, Retention, Source};

use super::error::Failure;
use super::rows::{id, kind, number, only};
use super::text::{read, written};

const THREAD: &str = "SELECT id FROM thread WHERE name = $1";

const CHECKPOINTS: &str = "\
    SELECT number, parent, line, created_at_ms FROM checkpoint WHERE thread = $1 ORDER BY number";

const FIELDS: &str = "SELECT field, checkpoint, kind FROM field WHERE thread = $1";

const DELETE_CHECKPOINTS: &str = "\
    DELETE FROM checkpoint WHERE thread = $1 AND number = ANY ($2::bigint[])";

const DELETE_ENTRIES: &str = "\
    DELETE FROM entry WHERE thread = $1 AND checkpoint = ANY ($2::bigint[])";

const DELETE_FIELDS: &str = "\
    DELETE FROM field USING unnest($2::text[], $3::bigint[]) AS old (field, checkpoint)
    WHERE thread = $1 AND field.field = old.field AND field.checkpoint = old.checkpoint";

/// Deletes what the thread can do without.
pub(super) async fn prune(
    transaction: &Transaction<'_>,
    name: &str,
    retention: &Retention,
) -> Result<(), Failure> {
    let find = transaction.prepare_cached(THREAD).await?;
    let thread: i64 = only(&transaction.query_one(&find, &[&written(name)]).await?)?;
    let checkpoints = checkpoints(transaction, thread).await?;
    let now = checkpoints.last().map_or(0, |head| head.created_at);
    let prunable = retention.prunable(&checkpoints, &fields(transaction, thread).await?, now);
    let gone: Vec<_> = prunable.checkpoints.into_iter().map(number).collect();
    for sql in [DELETE_ENTRIES, DELETE_CHECKPOINTS] {
        let delete = transaction.prepare_cached(sql).await?;
        transaction.execute(&delete, &[&thread, &gone]).await?;
    }
    let (mut fields, mut of) = (Vec::new(), Vec::new());
    for (field, checkpoint) in &prunable.fields {
        fields.push(written(field));
        of.push(number(*checkpoint));
    }
    let delete = transaction.prepare_cached(DELETE_FIELDS).await?;
    transaction
        .execute(&delete, &[&thread, &fields, &of])
        .await?;
    Ok(())
}

/// All checkpoints of the thread, oldest first, without their text.
async fn checkpoints(
    transaction: &Transaction<'_>,
    thread: i64,
) -> Result<Vec<CheckpointRecord>, Failure> {
    let select = transaction.prepare_cached(CHECKPOINTS).await?;
    let mut checkpoints = Vec::new();
    for row in transaction.query(&select, &[&thread]).await? {
        checkpoints.push(CheckpointRecord {
            id: id(row.try_get(0)?),
            parent: row.try_get::<_, Option<i64>>(1)?.map(id),
            line: id(row.try_get(2)?),
            step: 0,
            source: Source::Superstep,
            created_at: row.try_get(3)?,
            body: String::new(),
            checksum: 0,
        });
    }
    Ok(checkpoints)
}

/// Where the thread's fields have records.
async fn fields(transaction: &Transaction<'_>, thread: i64) -> Result<Vec<FieldAt>, Failure> {
    let select = transaction.prepare_cached(FIELDS).await?;
    let mut fields = Vec::new();
    for row in transaction.query(&select, &[&thread]).await? {
        let field = read(row.try_get(0)?);
        let checkpoint = id(row.try_get(1)?);
        fields.push(FieldAt {
            kind: kind(&field, checkpoint, row.try_get(2)?)?,
            field,
            checkpoint,
        });
    }
    Ok(fields)
}
