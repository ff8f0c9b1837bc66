//! What is written under a lease.
//!
//! 1. Whoever writes locks the thread's row first, and then looks whether the
//!    lease is the newest. A takeover waits for that lock, so that nothing is
//!    written under the lease before once it is done.
//! 2. Lock, write and commit are sent together, before any is answered: one
//!    round trip, and no lock is held by a client that is slow. A future that is
//!    dropped has sent all of it or nothing.

use std::future::Future;

use deadpool_postgres::{Client, Transaction};
use futures_util::future::join4;
use superstep_core::{CheckpointError, CheckpointId, Commit, EntryRecord, Retention};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, GenericClient, Row, Statement};

use super::columns::{Entries, Fields};
use super::error::Failure;
use super::prune::prune;
use super::rows::{number, only};
use super::text::written;

const LOCK: &str = "SELECT FROM thread WHERE name = $1 FOR NO KEY UPDATE";

const COMMIT: &str = "\
    WITH held AS (SELECT id FROM thread WHERE name = $1 AND token = $2),
    put AS (
        INSERT INTO checkpoint
            (thread, number, parent, line, step, source, created_at_ms, token, body, checksum)
        SELECT held.id, $3::bigint, $4::bigint, $5::bigint, $6::bigint, $7::text, $8::bigint,
            $2::bigint, $9::text, $10::bigint
        FROM held
        WHERE $3 = 1 + coalesce(
            (SELECT max(number) FROM checkpoint WHERE checkpoint.thread = held.id), 0)
        RETURNING thread
    ),
    fields AS (
        INSERT INTO field (thread, field, checkpoint, previous, kind, json, checksum)
        SELECT put.thread, new.field, $3, new.previous, new.kind, new.json, new.checksum
        FROM put, unnest($11::text[], $12::bigint[], $13::text[], $14::text[], $15::bigint[])
            AS new (field, previous, kind, json, checksum)
    ),
    over AS (
        DELETE FROM entry USING put
        WHERE entry.thread = put.thread AND entry.checkpoint = $16::bigint
    ),
    entries AS (
        INSERT INTO entry (thread, checkpoint, task, key, json, checksum)
        SELECT put.thread, $3, new.task, new.key, new.json, new.checksum
        FROM put, unnest($17::text[], $18::text[], $19::text[], $20::bigint[])
            AS new (task, key, json, checksum)
        ON CONFLICT (thread, checkpoint, task, key)
        DO UPDATE SET json = excluded.json, checksum = excluded.checksum
    ),
    gone AS (
        DELETE FROM entry USING put, unnest($21::text[], $22::text[]) AS old (task, key)
        WHERE entry.thread = put.thread AND entry.checkpoint = $3
        AND entry.task = old.task AND entry.key = old.key
    ),
    released AS (
        UPDATE thread SET leased_until = NULL FROM put WHERE thread.id = put.thread AND $23::boolean
    )
    SELECT count(*) FROM put";

const PUT_ENTRIES: &str = "\
    WITH held AS (SELECT id FROM thread WHERE name = $1 AND token = $2),
    entries AS (
        INSERT INTO entry (thread, checkpoint, task, key, json, checksum)
        SELECT held.id, $3, new.task, new.key, new.json, new.checksum
        FROM held, unnest($4::text[], $5::text[], $6::text[], $7::bigint[])
            AS new (task, key, json, checksum)
        ON CONFLICT (thread, checkpoint, task, key)
        DO UPDATE SET json = excluded.json, checksum = excluded.checksum
    ),
    gone AS (
        DELETE FROM entry USING held, unnest($8::text[], $9::text[]) AS old (task, key)
        WHERE entry.thread = held.id AND entry.checkpoint = $3
        AND entry.task = old.task AND entry.key = old.key
    )
    SELECT count(*) FROM held";

const FIND_TO_COPY: &str = "\
    SELECT name, id, EXISTS (SELECT FROM checkpoint WHERE checkpoint.thread = thread.id)
    FROM thread WHERE name IN ($1, $2) ORDER BY name FOR UPDATE";

