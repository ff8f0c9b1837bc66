//! How long a provider asks to be left alone, in each of the ways in which that
//! is said.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// What the headers of an answer say.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(ms) = header("retry-after-ms").and_then(|ms| ms.parse::<f64>().ok()) {
        return seconds(ms / 1000.0);
    }
    let text = header("retry-after")?;
    match text.parse::<f64>() {
        Ok(n) => seconds(n),
        Err(_) => until(text, header("date")),
    }
}

/// Until a date, by the provider's own clock if it says what time it is there.
fn until(date: &str, now: Option<&str>) -> Option<Duration> {
    let date = httpdate::parse_http_date(date).ok()?;
    #[expect(
        clippy::disallowed_methods,
        reason = "it is compared with a date, and bounds a wait alone"
    )]
    let now = now
        .and_then(|now| httpdate::parse_http_date(now).ok())
        .unwrap_or_else(SystemTime::now);
    Some(date.duration_since(now).unwrap_or_default())
}

/// A wait as in `6m0s`, `1.5s`, `20ms`, or in seconds.
pub(super) fn duration(text: &str) -> Option<Duration> {
    if let Ok(n) = text.parse::<f64>() {
        return seconds(n);
    }
    let mut sum = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let n: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit());
        let (unit, more) = rest.split_at(end.unwrap_or(rest.len()));
        rest = more;
        sum += n * match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return None,
        };
    }
    seconds(sum)
}

fn seconds(n: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(n).ok()
}
