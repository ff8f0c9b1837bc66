//! The one clock that tells the date.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 began in UTC.
#[expect(clippy::disallowed_methods, reason = "this is the one clock")]
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

/// The time that these milliseconds stand for.
pub(super) fn time_of(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}
