//! What is read.

use deadpool_postgres::{Client, Transaction};
use futures_util::future::try_join;
use superstep_core::{
    CheckpointError, CheckpointId, CheckpointRecord, EntryRecord, FieldRecord, Loaded, ThreadId,
};
use tokio_postgres::IsolationLevel;

use super::error::Failure;
use super::rows::{self, checkpoint_columns, id, number};
use super::text::{read, written};

const CHECKPOINT: &str = concat!(
    "SELECT ",
    checkpoint_columns!(),
    ", thread FROM checkpoint
    WHERE thread = (SELECT id FROM thread WHERE name = $1)
    AND ($2::bigint IS NULL OR number = $2)
    ORDER BY number DESC LIMIT 1"
);

/// The lines that lead to a checkpoint, its own first: each from its first
/// checkpoint, which is null where it cannot be, to the last that is read of
/// it. Where a line's first is gone, so is all before it.
const LINES: &str = "\
    WITH RECURSIVE line (first, until, depth) AS (
        SELECT $2::bigint, $3::bigint, 1
        UNION ALL
        SELECT parent.line, begin.parent, line.depth + 1
        FROM line
        JOIN checkpoint AS begin ON begin.thread = $1 AND begin.number = line.first
            AND begin.parent IS NOT NULL
        LEFT JOIN checkpoint AS parent ON parent.thread = $1 AND parent.number = begin.parent
            AND parent.line <= parent.number AND parent.number < begin.number
    )
    SELECT first, until FROM line ORDER BY depth";

/// Of each field the newest value along the lines, and what was added since.
/// The names are found one after the other, not among all records.
const FIELDS: &str = "\
    WITH RECURSIVE line AS (
        SELECT * FROM unnest($2::bigint[], $3::bigint[])
            WITH ORDINALITY AS line (first, until, depth)
    ),
    name (field) AS (
        (SELECT field FROM field WHERE thread = $1 ORDER BY field LIMIT 1)
        UNION ALL
        SELECT (SELECT next.field FROM field AS next
            WHERE next.thread = $1 AND next.field > name.field ORDER BY next.field LIMIT 1)
        FROM name WHERE name.field IS NOT NULL
    )
    SELECT record.field, record.checkpoint, record.previous, record.kind, record.json,
        record.checksum
    FROM name
    LEFT JOIN LATERAL (
        SELECT line.depth, value.checkpoint
        FROM line CROSS JOIN LATERAL (
            SELECT checkpoint FROM field AS value
            WHERE value.thread = $1 AND value.field = name.field AND value.kind = 'value'
            AND value.checkpoint BETWEEN line.first AND line.until
            ORDER BY value.checkpoint DESC LIMIT 1
        ) AS value
        ORDER BY line.depth LIMIT 1
    ) AS newest ON true
    JOIN line ON newest.depth IS NULL OR line.depth <= newest.depth
    JOIN field AS record ON record.thread = $1 AND record.field = name.field
        AND record.checkpoint BETWEEN line.first AND line.until
        AND (newest.depth IS NULL OR line.depth < newest.depth
            OR record.checkpoint >= newest.checkpoint)
    WHERE name.field IS NOT NULL
    ORDER BY name.field, line.depth DESC, record.checkpoint";

const ENTRIES: &str = "\
    SELECT task, key, json, checksum FROM entry
    WHERE thread = $1 AND checkpoint = $2 ORDER BY task, key";

const LIST: &str = concat!(
    "SELECT ",
    checkpoint_columns!(),
    " FROM checkpoint
    WHERE thread = (SELECT id FROM thread WHERE name = $1) AND number < $2
    ORDER BY number DESC LIMIT $3"
);

const CHANGES: &str = "\
    WITH RECURSIVE of AS (SELECT id FROM thread WHERE name = $1),
    name (field) AS (
        (SELECT field FROM field, of WHERE thread = of.id ORDER BY field LIMIT 1)
        UNION ALL
        SELECT (SELECT next.field FROM field AS next, of
            WHERE next.thread = of.id AND next.field > name.field ORDER BY next.field LIMIT 1)
        FROM name WHERE name.field IS NOT NULL
    )
    SELECT record.field, checkpoint, previous, kind, json, checksum
    FROM of, name JOIN field AS record USING (field)
    WHERE record.thread = of.id AND checkpoint = $2 ORDER BY record.field";

