//! Where a model is found: what presets and the environment say.

use reqwest::Url;

use super::super::preset::{
    ANTHROPIC, AZURE, DEEP_SEEK, Dialect, GEMINI, OLLAMA, OPEN_ROUTER, VLLM,
};
use super::super::settings::Route;
use super::OpenAi;
use crate::{Model, ModelError, ModelErrorKind};

/// Which of what is deployed at Azure.
#[derive(Clone)]
pub(super) struct Azure {
    endpoint: String,
    pub(super) deployment: String,
    pub(super) version: String,
}

impl OpenAi {
    /// What the environment says: `OPENAI_API_KEY`, `OPENAI_BASE_URL` and
    /// `OPENAI_MODEL`. A variable that is empty is not set.
    ///
    /// # Errors
    ///
    /// When there is neither a key nor a base URL.
    pub fn from_env() -> Result<Self, ModelError> {
        let (key, base) = (env("OPENAI_API_KEY"), env("OPENAI_BASE_URL"));
        if key.is_none() && base.is_none() {
            let error = ModelError::new(ModelErrorKind::Auth);
            return Err(error.message(
                "set `OPENAI_API_KEY`, or `OPENAI_BASE_URL` for a server that needs none",
            ));
        }
        Ok(Self {
            model: env("OPENAI_MODEL"),
            env: (key, base),
            ..Self::unnamed()
        })
    }

    fn preset(mut self, dialect: Dialect) -> Self {
        self.preset = Some(dialect);
        // A key for OpenAI is nobody else's.
        self.env = (None, None);
        self
    }

    /// A model of Ollama on this machine.
    pub fn ollama(self) -> Self {
        self.preset(OLLAMA)
    }

    /// A model of vLLM, which is found there.
    pub fn vllm(self, url: impl Into<String>) -> Self {
        self.preset(VLLM).base_url(url)
    }

    /// A model of Google's; the key is in `GEMINI_API_KEY`.
    pub fn gemini(self) -> Self {
        self.preset(GEMINI)
    }

    /// A model that is deployed at Azure, at an endpoint such as
    /// `https://mine.openai.azure.com`, with a version of its interface such as
    /// `2025-04-01-preview`; the key is in `AZURE_OPENAI_API_KEY`.
    pub fn azure(
        self,
        endpoint: impl Into<String>,
        deployment: impl Into<String>,
        version: impl Into<String>,
    ) -> Self {
        let mut azure = self.preset(AZURE);
        azure.azure = Some(Azure {
            endpoint: endpoint.into(),
            deployment: deployment.into(),
            version: version.into(),
        });
        azure
    }

    /// A model of OpenRouter; the key is in `OPENROUTER_API_KEY`.
    pub fn open_router(self) -> Self {
        self.preset(OPEN_ROUTER)
    }

    /// A model of DeepSeek; the key is in `DEEPSEEK_API_KEY`.
    pub fn deep_seek(self) -> Self {
        self.preset(DEEP_SEEK)
    }

    /// A model of Anthropic's, by the interface that it has to be compared with
    /// others; the key is in `ANTHROPIC_API_KEY`.
    pub fn anthropic(self) -> Self {
        self.preset(ANTHROPIC)
    }

    /// Where it is found.
    pub(super) fn base(&self, route: Route) -> Option<String> {
        let azure = self.azure.as_ref().map(|azure| {
            let endpoint = azure.endpoint.trim_end_matches('/');
            match route {
                Route::Responses => format!("{endpoint}/openai"),
                Route::Chat | Route::Embeddings => {
                    format!("{endpoint}/openai/deployments/{}", azure.deployment)
                }
            }
        });
        let given = self.base.clone().or(self.env.1.clone());
        given.or(azure)
    }

    /// Whether the server is the one for which the preset's key is.
    pub(super) fn is_own(&self, dialect: &Dialect, url: &Url) -> bool {
        match &self.azure {
            Some(_) => self.base.is_none(),
            None => is_at(dialect, url),
        }
    }
}

impl Model {
    /// The model that the environment names: see [`OpenAi::from_env`].
    ///
    /// # Errors
    ///
    /// When there is neither a key nor a base URL, and when no model is named.
    pub fn from_env() -> Result<Self, ModelError> {
        OpenAi::from_env()?.build()
    }
}

/// Whether that is the dialect's own server.
pub(super) fn is_at(dialect: &Dialect, url: &Url) -> bool {
    let own = dialect.base.and_then(|base| Url::parse(base).ok());
    own.is_some_and(|own| own.origin() == url.origin())
}

pub(super) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
