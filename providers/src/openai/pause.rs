//! What a provider says of its limits in the headers of each answer: once
//! nothing is left, there is something again only after a while.

use std::time::Duration;

use http::HeaderMap;

use super::wait::duration;

/// For how long there is nothing left, if an answer says so.
pub(super) fn nothing_left(headers: &HeaderMap) -> Option<Duration> {
    let header = |name: String| headers.get(name)?.to_str().ok().map(str::trim);
    let waits = ["requests", "tokens"].into_iter().filter_map(|what| {
        let left = header(format!("x-ratelimit-remaining-{what}"))?;
        let left: f64 = left.parse().ok()?;
        let reset = header(format!("x-ratelimit-reset-{what}"))?;
        (left <= 0.0).then(|| duration(reset)).flatten()
    });
    waits.max()
}
