//! Leases: who may write to a thread, and until when, by the server's clock.

use std::time::Duration;

use deadpool_postgres::Client;
use superstep_core::{CheckpointError, CheckpointId, Claim, Lease};

use super::error::Failure;
use super::text::written;

/// Longer than anybody lives; Postgres counts no further than some 290 000
/// years.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// For a thread that is there, token and time are taken where its row is
/// written, once that is locked: of two that wait for the row, who draws first
/// need not be first to have it.
const TAKE: &str = "\
    INSERT INTO thread (name, id, token, leased_until)
    SELECT $1, next.token, next.token, clock_timestamp() + make_interval(secs => $2)
    FROM (SELECT nextval('token') AS token) AS next
    ON CONFLICT (name) DO UPDATE
    SET token = nextval('token'), leased_until = clock_timestamp() + make_interval(secs => $2)
    WHERE $3 OR thread.leased_until IS NULL OR thread.leased_until <= clock_timestamp()
    RETURNING id, token";

const HEAD: &str = "\
    SELECT number, token FROM checkpoint WHERE thread = $1 ORDER BY number DESC LIMIT 1";

const FREE_IN: &str = "\
    SELECT extract(epoch FROM leased_until - clock_timestamp())::double precision
    FROM thread WHERE name = $1";

const RENEW: &str = "\
    UPDATE thread SET leased_until = clock_timestamp() + make_interval(secs => $3)
    WHERE name = $1 AND token = $2";

const RELEASE: &str = "UPDATE thread SET leased_until = NULL WHERE name = $1 AND token = $2";

/// Gives out the lease, or says how long it is still held.
pub(super) async fn acquire(client: &Client, thread: &str, claim: Claim) -> Result<Lease, Failure> {
    let name = written(thread);
    let take = client.prepare_cached(TAKE).await?;
    let taken = client
        .query_opt(&take, &[&name, &seconds(claim.lasts), &claim.takes_over])
        .await?;
    let Some(taken) = taken else {
        let free_in = client.prepare_cached(FREE_IN).await?;
        let row = client.query_opt(&free_in, &[&name]).await?;
        let seconds = row
            .map(|row| row.try_get::<_, Option<f64>>(0))
            .transpose()?
            .flatten();
        let free_in = Duration::try_from_secs_f64(seconds.unwrap_or(0.0)).unwrap_or_default();
        return Err(CheckpointError::Busy { free_in }.into());
    };
    let (id, token): (i64, i64) = (taken.try_get(0)?, taken.try_get(1)?);
    // Not in one with the other: whoever wrote the head held the row that the
    // first waited for, and what he wrote is seen from the next one on.
    let head = client.prepare_cached(HEAD).await?;
    let head = client.query_opt(&head, &[&id]).await?;
    let head = head.map(|row| Ok::<(i64, i64), Failure>((row.try_get(0)?, row.try_get(1)?)));
    let head = head.transpose()?;
    Ok(Lease {
        token: token.cast_unsigned(),
        head: head.map(|(number, _)| CheckpointId::from(number.cast_unsigned())),
        head_token: head.map_or(0, |(_, token)| token.cast_unsigned()),
    })
}

/// Makes the lease last for `lasts` from now on.
pub(super) async fn renew(
    client: &Client,
    thread: &str,
    token: u64,
    lasts: Duration,
) -> Result<(), Failure> {
    let renew = client.prepare_cached(RENEW).await?;
    let (name, lasts) = (written(thread), seconds(lasts));
    match client
        .execute(&renew, &[&name, &token.cast_signed(), &lasts])
        .await?
    {
        0 => Err(CheckpointError::Stale.into()),
        _ => Ok(()),
    }
}

/// Gives the lease back, if it is still the newest.
pub(super) async fn release(client: &Client, thread: &str, token: u64) -> Result<(), Failure> {
    let release = client.prepare_cached(RELEASE).await?;
    client
        .execute(&release, &[&written(thread), &token.cast_signed()])
        .await?;
    Ok(())
}

fn seconds(lasts: Duration) -> f64 {
    lasts.min(LONGEST).as_secs_f64()
}
