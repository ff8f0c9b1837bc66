//! A server, as those hold it who use its tools.

use std::ffi::OsString;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::connect::Settings;
use super::connection::{Connection, Sign, Target};
use super::listed::Listed;
use super::{McpCommand, McpConnect, McpError, McpUrl};
use crate::tools::{Tool, ToolCtx, ToolError};

/// A server that speaks MCP, the Model Context Protocol, and has tools.
///
/// Cloning it copies a pointer, and its tools hold one as well. With the last of
/// them the connection ends; a child process is then told so by the end of its
/// input, and killed if it goes on for two seconds.
///
/// It needs a tokio runtime with I/O and time, the same one for as long as the
/// connection is there.
///
/// # Examples
///
/// ```no_run
/// use superstep_agents::{McpServer, Toolbox};
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let files = McpServer::spawn("npx", ["-y", "@modelcontextprotocol/server-filesystem", "."])
///     .prefix("files_")
///     .await?;
/// let wiki = McpServer::connect("https://mcp.example.com/mcp").bearer("secret").await?;
/// let toolbox = Toolbox::<()>::new()
///     .add_all(files.tools().await?)
///     .add_all(wiki.tools().await?)
///     .check()?;
/// # Ok(())
/// # }
/// ```
///
/// What cannot be reached says why:
///
/// ```
/// # use superstep_agents::McpServer;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let error = McpServer::spawn("no-such-program", ["--stdio"]).await.unwrap_err();
/// assert_eq!(error.to_string(), "the server `no-such-program` cannot be reached");
/// # }
/// ```
#[derive(Clone)]
pub struct McpServer(Arc<Shared>);

struct Shared {
    target: Target,
    settings: Settings,
    current: Mutex<Current>,
}

/// The connection that is there, or is being opened.
struct Current {
    connection: Arc<OnceCell<Connection>>,
    closed: bool,
}

impl McpServer {
    /// A server that is a program, which is started as a child process, with these
    /// arguments.
    pub fn spawn<A: Into<OsString>>(
        program: impl Into<OsString>,
        args: impl IntoIterator<Item = A>,
    ) -> McpConnect<McpCommand> {
        McpConnect::spawn(program.into(), args)
    }

    /// A server that is found by a URL, and speaks streamable HTTP.
    pub fn connect(url: impl Into<String>) -> McpConnect<McpUrl> {
        McpConnect::connect(url.into())
    }

    pub(super) async fn open(target: Target, settings: Settings) -> Result<Self, McpError> {
        let current = Mutex::new(Current {
            connection: Arc::default(),
            closed: false,
        });
        let server = Self(Arc::new(Shared {
            target,
            settings,
            current,
        }));
        server.with(async |_| Ok(())).await?;
        Ok(server)
    }

    /// The tools that the server has now; each call asks it again.
    ///
    /// A tool is one more handle of the server. Its policies are as those of any
    /// other tool: `tools.into_iter().map(Tool::approve)` has somebody agree to each
    /// call. Letters that no name of a tool may have are `_` in its name.
    ///
    /// # Errors
    ///
    /// When the server does not answer, or has tools that no model can be told of,
    /// such as two of one name: [`without`](McpConnect::without) leaves these out.
    pub async fn tools<C, S>(&self) -> Result<Vec<Tool<C, S>>, McpError>
    where
        C: Send + Sync + 'static,
        S: Send + Sync + 'static,
    {
        let listed = self.with(async |connection: &Connection| {
            let told = self.in_time(&connection.server, connection.tools()).await?;
            self.0.settings.choice.of(&connection.server, &told)
        });
        Ok(listed
            .await?
            .into_iter()
            .map(|one| self.tool(one))
            .collect())
    }

    /// What the server says of how its tools are used, for a model to be told.
    #[must_use]
    pub fn instructions(&self) -> Option<String> {
        let connection = Arc::clone(&self.current().connection);
        connection.get().and_then(Connection::instructions)
    }

