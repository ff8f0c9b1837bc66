//! A switch that keeps tests from asking models over the network.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::{ModelError, ModelErrorKind};

static FORBIDDEN: AtomicBool = AtomicBool::new(false);

/// From now on no request leaves this process for a model that is not on this
/// machine: it fails as [`ModelErrorKind::Forbidden`]. For tests; there is no way
/// back. The environment variable `SUPERSTEP_FORBID_REQUESTS`, set to anything
/// but nothing, does the same.
pub fn forbid_requests() {
    FORBIDDEN.store(true, Ordering::Relaxed);
}

/// Fails if requests to that host are forbidden.
#[cfg_attr(
    not(feature = "openai"),
    expect(dead_code, reason = "only back ends that ask over a network need it")
)]
pub(crate) fn check(host: &str) -> Result<(), ModelError> {
    let forbidden = FORBIDDEN.load(Ordering::Relaxed)
        || std::env::var_os("SUPERSTEP_FORBID_REQUESTS").is_some_and(|set| !set.is_empty());
    match forbidden && !is_here(host) {
        true => Err(ModelError::new(ModelErrorKind::Forbidden)
            .message(format!("`{host}` is not on this machine"))),
        false => Ok(()),
    }
}

/// Whether a host, as URLs have it, is this machine.
pub(crate) fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