const BEGIN_COPY: &str = "\
    INSERT INTO thread (name, id, token)
    SELECT $1, next.token, next.token FROM (SELECT nextval('token') AS token) AS next
    ON CONFLICT DO NOTHING RETURNING id";

const COPY_CHECKPOINTS: &str = "\
    INSERT INTO checkpoint
        (thread, number, parent, line, step, source, created_at_ms, token, body, checksum)
    SELECT $2, number, parent, line, step, source, created_at_ms, $2, body, checksum
    FROM checkpoint WHERE thread = $1";

const COPY_FIELDS: &str = "\
    INSERT INTO field (thread, field, checkpoint, previous, kind, json, checksum)
    SELECT $2, field, checkpoint, previous, kind, json, checksum FROM field WHERE thread = $1";

const COPY_ENTRIES: &str = "\
    INSERT INTO entry (thread, checkpoint, task, key, json, checksum)
    SELECT $2, checkpoint, task, key, json, checksum FROM entry WHERE thread = $1";

const FIND_TO_DELETE: &str = "SELECT id, token FROM thread WHERE name = $1 FOR UPDATE";

/// Writes a checkpoint onto the head, and what goes with it.
pub(super) async fn commit(
    client: &mut Client,
    name: &str,
    token: u64,
    commit: &Commit,
    retention: Option<Retention>,
) -> Result<(), Failure> {
    let id = commit.checkpoint.id.number();
    let Some(retention) = retention.filter(|keep| id.is_multiple_of(keep.interval())) else {
        let sql = client.prepare_cached(COMMIT).await?;
        let write = put_checkpoint(&***client, &sql, name, token, commit);
        return wrote(under_lock(client, name, write).await?);
    };
    let transaction = client.transaction().await?;
    let lock = transaction.prepare_cached(LOCK).await?;
    transaction.execute(&lock, &[&written(name)]).await?;
    let sql = transaction.prepare_cached(COMMIT).await?;
    wrote(put_checkpoint(&*transaction, &sql, name, token, commit).await)?;
    prune(&transaction, name, &retention).await?;
    Ok(transaction.commit().await?)
}

/// Writes entries of a checkpoint.
pub(super) async fn put_entries(
    client: &Client,
    name: &str,
    token: u64,
    checkpoint: CheckpointId,
    entries: &[EntryRecord],
) -> Result<(), Failure> {
    let sql = client.prepare_cached(PUT_ENTRIES).await?;
    let entries = Entries::of(entries);
    let write = async {
        let (name, token, checkpoint) = (written(name), token.cast_signed(), number(checkpoint));
        let parameters: [&(dyn ToSql + Sync); 9] = [
            &name,
            &token,
            &checkpoint,
            &entries.task,
            &entries.key,
            &entries.json,
            &entries.checksum,
            &entries.gone_task,
            &entries.gone_key,
        ];
        client.query_one(&sql, &parameters).await
    };
    wrote(under_lock(client, name, write).await?)
}

/// Copies a thread under a name that has no checkpoints yet.
pub(super) async fn copy(client: &mut Client, from: &str, to: &str) -> Result<(), Failure> {
    let (from, to) = (written(from), written(to));
    let transaction = client.transaction().await?;
    let find = transaction.prepare_cached(FIND_TO_COPY).await?;
    let (mut source, mut there) = (None, None);
    for row in transaction.query(&find, &[&from, &to]).await? {
        let (name, id): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        if name == from {
            source = Some(id);
        }
        if name == to {
            there = Some(id);
            if row.try_get(2)? {
                return Err(CheckpointError::Exists.into());
            }
        }
    }
    let Some(source) = source.filter(|_| from != to) else {
        return Ok(());
    };
    if let Some(there) = there {
        erase(&transaction, there).await?;
    }
    let begin = transaction.prepare_cached(BEGIN_COPY).await?;
    let begun = transaction.query_opt(&begin, &[&to]).await?;
    // Somebody else made a thread of that name in this moment.
    let begun = begun.ok_or(CheckpointError::Exists)?;
    let copy: i64 = only(&begun)?;
    for sql in [COPY_CHECKPOINTS, COPY_FIELDS, COPY_ENTRIES] {
        let sql = transaction.prepare_cached(sql).await?;
        transaction.execute(&sql, &[&source, &copy]).await?;
    }
    Ok(transaction.commit().await?)
}

