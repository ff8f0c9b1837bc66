//! What was described becomes a model, if it can be one.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use reqwest::Url;

use super::super::caller::Caller;
use super::super::embed::OpenAiEmbedder;
use super::super::endpoint::{Endpoint, address, client, header, key, setup};
use super::super::model::Remote;
use super::super::preset::{COMPATIBLE, Dialect, OPENAI};
use super::super::secrets::Secrets;
use super::super::settings::Route;
use super::super::taped::KEYS;
use super::OpenAi;
use super::places::{env, is_at};
use crate::{Model, ModelError, ModelErrorKind};

impl OpenAi {
    /// The model.
    ///
    /// # Errors
    ///
    /// [`ModelErrorKind::Auth`] when a key is missing, or is none;
    /// [`ModelErrorKind::Setup`] when no model is named, or when an address or a
    /// header is none.
    pub fn build(self) -> Result<Model, ModelError> {
        let route = match self.responses {
            true => Route::Responses,
            false => Route::Chat,
        };
        Ok(Model::new(Remote(Arc::new(self.caller(route)?))))
    }

    /// What makes vectors of texts, by the model of that name.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn embedder(self) -> Result<OpenAiEmbedder, ModelError> {
        Ok(OpenAiEmbedder {
            caller: self.caller(Route::Embeddings)?,
            dimensions: None,
        })
    }

    fn caller(self, route: Route) -> Result<Caller, ModelError> {
        let given = self.base(route);
        let (dialect, base) = match (self.preset, &given) {
            (Some(dialect), given) => (dialect, given.as_deref().or(dialect.base)),
            (None, Some(given)) => (COMPATIBLE, Some(&**given)),
            (None, None) => (OPENAI, OPENAI.base),
        };
        let url = address(base.ok_or_else(|| setup("no base URL is given"))?)?;
        let is_openai = self.preset.is_none() && is_at(&OPENAI, &url);
        let dialect = if is_openai { OPENAI } else { dialect };
        let mut secrets = Secrets::default();
        let headers = self.headers(&dialect, &url, &mut secrets)?;
        let replays = self.replays();
        let azure = self.azure.as_ref();
        let version = azure.map(|azure| ("api-version".to_owned(), azure.version.clone()));
        let query: Vec<_> = version.into_iter().collect();
        let of_azure = azure.filter(|_| route == Route::Responses);
        let model = of_azure
            .map(|azure| azure.deployment.clone())
            .or(self.model);
        Ok(Caller {
            model: model.filter(|model| !model.is_empty()).ok_or_else(|| {
                setup("no model is named: set `OPENAI_MODEL`, or call `OpenAi::model`")
            })?,
            dialect,
            capabilities: self.capabilities.unwrap_or(dialect.capabilities),
            route,
            host: url.host_str().unwrap_or_default().to_owned(),
            client: client(&url, &self.timeouts, !replays)?,
            endpoint: Arc::new(Endpoint::new(&url, headers, &query)),
            timeouts: self.timeouts,
            tries: self.tries,
            limiter: self.limiter.unwrap_or_default(),
            secrets,
            tape: self.tape,
        })
    }

    fn headers(
        &self,
        dialect: &Dialect,
        url: &Url,
        secrets: &mut Secrets,
    ) -> Result<HeaderMap, ModelError> {
        let mut headers = HeaderMap::new();
        let given = self.key.clone().or_else(|| self.env.0.clone());
        let has_own = self.headers.iter().any(|(name, _)| {
            ["authorization", "api-key"].contains(&name.to_ascii_lowercase().as_str())
        });
        let key_of = dialect
            .key
            .filter(|_| !has_own && !self.replays() && self.is_own(dialect, url));
        let found = match (given, key_of) {
            (Some(given), _) => Some(given),
            (None, None) => None,
            (None, Some(name)) => Some(env(name).ok_or_else(|| {
                let error = ModelError::new(ModelErrorKind::Auth);
                error.message(format!("set `{name}`, or call `OpenAi::api_key`"))
            })?),
        };
        if let Some(found) = found {
            secrets.add(&found);
            match self.azure {
                Some(_) => headers.insert("api-key", key("", &found)?),
                None => headers.insert(AUTHORIZATION, key("Bearer ", &found)?),
            };
        }
        for (name, value) in &self.headers {
            let (name, value) = header(name, value)?;
            if KEYS.iter().any(|word| name.as_str().contains(word)) {
                secrets.add(value.to_str().unwrap_or_default());
            }
            headers.insert(name, value);
        }
        Ok(headers)
    }

    fn replays(&self) -> bool {
        self.tape.as_ref().is_some_and(|tape| tape.replays())
    }
}
