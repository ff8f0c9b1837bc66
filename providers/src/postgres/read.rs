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
///
/// The names are found one after the other, not among all records; then of each
/// where its newest value is, and so which part of each line is read. What is
/// materialized and offset keeps the planner from looking through more.
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
    ),
    newest AS MATERIALIZED (
        SELECT name.field, value.depth, value.checkpoint
        FROM name LEFT JOIN LATERAL (
            SELECT line.depth, value.checkpoint
            FROM line CROSS JOIN LATERAL (
                SELECT checkpoint FROM field
                WHERE field.thread = $1 AND field.field = name.field AND field.kind = 'value'
                AND field.checkpoint BETWEEN line.first AND line.until
                ORDER BY field.checkpoint DESC LIMIT 1
            ) AS value
            ORDER BY line.depth LIMIT 1
        ) AS value ON true
        WHERE name.field IS NOT NULL
    ),
    part AS MATERIALIZED (
        SELECT newest.field, line.until,
            CASE line.depth WHEN newest.depth THEN newest.checkpoint ELSE line.first END AS first
        FROM newest JOIN line ON newest.depth IS NULL OR line.depth <= newest.depth
    )
    SELECT part.field, record.*
    FROM part CROSS JOIN LATERAL (
        SELECT checkpoint, previous, kind, json, checksum FROM field
        WHERE field.thread = $1 AND field.field = part.field
        AND field.checkpoint BETWEEN part.first AND part.until
        OFFSET 0
    ) AS record";

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
    let select = moment.prepare_cached(FIELDS).await?;
    let found = moment.query(&select, &[&thread, &first, &until]).await?;
    let fields: Result<Vec<_>, _> = found.iter().map(rows::field).collect();
    let mut fields = fields?;
    // A line's checkpoints are all after those of the lines before.
    fields.sort_by(|one, other| {
        let by_name = one.field.cmp(&other.field);
        by_name.then(one.checkpoint.cmp(&other.checkpoint))
    });
    Ok(fields)
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
