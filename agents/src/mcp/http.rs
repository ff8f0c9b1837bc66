//! A server that is found by a URL: streamable HTTP.

use std::error::Error;
use std::sync::Arc;

use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::{
    StreamableHttpClientTransportConfig, StreamableHttpError,
};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use superstep_providers::check_requests;

use super::McpUrl;

type BoxError = Box<dyn Error + Send + Sync>;

/// A way to the server. Nothing is sent yet.
pub(super) fn transport(
    target: &McpUrl,
) -> Result<StreamableHttpClientTransport<reqwest::Client>, BoxError> {
    let url = Url::parse(&target.url).map_err(|error| format!("its URL is none: {error}"))?;
    check_requests(url.host_str().unwrap_or_default())?;
    let headers = target
        .headers
        .iter()
        .map(|(name, value)| header(name, value));
    let headers = headers.collect::<Result<_, _>>()?;
    let config =
        StreamableHttpClientTransportConfig::with_uri(target.url.as_str()).custom_headers(headers);
    Ok(StreamableHttpClientTransport::with_client(
        client(&url)?,
        config,
    ))
}

fn client(url: &Url) -> Result<reqwest::Client, BoxError> {
    let mut client = reqwest::Client::builder()
        // To nobody else than who was named do headers go.
        .redirect(reqwest::redirect::Policy::none())
        .tls_backend_preconfigured(tls(url.scheme() == "https")?);
    let host = url.host_str().unwrap_or_default();
    if ["localhost", "127.0.0.1", "[::1]"].contains(&host) {
        client = client.no_proxy();
    }
    Ok(client.build()?)
}

/// Trusts whom the system trusts.
fn tls(needed: bool) -> Result<ClientConfig, BoxError> {
    let mut trusted = RootCertStore::empty();
    if needed {
        // What of the system's cannot be read is not trusted.
        let system = rustls_native_certs::load_native_certs();
        trusted.add_parsable_certificates(system.certs);
        if trusted.is_empty() {
            return Err("the system has no certificates to trust".into());
        }
    }
    // Not the process's default, which another crate may have set or not.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(trusted).with_no_client_auth())
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), BoxError> {
    let named = HeaderName::from_bytes(name.as_bytes());
    let named = named.map_err(|_| format!("`{name}` cannot be the name of a header"))?;
    let value = HeaderValue::from_str(value);
    let mut value =
        value.map_err(|_| format!("the header `{named}` has a value that none can have"))?;
    value.set_sensitive(true);
    Ok((named, value))
}

/// The name of a server whose own is not known: without what may be secret.
pub(super) fn named(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) => {
            let port = url
                .port()
                .map(|port| format!(":{port}"))
                .unwrap_or_default();
            let host = url.host_str().unwrap_or_default();
            format!("{}://{host}{port}{}", url.scheme(), url.path())
        }
        Err(_) => "of a URL that is none".to_owned(),
    }
}

/// Why something was not sent, without what wraps the reason.
pub(super) fn reason(error: BoxError) -> BoxError {
    match error.downcast::<StreamableHttpError<reqwest::Error>>() {
        Ok(error) => match *error {
            StreamableHttpError::Client(error) => error.without_url().into(),
            StreamableHttpError::AuthRequired(error) => error.into(),
            StreamableHttpError::InsufficientScope(error) => error.into(),
            other => other.into(),
        },
        Err(other) => other,
    }
}
