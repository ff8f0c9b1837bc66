//! Leases: who may write to a thread, and until when.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension as _};
use superstep_core::{CheckpointError, CheckpointId, Claim, Lease};

use super::error::Failure;

/// Gives out the lease, or says how long it is still held.
pub(super) fn acquire(
    connection: &Connection,
    thread: &str,
    claim: Claim,
) -> Result<Lease, Failure> {
    let now = now();
    let mut leased =
        connection.prepare_cached("SELECT leased_until_ms FROM thread WHERE name = ?")?;
    let until: Option<i64> = leased
        .query_row([thread], |row| row.get(0))
        .optional()?
        .flatten();
    if let Some(until) = until
        && until > now
        && !claim.takes_over
    {
        let free_in = Duration::from_millis(until.abs_diff(now));
        return Err(CheckpointError::Busy { free_in }.into());
    }
    let token = next_token(connection)?;
    let mut take = connection.prepare_cached(
        "INSERT INTO thread (name, id, token, leased_until_ms) VALUES (?1, ?2, ?2, ?3)
         ON CONFLICT (name) DO UPDATE
         SET token = excluded.token, leased_until_ms = excluded.leased_until_ms
         RETURNING id",
    )?;
    let until = end(now, claim.lasts);
    let id: i64 = take.query_row((thread, token, until), |row| row.get(0))?;
    let head = head(connection, id)?;
    Ok(Lease {
        token: token.cast_unsigned(),
        head: head.map(|(number, _)| CheckpointId::from(number.cast_unsigned())),
        head_token: head.map_or(0, |(_, token)| token.cast_unsigned()),
    })
}

/// Makes the lease last for `lasts` from now on.
pub(super) fn renew(
    connection: &Connection,
    thread: &str,
    token: u64,
    lasts: Duration,
) -> Result<(), Failure> {
    let mut renew = connection
        .prepare_cached("UPDATE thread SET leased_until_ms = ?3 WHERE name = ?1 AND token = ?2")?;
    match renew.execute((thread, token.cast_signed(), end(now(), lasts)))? {
        0 => Err(CheckpointError::Stale.into()),
        _ => Ok(()),
    }
}

/// Gives the lease back, if it is still the newest.
pub(super) fn release(connection: &Connection, thread: &str, token: u64) -> Result<(), Failure> {
    let mut release = connection.prepare_cached(
        "UPDATE thread SET leased_until_ms = NULL WHERE name = ?1 AND token = ?2",
    )?;
    release.execute((thread, token.cast_signed()))?;
    Ok(())
}

/// The thread of that name, if the lease is its newest.
pub(super) fn thread_under(
    connection: &Connection,
    thread: &str,
    token: u64,
) -> Result<i64, Failure> {
    let mut find =
        connection.prepare_cached("SELECT id FROM thread WHERE name = ?1 AND token = ?2")?;
    let id = find.query_row((thread, token.cast_signed()), |row| row.get(0));
    Ok(id.optional()?.ok_or(CheckpointError::Stale)?)
}

/// The thread's newest checkpoint, and the token under which it was written.
pub(super) fn head(connection: &Connection, thread: i64) -> Result<Option<(i64, i64)>, Failure> {
    let mut head = connection.prepare_cached(
        "SELECT number, token FROM checkpoint WHERE thread = ? ORDER BY number DESC LIMIT 1",
    )?;
    Ok(head
        .query_row([thread], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

/// A token that this file never gave out.
pub(super) fn next_token(connection: &Connection) -> Result<i64, Failure> {
    let mut next =
        connection.prepare_cached("UPDATE last_token SET token = token + 1 RETURNING token")?;
    Ok(next.query_row([], |row| row.get(0))?)
}

/// When a lease ends; what is less than a millisecond counts as one.
fn end(now: i64, lasts: Duration) -> i64 {
    let lasts = lasts.as_nanos().div_ceil(1_000_000);
    now.saturating_add(i64::try_from(lasts).unwrap_or(i64::MAX))
}

/// Milliseconds since 1970 began in UTC.
#[expect(
    clippy::disallowed_methods,
    reason = "processes that share a file share no other clock"
)]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