    /// What errors call the server.
    #[must_use]
    pub fn name(&self) -> String {
        let connection = Arc::clone(&self.current().connection);
        match connection.get() {
            Some(connection) => connection.server.clone(),
            None => self.given_name(),
        }
    }

    /// Ends the connection for all who have a handle, and returns when it has
    /// ended; a child process is no more then. Calls at work fail.
    ///
    /// # Cancel safety
    ///
    /// Once it has begun, the connection ends, in the background if need be.
    pub async fn close(&self) {
        let connection = {
            let mut current = self.current();
            current.closed = true;
            Arc::clone(&current.connection)
        };
        if let Some(connection) = connection.get() {
            connection.close().await;
        }
    }

    fn tool<C, S>(&self, listed: Listed) -> Tool<C, S>
    where
        C: Send + Sync + 'static,
        S: Send + Sync + 'static,
    {
        let (server, name) = (self.clone(), listed.name);
        Tool::from_spec(listed.spec, move |arguments, ctx: ToolCtx<C>| {
            let (server, name) = (server.clone(), name.clone());
            async move {
                let sign = Arc::new(move || ctx.heartbeat());
                let answer = server.call(name, arguments, sign).await;
                answer.map_err(|error| match server.0.settings.fatal {
                    true if error.is_without_server() => ToolError::fatal(error),
                    _ => error.into(),
                })
            }
        })
    }

    async fn call(&self, tool: String, arguments: Value, sign: Sign) -> Result<String, McpError> {
        let answer = self.with(async |connection: &Connection| {
            let called = connection.call(tool, arguments, sign);
            self.in_time(&connection.server, called).await
        });
        let answer = answer.await?;
        let is_error = answer.is_error();
        let text = answer.into_text();
        let limit = self.0.settings.max_answer;
        match text.len() {
            bytes if bytes > limit => Err(McpError::TooLong { bytes, limit }),
            _ if is_error => Err(McpError::Tool { message: text }),
            _ => Ok(text),
        }
    }

    /// Asks something over the connection, which is opened if there is none.
    async fn with<T>(
        &self,
        ask: impl AsyncFnOnce(&Connection) -> Result<T, McpError>,
    ) -> Result<T, McpError> {
        let cell = self.usable()?;
        let opened = cell.get_or_try_init(|| self.connect_in_time()).await?;
        ask(opened).await
    }

    /// The connection that is there or can be opened.
    fn usable(&self) -> Result<Arc<OnceCell<Connection>>, McpError> {
        let mut current = self.current();
        if current.closed {
            let connection = current.connection.get();
            return Err(McpError::Gone {
                server: connection.map_or_else(|| self.given_name(), |it| it.server.clone()),
                why: "it was closed".to_owned(),
            });
        }
        if let Some(connection) = current.connection.get()
            && connection.has_ended()
        {
            if !self.0.settings.reconnect {
                return Err(connection.gone());
            }
            current.connection = Arc::default();
        }
        Ok(Arc::clone(&current.connection))
    }

    async fn connect_in_time(&self) -> Result<Connection, McpError> {
        let Shared {
            target, settings, ..
        } = &*self.0;
        let opened = Connection::open(target, settings.name.as_deref());
        in_time(settings.connect_timeout, &self.given_name(), opened).await
    }

    async fn in_time<T>(
        &self,
        server: &str,
        answer: impl Future<Output = Result<T, McpError>>,
    ) -> Result<T, McpError> {
        in_time(self.0.settings.timeout, server, answer).await
    }

    fn given_name(&self) -> String {
        let given = self.0.settings.name.clone();
        given.unwrap_or_else(|| self.0.target.name())
    }

    /// Nothing panics while it holds the lock.
    fn current(&self) -> MutexGuard<'_, Current> {
        let current = self.0.current.lock();
        current.unwrap_or_else(PoisonError::into_inner)
    }
}

async fn in_time<T>(
    after: Duration,
    server: &str,
    answer: impl Future<Output = Result<T, McpError>>,
) -> Result<T, McpError> {
    match timeout(after, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(McpError::Timeout {
            server: server.to_owned(),
            after,
        }),
    }
}

impl fmt::Debug for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpServer")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
