//! A connection to a server, and what is asked over it.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientCapabilities, ClientConfig, ClientRequest,
    Implementation, ListToolsRequest, PaginatedRequestParams, ProgressNotificationParam,
    ProgressToken,
};
use rmcp::service::{
    ClientInitializeError, NotificationContext, Peer, PeerRequestOptions, RequestHandle,
    RunningService, ServiceError, serve_client,
};
use rmcp::{ClientHandler, RoleClient};
use serde::Deserialize;
use serde_json::Value;

use super::answer::Answer;
use super::pipe::Why;
use super::process::Process;
use super::{McpCommand, McpError, McpUrl, http};

/// The most pages of tools that are asked for: a server may go on for ever.
const MOST_PAGES: usize = 100;

/// Where a server is.
pub(super) enum Target {
    Command(McpCommand),
    Url(McpUrl),
}

impl Target {
    /// What it is called that has not said how.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Command(command) => command.program.to_string_lossy().into_owned(),
            Self::Url(url) => http::named(&url.url),
        }
    }
}

/// What tells that a call is at work.
pub(super) type Sign = Arc<dyn Fn() + Send + Sync>;

/// A connection. Dropping it ends it, in the background.
pub(super) struct Connection {
    /// What errors call the server.
    pub(super) server: String,
    peer: Peer<RoleClient>,
    running: Mutex<Option<RunningService<RoleClient, Client>>>,
    signs: Signs,
    why: Arc<Why>,
}

impl Connection {
    /// Connects, and waits until the server has introduced itself.
    pub(super) async fn open(target: &Target, name: Option<&str>) -> Result<Self, McpError> {
        let server = name.map_or_else(|| target.name(), str::to_owned);
        let unreachable = |source: Box<dyn Error + Send + Sync>| McpError::Unreachable {
            server: server.clone(),
            source,
        };
        let why = Arc::new(Why::default());
        let client = Client::default();
        let signs = client.0.clone();
        let opened = match target {
            Target::Command(command) => {
                let process = Process::start(command, Arc::clone(&why));
                let process = process.map_err(|error| unreachable(error.into()))?;
                serve_client(client, process).await
            }
            Target::Url(url) => {
                let transport = http::transport(url).map_err(unreachable)?;
                serve_client(client, transport).await
            }
        };
        let running = opened.map_err(|error| match why.get() {
            Some(why) => unreachable(why.into()),
            None => of_start(&server, error),
        })?;
        let own = running.peer().peer_info();
        let own = own.and_then(|info| Some(info.server_info.as_ref()?.name.clone()));
        let own = own.filter(|own| name.is_none() && !own.is_empty());
        Ok(Self {
            server: own.unwrap_or(server),
            peer: running.peer().clone(),
            running: Mutex::new(Some(running)),
            signs,
            why,
        })
    }

    /// Whether nothing can be asked over it any more.
    pub(super) fn has_ended(&self) -> bool {
        self.peer.is_transport_closed() || self.why.get().is_some()
    }

    /// How it ended.
    pub(super) fn gone(&self) -> McpError {
        let why = self.why.get();
        McpError::Gone {
            server: self.server.clone(),
            why: why.unwrap_or_else(|| "the connection was closed".to_owned()),
        }
    }

    /// Ends it, and returns when it has ended.
    pub(super) async fn close(&self) {
        self.why.note("it was closed".to_owned());
        let running = lock(&self.running).take();
        if let Some(running) = running {
            // Its task has nothing to say but that it ended.
            let _ = running.cancel().await;
        }
    }

    /// What the server has to say about how to use its tools.
    pub(super) fn instructions(&self) -> Option<String> {
        let info = self.peer.peer_info()?;
        let instructions = info.instructions.clone();
        instructions.filter(|instructions| !instructions.trim().is_empty())
    }

    /// The tools that the server has, as it tells of them.
    pub(super) async fn tools(&self) -> Result<Vec<Value>, McpError> {
        let mut tools = Vec::new();
        let mut cursor = None;
        for _ in 0..MOST_PAGES {
            let params = cursor
                .take()
                .map(|cursor| PaginatedRequestParams::default().with_cursor(Some(cursor)));
            let request = ListToolsRequest {
                method: Default::default(),
                params,
                extensions: Default::default(),
            };
            let page: Page = self
                .ask(ClientRequest::ListToolsRequest(request), None)
                .await?;
            tools.extend(page.tools);
            match page.next_cursor.filter(|next| !next.is_empty()) {
                Some(next) => cursor = Some(next),
                None => return Ok(tools),
            }
        }
        Err(self.breach(format!(
            "its list of tools has more than {MOST_PAGES} pages"
        )))
    }

