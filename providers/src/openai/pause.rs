//! What a provider says of its limits in the headers of each answer: how much is
//! left, and until when.

use std::time::Duration;

use http::HeaderMap;
use superstep_core::Permit;

use super::wait::duration;

/// Feeds what an answer says to the limiter that has permitted the call.
pub(super) fn tell(permit: &Permit, headers: &HeaderMap) {
    if let Some((left, wait)) = left(headers, "requests") {
        permit.calls_left(left, wait);
    }
    if let Some((left, wait)) = left(headers, "tokens") {
        permit.tokens_left(left, wait);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "casts of floats saturate"
)]
fn left(headers: &HeaderMap, what: &str) -> Option<(u64, Duration)> {
    let header = |name: String| headers.get(name)?.to_str().ok().map(str::trim);
    let left = header(format!("x-ratelimit-remaining-{what}"))?;
    let left: f64 = left.parse().ok()?;
    let reset = header(format!("x-ratelimit-reset-{what}"))?;
    Some((left as u64, duration(reset)?))
}
