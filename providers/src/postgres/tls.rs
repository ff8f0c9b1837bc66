//! Connections that nobody can listen to.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use superstep_core::CheckpointError;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::bad_certificates;
use crate::tls::{of_system, trusting};

/// Trusts those certificates, or the system's.
pub(super) fn connector(roots: Option<&[u8]>) -> Result<MakeRustlsConnect, CheckpointError> {
    let trusted = match roots {
        None => of_system(),
        Some(pem) => {
            let mut trusted = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(bad_certificates)?;
                trusted.add(certificate).map_err(bad_certificates)?;
            }
            if trusted.is_empty() {
                return Err(bad_certificates("there is none"));
            }
            trusted
        }
    };
    let config = trusting(trusted).map_err(bad_certificates)?;
    Ok(MakeRustlsConnect::new(config))
}