    /// Calls a tool. Dropping the future cancels the call at the server.
    pub(super) async fn call(
        &self,
        tool: String,
        arguments: Value,
        sign: Sign,
    ) -> Result<Answer, McpError> {
        let mut params = CallToolRequestParams::new(tool);
        if let Value::Object(arguments) = arguments {
            params = params.with_arguments(arguments);
        }
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let answer: Answer = self.ask(request, Some(sign)).await?;
        match answer.unfit() {
            Some(why) => Err(self.breach(why.to_owned())),
            None => Ok(answer),
        }
    }

    /// The answer to a request, read leniently.
    async fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        request: ClientRequest,
        sign: Option<Sign>,
    ) -> Result<T, McpError> {
        let options = PeerRequestOptions::no_options();
        let sent = self.peer.send_cancellable_request(request, options).await;
        let sent = sent.map_err(|error| self.failed(error))?;
        let mut asked = Asked::of(sent, &self.signs, sign);
        let answer = asked.answer().await.map_err(|error| self.failed(error))?;
        let read = serde_json::to_value(answer).and_then(T::deserialize);
        read.map_err(|error| self.breach(format!("its answer cannot be read: {error}")))
    }

    fn breach(&self, why: String) -> McpError {
        McpError::Protocol {
            server: self.server.clone(),
            why,
        }
    }

    fn failed(&self, error: ServiceError) -> McpError {
        match error {
            _ if self.why.get().is_some() => self.gone(),
            ServiceError::TransportClosed => self.gone(),
            error => of_service(&self.server, error),
        }
    }
}

/// A page of a list of tools.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Page {
    tools: Vec<Value>,
    next_cursor: Option<String>,
}

/// A request that somebody waits for. Dropping it before there is an answer
/// cancels it at the server.
struct Asked<'c> {
    sent: Option<RequestHandle<RoleClient>>,
    token: ProgressToken,
    signs: &'c Signs,
}

impl<'c> Asked<'c> {
    fn of(sent: RequestHandle<RoleClient>, signs: &'c Signs, sign: Option<Sign>) -> Self {
        let token = sent.progress_token.clone();
        if let Some(sign) = sign {
            signs.add(&token, sign);
        }
        Self {
            sent: Some(sent),
            token,
            signs,
        }
    }

    async fn answer(&mut self) -> Result<impl serde::Serialize + use<>, ServiceError> {
        let Some(sent) = &mut self.sent else {
            return Err(ServiceError::TransportClosed);
        };
        let answer = (&mut sent.rx).await;
        self.sent = None;
        answer.map_err(|_| ServiceError::TransportClosed)?
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.signs.remove(&self.token);
        if let Some(sent) = self.sent.take() {
            let cancelled = sent.cancel(Some("nobody waits for it any more".to_owned()));
            // The first step puts it among what is to be sent; nobody has to wait
            // for the second, which is to have sent it.
            let _ = tokio::task::unconstrained(cancelled).now_or_never();
        }
    }
}

/// This side of the connection, as the server sees it.
#[derive(Default)]
struct Client(Signs);

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        let own = Implementation::new("superstep", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), own)
    }

    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.0.give(&progress.progress_token);
    }
}

/// The calls at work, by the tokens under which the server tells of them.
#[derive(Clone, Default)]
struct Signs(Arc<Mutex<BTreeMap<String, Sign>>>);

impl Signs {
    fn add(&self, token: &ProgressToken, sign: Sign) {
        lock(&self.0).insert(key(token), sign);
    }

    fn remove(&self, token: &ProgressToken) {
        lock(&self.0).remove(&key(token));
    }

    fn give(&self, token: &ProgressToken) {
        let sign = lock(&self.0).get(&key(token)).cloned();
        if let Some(sign) = sign {
            sign();
        }
    }
}

fn key(token: &ProgressToken) -> String {
    token.0.to_string()
}

/// Nothing in here panics while it holds a lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why there is no connection.
fn of_start(server: &str, error: ClientInitializeError) -> McpError {
    let server = server.to_owned();
    match error {
        ClientInitializeError::JsonRpcError(error) => McpError::Refused {
            server,
            code: error.code.0,
            message: error.message.into_owned(),
        },
        ClientInitializeError::TransportError { error, .. } => McpError::Unreachable {
            server,
            source: http::reason(error.error),
        },
        ClientInitializeError::ConnectionClosed(_) => McpError::Unreachable {
            server,
            source: "the connection was closed".into(),
        },
        other => McpError::Protocol {
            server,
            why: other.to_string(),
        },
    }
}

/// Why there is no answer.
fn of_service(server: &str, error: ServiceError) -> McpError {
    let server = server.to_owned();
    match error {
        ServiceError::McpError(error) => McpError::Refused {
            server,
            code: error.code.0,
            message: error.message.into_owned(),
        },
        ServiceError::TransportSend(error) => McpError::Unreachable {
            server,
            source: http::reason(error.error),
        },
        other => McpError::Protocol {
            server,
            why: other.to_string(),
        },
    }
}
