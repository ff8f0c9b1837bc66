//! How a model is described: what is recorded here is judged when it is built.

mod build;
mod places;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use superstep_core::Limiter;

use super::preset::Dialect;
use super::retry::Tries;
use super::settings::{Route, Timeouts};
use crate::Capabilities;
use crate::chat::HttpTape;
use places::Azure;

/// A model of OpenAI, or of what speaks like it, before it is asked.
///
/// Where it is found is said by a preset, such as [`ollama`](Self::ollama), or by
/// its [`base_url`](Self::base_url); without either it is OpenAI's. The methods
/// record, and [`build`](Self::build) judges.
///
/// An answer that fails is asked for again where that may help: see
/// [`attempts`](Self::attempts). Each phase has its limit in time. What the model,
/// or its interface, does not know is an error and never left out in silence:
/// [`ModelErrorKind::Unsupported`](crate::ModelErrorKind::Unsupported).
///
/// A key is not shown, neither by `{:?}` nor in an error.
///
/// # Examples
///
/// A server that speaks like OpenAI's, here one on this machine that always says
/// the same:
///
/// ```
/// use std::io::{Read, Write};
/// use superstep_providers::OpenAi;
///
/// # let server = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/v1", server.local_addr()?);
/// # std::thread::spawn(move || {
/// #     let (mut call, _) = server.accept().unwrap();
/// #     let mut request = Vec::new();
/// #     while !request.ends_with(b"}") {
/// #         let mut more = [0; 1024];
/// #         let n = call.read(&mut more).unwrap();
/// #         request.extend(&more[..n]);
/// #     }
/// #     let body = r#"{"choices":[{"message":{"content":"Space."}}]}"#;
/// #     let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
/// #     call.write_all((head + body).as_bytes()).unwrap();
/// # });
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn ask(url: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let model = OpenAi::new("gpt-oss:20b").base_url(url).build()?;
/// assert_eq!(model.ask("What is there to see?").await?, "Space.");
/// # Ok(())
/// # }
/// # ask(&url)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What cannot be is said before anything is asked:
///
/// ```
/// use superstep_providers::{ModelErrorKind, OpenAi};
///
/// let error = OpenAi::new("gpt-5").api_key("sk-1234567\n").build().unwrap_err();
/// assert_eq!(error.kind, ModelErrorKind::Auth);
/// assert!(!format!("{error:?}").contains("1234567"));
/// ```
#[derive(Clone)]
#[must_use = "it is no model before `build`"]
pub struct OpenAi {
    model: Option<String>,
    preset: Option<Dialect>,
    base: Option<String>,
    key: Option<String>,
    /// What `from_env` found: a key and a base URL.
    env: (Option<String>, Option<String>),
    azure: Option<Azure>,
    headers: Vec<(String, String)>,
    timeouts: Timeouts,
    tries: Tries,
    capabilities: Option<Capabilities>,
    limiter: Option<Limiter>,
    responses: bool,
    tape: Option<Arc<dyn HttpTape>>,
}

impl OpenAi {
    /// The model of that name, at OpenAI unless something else is said.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: Some(model.into()),
            ..Self::unnamed()
        }
    }

    fn unnamed() -> Self {
        Self {
            model: None,
            preset: None,
            base: None,
            key: None,
            env: (None, None),
            azure: None,
            headers: Vec::new(),
            timeouts: Timeouts::default(),
            tries: Tries::default(),
            capabilities: None,
            limiter: None,
            responses: false,
            tape: None,
        }
    }

    /// The model's name.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// The key. Without one, that of the preset's environment variable is taken,
    /// such as `OPENAI_API_KEY`, if the preset's own server is asked.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Where the interface is found, such as `http://localhost:8000/v1`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base = Some(url.into());
        self
    }

    /// Sends that header with each request.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The organization that pays.
    pub fn organization(self, organization: impl Into<String>) -> Self {
        self.header("openai-organization", organization)
    }

    /// How long it may take to reach the provider: 10 s unless it is set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.connect = timeout;
        self
    }

    /// How long it may take until the answer begins: 5 min unless it is set. One
    /// that does not come piece by piece begins when all of it is there.
    pub fn first_byte_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.first_byte = timeout;
        self
    }

    /// How long it may take from one piece to the next: 2 min unless it is set.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.idle = timeout;
        self
    }

    /// How long a call may take in all, attempts and waits included: 30 min
    /// unless it is set.
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.total = timeout;
        self
    }

    /// How often an answer is asked for, the first time included: 3 unless it is
    /// set; 0 counts as 1. Again is asked after what may pass, such as a server
    /// that is overloaded, unless something of the answer has been told already.
    ///
    /// The policy of a node tries again as well: of two of three attempts each,
    /// nine come.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.tries.attempts = attempts.max(1);
        self
    }

    /// How long to wait after the first attempt, 500 ms unless it is set, and at
    /// the most, 8 s; in between, waits double. Up to a quarter of each is left
    /// out by chance. Where the provider says how long, it is as long at least, and
    /// by chance up to a quarter longer.
    pub fn backoff(mut self, first: Duration, most: Duration) -> Self {
        self.tries.delay = first;
        self.tries.max_delay = most;
        self
    }

    /// The longest wait for a provider that asks to be left alone, 60 s unless it
    /// is set. One that asks for longer is an error at once.
    pub fn max_retry_after(mut self, wait: Duration) -> Self {
        self.tries.max_retry_after = wait;
        self
    }

    /// Draws chance from that seed and the request, so that the waits are the
    /// same again.
    pub fn seed(mut self, seed: u64) -> Self {
        self.tries.seed = Some(seed);
        self
    }

    /// What the model can do, where that is not what the preset says.
    pub fn capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = Some(capabilities);
        self
    }

    /// Bounds the requests, by their number at once and with the feature
    /// `rate-limit` by rates of requests and of tokens; each attempt is one.
    /// Whatever has a clone of the limiter shares it, and gets no more than the
    /// provider says in the headers of its answers to have left, until the reset
    /// that it tells. A node that asks the model must not have the same limiter: its
    /// task would wait for itself.
    pub fn limiter(mut self, limiter: impl Into<Limiter>) -> Self {
        self.limiter = Some(limiter.into());
        self
    }

    /// Asks by the interface Responses, and not by Chat Completions.
    pub fn responses(mut self) -> Self {
        self.responses = true;
        self
    }

    /// Records what is asked and answered, or replays it: then nothing is sent, and
    /// no key is needed.
    #[cfg(feature = "testing")]
    pub fn cassette(mut self, cassette: crate::HttpCassette) -> Self {
        self.tape = Some(Arc::new(cassette));
        self
    }
}

/// Without the key, and without the values of headers.
impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.base(Route::Chat);
        let host = host.and_then(|base| Some(Url::parse(&base).ok()?.host_str()?.to_owned()));
        let preset = self.preset.map(|dialect| dialect.name);
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("OpenAi")
            .field("model", &self.model)
            .field("preset", &preset)
            .field("host", &host)
            .field("headers", &headers)
            .field("timeouts", &self.timeouts)
            .field("tries", &self.tries)
            .field("capabilities", &self.capabilities)
            .field("limiter", &self.limiter)
            .field("responses", &self.responses)
            .finish_non_exhaustive()
    }
}