const THREADS: &str = "\
    SELECT name FROM thread
    WHERE ($1::text IS NULL OR name > $1)
    AND EXISTS (SELECT FROM checkpoint WHERE checkpoint.thread = thread.id)
    ORDER BY name LIMIT $2";

/// A checkpoint with its fields and entries, all of one moment.
pub(super) async fn load(
    client: &mut Client,
    name: &str,
    checkpoint: Option<CheckpointId>,
) -> Result<Option<Loaded>, Failure> {
    let moment = client.build_transaction().read_only(true);
    let moment = moment.isolation_level(IsolationLevel::RepeatableRead);
    let moment = moment.start().await?;
    let select = moment.prepare_cached(CHECKPOINT).await?;
    let wanted = checkpoint.map(number);
    let Some(row) = moment
        .query_opt(&select, &[&written(name), &wanted])
        .await?
    else {
        return Ok(None);
    };
    let checkpoint = rows::checkpoint(&row)?;
    let thread: i64 = row.try_get(8)?;
    let (fields, entries) = try_join(
        fields(&moment, thread, &checkpoint),
        entries(&moment, thread, checkpoint.id),
    )
    .await?;
    Ok(Some(Loaded {
        checkpoint,
        fields,
        entries,
    }))
}

/// The thread's checkpoints before that one, newest first.
pub(super) async fn list(
    client: &Client,
    name: &str,
    before: Option<CheckpointId>,
    limit: usize,
) -> Result<Vec<CheckpointRecord>, Failure> {
    let list = client.prepare_cached(LIST).await?;
    let before = before.map_or(i64::MAX, number);
    let found = client
        .query(&list, &[&written(name), &before, &at_most(limit)])
        .await?;
    found.iter().map(rows::checkpoint).collect()
}

/// The fields that a checkpoint changed, by name.
pub(super) async fn changes(
    client: &Client,
    name: &str,
    checkpoint: CheckpointId,
) -> Result<Vec<FieldRecord>, Failure> {
    let changes = client.prepare_cached(CHANGES).await?;
    let found = client
        .query(&changes, &[&written(name), &number(checkpoint)])
        .await?;
    found.iter().map(rows::field).collect()
}

/// The names of threads with checkpoints, after that one.
pub(super) async fn threads(
    client: &Client,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<ThreadId>, Failure> {
    let threads = client.prepare_cached(THREADS).await?;
    let found = client
        .query(&threads, &[&after.map(written), &at_most(limit)])
        .await?;
    let name = |row| Ok(ThreadId::from(read(rows::only(row)?)));
    found.iter().map(name).collect()
}

async fn fields(
    moment: &Transaction<'_>,
    thread: i64,
    checkpoint: &CheckpointRecord,
) -> Result<Vec<FieldRecord>, Failure> {
    let lines = moment.prepare_cached(LINES).await?;
    let own = (number(checkpoint.line), number(checkpoint.id));
    let (mut first, mut until) = (Vec::new(), Vec::new());
    for line in moment.query(&lines, &[&thread, &own.0, &own.1]).await? {
        let last: i64 = line.try_get(1)?;
        let begin: Option<i64> = line.try_get(0)?;
        first.push(begin.ok_or(CheckpointError::NoCheckpoint { id: id(last) })?);
        until.push(last);
    }
    let fields = moment.prepare_cached(FIELDS).await?;
    let found = moment.query(&fields, &[&thread, &first, &until]).await?;
    found.iter().map(rows::field).collect()
}

async fn entries(
    moment: &Transaction<'_>,
    thread: i64,
    checkpoint: CheckpointId,
) -> Result<Vec<EntryRecord>, Failure> {
    let entries = moment.prepare_cached(ENTRIES).await?;
    let found = moment
        .query(&entries, &[&thread, &number(checkpoint)])
        .await?;
    found.iter().map(rows::entry).collect()
}

fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