/// Deletes a thread; one that is not there is deleted already.
pub(super) async fn delete(client: &mut Client, name: &str, token: u64) -> Result<(), Failure> {
    let transaction = client.transaction().await?;
    let find = transaction.prepare_cached(FIND_TO_DELETE).await?;
    let Some(row) = transaction.query_opt(&find, &[&written(name)]).await? else {
        return Ok(());
    };
    if row.try_get::<_, i64>(1)? != token.cast_signed() {
        return Err(CheckpointError::Stale.into());
    }
    erase(&transaction, only(&row)?).await?;
    Ok(transaction.commit().await?)
}

async fn erase(transaction: &Transaction<'_>, thread: i64) -> Result<(), Failure> {
    for sql in [
        "DELETE FROM entry WHERE thread = $1",
        "DELETE FROM field WHERE thread = $1",
        "DELETE FROM checkpoint WHERE thread = $1",
        "DELETE FROM thread WHERE id = $1",
    ] {
        let sql = transaction.prepare_cached(sql).await?;
        transaction.execute(&sql, &[&thread]).await?;
    }
    Ok(())
}

async fn put_checkpoint(
    client: &impl GenericClient,
    sql: &Statement,
    name: &str,
    token: u64,
    commit: &Commit,
) -> Result<Row, Error> {
    let record = &commit.checkpoint;
    let fields = Fields::of(&commit.fields);
    let entries = Entries::of(&commit.entries);
    let parameters: [&(dyn ToSql + Sync); 23] = [
        &written(name),
        &token.cast_signed(),
        &number(record.id),
        &record.parent.map(number),
        &number(record.line),
        &record.step.cast_signed(),
        &record.source.as_str(),
        &record.created_at,
        &written(&record.body),
        &record.checksum.cast_signed(),
        &fields.field,
        &fields.previous,
        &fields.kind,
        &fields.json,
        &fields.checksum,
        &commit.drop_entries_of.map(number),
        &entries.task,
        &entries.key,
        &entries.json,
        &entries.checksum,
        &entries.gone_task,
        &entries.gone_key,
        &commit.release,
    ];
    client.query_one(sql, &parameters).await
}

/// Sends a lock of the thread, the write and the end of their transaction, and
/// waits for all of them.
async fn under_lock(
    client: &Client,
    name: &str,
    write: impl Future<Output = Result<Row, Error>>,
) -> Result<Result<Row, Error>, Failure> {
    let lock = client.prepare_cached(LOCK).await?;
    let name = written(name);
    let parameters: [&(dyn ToSql + Sync); 1] = [&name];
    // Each sends what it has to when it is polled first, which is in order.
    let (begun, locked, done, ended) = join4(
        client.batch_execute("BEGIN"),
        client.execute(&lock, &parameters),
        write,
        client.batch_execute("COMMIT"),
    )
    .await;
    begun?;
    locked?;
    let done = match done {
        Ok(row) => row,
        failed => return Ok(failed),
    };
    ended?;
    Ok(Ok(done))
}

/// Whether a write found the lease and the head that it was for.
fn wrote(done: Result<Row, Error>) -> Result<(), Failure> {
    let is_taken = |error: &Error| {
        let error = error.as_db_error();
        error.is_some_and(|error| error.constraint() == Some("checkpoint_pkey"))
    };
    match done {
        Ok(row) if only::<i64>(&row)? == 1 => Ok(()),
        Ok(_) => Err(CheckpointError::Stale.into()),
        Err(error) if is_taken(&error) => Err(CheckpointError::Stale.into()),
        Err(error) => Err(error.into()),
    }
}
