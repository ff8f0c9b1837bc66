//! What is said of a server before it is connected to.

use std::ffi::OsString;
use std::fmt;
use std::future::IntoFuture;
use std::path::PathBuf;
use std::time::Duration;

use super::connection::Target;
use super::listed::Choice;
use super::{McpError, McpServer};
use crate::tools::BoxFuture;

/// How long a server has to start and to introduce itself.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How long an answer may be, in bytes: some 60 000 tokens.
const MAX_ANSWER: usize = 256 * 1024;

/// A server that is to be connected to, by `.await`; see [`McpServer`].
#[derive(Debug)]
#[must_use = "nothing is connected to until it is awaited"]
pub struct McpConnect<T> {
    target: T,
    settings: Settings,
}

/// What holds for all kinds of servers.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) name: Option<String>,
    pub(super) choice: Choice,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) max_answer: usize,
    pub(super) reconnect: bool,
    pub(super) fatal: bool,
}

/// A server that is a child process.
pub struct McpCommand {
    pub(super) program: OsString,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) inherits_env: bool,
    pub(super) inherits_stderr: bool,
    pub(super) dir: Option<PathBuf>,
}

/// A server that is found by a URL.
pub struct McpUrl {
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
}

impl<T> McpConnect<T> {
    fn of(target: T) -> Self {
        let settings = Settings {
            name: None,
            choice: Choice::default(),
            connect_timeout: CONNECT_TIMEOUT,
            timeout: TIMEOUT,
            max_answer: MAX_ANSWER,
            reconnect: false,
            fatal: false,
        };
        Self { target, settings }
    }

    /// What errors call the server; if it is not set, as it calls itself.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.settings.name = Some(name.into());
        self
    }

    /// What the names of its tools begin with here, so that they are not those of
    /// another server's.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.choice.prefix = prefix.into();
        self
    }

    /// Of its tools, these alone, by the names that the server has for them. It is
    /// an error of [`McpServer::tools`] if one is not there.
    pub fn only<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let only = self.settings.choice.only.get_or_insert_default();
        only.extend(names.into_iter().map(N::into));
        self
    }

    /// Its tools without these, by the names that the server has for them. It is an
    /// error of [`McpServer::tools`] if one is not there.
    pub fn without<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let without = &mut self.settings.choice.without;
        without.extend(names.into_iter().map(N::into));
        self
    }

    /// How long a call may take, the list of tools included; 60 seconds unless it
    /// is set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How long the server has to start and to introduce itself; 60 seconds unless
    /// it is set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How many bytes an answer may have; 256 KiB unless it is set. The model is
    /// told of longer ones that they are too long.
    pub fn max_answer(mut self, bytes: usize) -> Self {
        self.settings.max_answer = bytes;
        self
    }

    /// When the server is gone, connects again for the next call, which for a child
    /// process starts it again. A call during which it went has failed all the same,
    /// since it may have had its effect.
    pub fn reconnect(mut self) -> Self {
        self.settings.reconnect = true;
        self
    }

    /// Makes calls [fatal](crate::ToolError::fatal) that find no server, so that the
    /// node fails and its policies decide, in place of telling the model.
    pub fn fatal_when_gone(mut self) -> Self {
        self.settings.fatal = true;
        self
    }
}

impl McpConnect<McpCommand> {
    pub(super) fn spawn<A: Into<OsString>>(
        program: OsString,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        Self::of(McpCommand {
            program,
            args: args.into_iter().map(A::into).collect(),
            env: Vec::new(),
            inherits_env: false,
            inherits_stderr: false,
            dir: None,
        })
    }

    /// Sets a variable of the process's environment.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.target.env.push((name.into(), value.into()));
        self
    }

    /// Hands the whole environment on. Without this the process gets what programs
    /// need to run, such as `PATH` and `HOME`, and not the keys of others.
    pub fn inherit_env(mut self) -> Self {
        self.target.inherits_env = true;
        self
    }

    /// Lets the process write to this one's standard error. Without this, what it
    /// writes there is read, and its end is told in errors.
    pub fn inherit_stderr(mut self) -> Self {
        self.target.inherits_stderr = true;
        self
    }

    /// The directory in which the process runs.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.target.dir = Some(dir.into());
        self
    }
}

impl McpConnect<McpUrl> {
    pub(super) fn connect(url: String) -> Self {
        Self::of(McpUrl {
            url,
            headers: Vec::new(),
        })
    }

    /// A header of every request.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.target.headers.push((name.into(), value.into()));
        self
    }

    /// A token that says who asks: the header `Authorization: Bearer …`.
    pub fn bearer(self, token: impl fmt::Display) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }
}

impl IntoFuture for McpConnect<McpCommand> {
    type Output = Result<McpServer, McpError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(McpServer::open(Target::Command(self.target), self.settings))
    }
}

impl IntoFuture for McpConnect<McpUrl> {
    type Output = Result<McpServer, McpError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(McpServer::open(Target::Url(self.target), self.settings))
    }
}

/// Without arguments and the values of variables, which may be secrets.
impl fmt::Debug for McpCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        f.debug_struct("McpCommand")
            .field("program", &self.program)
            .field("env", &names)
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

/// Without the values of headers, which may be secrets.
impl fmt::Debug for McpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("McpUrl")
            .field("server", &super::http::named(&self.url))
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}
