//! Where requests go, and what is sent with each.

use async_openai::config::Config;
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;
use rustls::{ClientConfig, RootCertStore};
use secrecy::SecretString;

use super::settings::Timeouts;
use crate::tls::{of_system, trusting};
use crate::{ModelError, ModelErrorKind};

/// async-openai's own configurations read the environment by themselves, and
/// panic over a key that no header can hold.
#[derive(Debug)]
pub(super) struct Endpoint {
    base: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    /// The key is among the headers already.
    no_key: SecretString,
}

impl Endpoint {
    pub(super) fn new(base: &Url, headers: HeaderMap, query: &[(String, String)]) -> Self {
        let of_base = base.query_pairs();
        let of_base = of_base.map(|(name, value)| (name.into_owned(), value.into_owned()));
        let query = of_base.chain(query.iter().cloned()).collect();
        let mut base = base.clone();
        base.set_query(None);
        base.set_fragment(None);
        Self {
            base: base.as_str().trim_end_matches('/').to_owned(),
            query,
            headers,
            no_key: SecretString::default(),
        }
    }
}

impl Config for Endpoint {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        let query = self.query.iter();
        query.map(|(name, value)| (&**name, &**value)).collect()
    }

    fn api_base(&self) -> &str {
        &self.base
    }

    fn api_key(&self) -> &SecretString {
        &self.no_key
    }
}

pub(super) fn setup(message: impl Into<String>) -> ModelError {
    ModelError::new(ModelErrorKind::Setup).message(message)
}

/// The address, if requests can go there.
pub(super) fn address(base: &str) -> Result<Url, ModelError> {
    let url = Url::parse(base).map_err(|error| setup("the base URL is none").caused_by(error))?;
    let is_web = matches!(url.scheme(), "http" | "https");
    match is_web && url.host_str().is_some_and(|host| !host.is_empty()) {
        true => Ok(url),
        false => Err(setup("the base URL is not one of HTTP")),
    }
}

/// A header that holds a key.
///
/// # Errors
///
/// When no header can hold it: nothing of the key is in the error.
pub(super) fn key(before: &str, key: &str) -> Result<HeaderValue, ModelError> {
    let value = HeaderValue::from_str(&format!("{before}{key}"));
    let mut value = value.map_err(|_| {
        let error = ModelError::new(ModelErrorKind::Auth);
        error.message("the key holds a line break, or what else no header can hold")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

pub(super) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), ModelError> {
    let named = HeaderName::from_bytes(name.as_bytes());
    let named = named.map_err(|_| setup(format!("`{name}` cannot be the name of a header")))?;
    let value = HeaderValue::from_str(value);
    let mut value = value.map_err(|_| {
        setup(format!(
            "the header `{named}` has a value that none can have"
        ))
    })?;
    value.set_sensitive(true);
    Ok((named, value))
}

/// What sends requests, if they are sent.
pub(super) fn client(
    url: &Url,
    timeouts: &Timeouts,
    sends: bool,
) -> Result<reqwest::Client, ModelError> {
    let failed = |error: reqwest::Error| setup("no client can be made").caused_by(error);
    let mut client = reqwest::Client::builder()
        .connect_timeout(timeouts.connect)
        // To nobody else than who was named does a key go.
        .redirect(reqwest::redirect::Policy::none())
        .tls_backend_preconfigured(tls(sends && url.scheme() == "https")?);
    if crate::chat::is_here(url.host_str().unwrap_or_default()) {
        client = client.no_proxy();
    }
    client.build().map_err(failed)
}

/// Trusts whom the system trusts.
fn tls(needed: bool) -> Result<ClientConfig, ModelError> {
    let trusted = match needed {
        true => of_system(),
        false => RootCertStore::empty(),
    };
    if needed && trusted.is_empty() {
        return Err(setup("the system has no certificates to trust"));
    }
    trusting(trusted).map_err(|error| setup("TLS cannot be set up").caused_by(error))
}
