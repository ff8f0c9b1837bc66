//! TLS, as all who ask over a network speak it.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, Error, RootCertStore};

/// Whom the system trusts. What of the system's cannot be read is not trusted.
pub(crate) fn of_system() -> RootCertStore {
    let mut trusted = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    trusted.add_parsable_certificates(system.certs);
    trusted
}

/// Trusts these.
pub(crate) fn trusting(trusted: RootCertStore) -> Result<ClientConfig, Error> {
    // Not the process's default, which another crate may have set or not.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(trusted).with_no_client_auth())
}
