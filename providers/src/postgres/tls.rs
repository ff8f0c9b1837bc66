//! Connections that nobody can listen to.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use superstep_core::CheckpointError;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::bad_certificates;

/// Trusts those certificates, or the system's.
pub(super) fn connector(roots: Option<&[u8]>) -> Result<MakeRustlsConnect, CheckpointError> {
    let mut trusted = RootCertStore::empty();
    match roots {
        // What of the system's cannot be read is not trusted.
        None => {
            let system = rustls_native_certs::load_native_certs();
            trusted.add_parsable_certificates(system.certs);
        }
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(bad_certificates)?;
                trusted.add(certificate).map_err(bad_certificates)?;
            }
            if trusted.is_empty() {
                return Err(bad_certificates("there is none"));
            }
        }
    }
    // Not the process's default, which another crate may have set or not.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(bad_certificates)?;
    let config = config.with_root_certificates(trusted);
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}
