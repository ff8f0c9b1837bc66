//! A switch that keeps tests from asking others over the network.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::{ModelError, ModelErrorKind};

static FORBIDDEN: AtomicBool = AtomicBool::new(false);

/// From now on no request leaves this process for a model, or for a server of tools
/// that is found by a URL, that is not on this machine: it fails as
/// [`ModelErrorKind::Forbidden`], or as a server that cannot be reached. For tests;
/// there is no way back. The environment variable `SUPERSTEP_FORBID_REQUESTS`, set
/// to anything but nothing, does the same.
pub fn forbid_requests() {
    FORBIDDEN.store(true, Ordering::Relaxed);
}

/// Fails as [`ModelErrorKind::Forbidden`] if requests to that host, as URLs have it,
/// are [forbidden](forbid_requests): for models and tools of yours that ask over a
/// network.
///
/// # Errors
///
/// When they are.
///
/// # Examples
///
/// ```
/// use superstep_providers::{ModelErrorKind, check_requests, forbid_requests};
///
/// forbid_requests();
/// assert!(check_requests("localhost").is_ok());
/// let error = check_requests("example.org").unwrap_err();
/// assert_eq!(error.kind, ModelErrorKind::Forbidden);
/// ```
pub fn check_requests(host: &str) -> Result<(), ModelError> {
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
