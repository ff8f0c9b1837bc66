//! A server that is a child process, and speaks by its standard input and output.

use std::future::{Future, poll_fn};
use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::McpCommand;
use super::pipe::{Line, Lines, Said, Why, read};

/// How long a process has to end by itself once its input has, and then after a
/// signal.
const GRACE: Duration = Duration::from_secs(1);

/// What of the environment programs need to run.
const ENVIRONMENT: &[&str] = &[
    "HOME",
    "LANG",
    "LOGNAME",
    "PATH",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
    // on Windows
    "APPDATA",
    "COMSPEC",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "PROGRAMFILES",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "USERNAME",
    "USERPROFILE",
];

/// A process that speaks MCP. Dropping it kills what is left of it.
pub(super) struct Process {
    child: Running,
    /// What is to be written to it, until it is to end.
    input: Option<mpsc::Sender<Written>>,
    /// Writes it, and ends with this.
    _writer: JoinSet<()>,
    output: Lines<ChildStdout>,
    errors: Option<ChildStderr>,
    /// What it writes to standard error.
    said: Said,
    /// What it writes to its output that is no message.
    strayed: Said,
    why: Arc<Why>,
}

/// A message, and who waits for it to be written.
struct Written {
    line: Vec<u8>,
    done: oneshot::Sender<io::Result<()>>,
}

impl Process {
    pub(super) fn start(command: &McpCommand, why: Arc<Why>) -> io::Result<Self> {
        let mut child = prepared(command).spawn()?;
        let gone = || io::Error::other("it has no standard input and output");
        let input = child.stdin.take().ok_or_else(gone)?;
        let output = child.stdout.take().ok_or_else(gone)?;
        let (sender, lines) = mpsc::channel(1);
        let mut writer = JoinSet::new();
        writer.spawn(write(input, lines));
        Ok(Self {
            errors: child.stderr.take(),
            child: Running::of(child),
            input: Some(sender),
            _writer: writer,
            output: Lines::of(output),
            said: Said::default(),
            strayed: Said::default(),
            why,
        })
    }

    /// The next line of its output. What it writes to standard error is read
    /// meanwhile, so that it never waits for somebody to do so.
    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Line> {
        let mut piece = Vec::new();
        while let Some(errors) = &mut self.errors
            && let Poll::Ready(bytes) = read(errors, cx, &mut piece)
        {
            if bytes == 0 {
                self.errors = None;
            }
            self.said.add(&piece);
            piece.clear();
        }
        self.output.poll_next(cx)
    }

    async fn line(&mut self) -> Line {
        poll_fn(|cx| self.poll_line(cx)).await
    }

    /// Notes how it has ended, whose output has.
    async fn note_end(&mut self) {
        let status = tokio::time::timeout(GRACE, self.child.process.wait()).await;
        // What it said in the end may still be in the pipe, which others may hold.
        let rest = poll_fn(|cx| {
            let _ = self.poll_line(cx);
            match self.errors.is_none() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        });
        let _ = tokio::time::timeout(GRACE, rest).await;
        let mut why = match status {
            Ok(Ok(status)) => format!("its process ended with {status}"),
            Ok(Err(error)) => format!("its process is lost: {error}"),
            Err(_) => "it has closed its output".to_owned(),
        };
        if let Some(said) = self.said.text().or_else(|| self.strayed.text()) {
            why = format!("{why}, and said last: {said}");
        }
        self.why.note(why);
    }

    /// Waits for the end of a process that is to end, and does not let it wait for
    /// somebody to read.
    async fn ended(&mut self) -> bool {
        let ended = async {
            while !matches!(self.line().await, Line::End) {}
            self.child.process.wait().await
        };
        tokio::time::timeout(GRACE, ended).await.is_ok()
    }

    /// Ends the process: by the end of its input, then by a signal, then by force.
    async fn end(&mut self) -> io::Result<()> {
        // Its input ends when all is written, if it reads that.
        self.input = None;
        if !self.ended().await {
            self.child.ask_to_end();
            self.ended().await;
        }
        // What it has started may go on without it.
        self.child.kill();
        self.child.process.wait().await.map(drop)
    }
}

impl Transport<RoleClient> for Process {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let input = self.input.clone();
        async move {
            let mut line = serde_json::to_vec(&message).map_err(io::Error::other)?;
            line.push(b'\n');
            let gone = || io::Error::from(io::ErrorKind::NotConnected);
            let (done, written) = oneshot::channel();
            let sent = input.ok_or_else(gone)?.send(Written { line, done }).await;
            sent.map_err(|_| gone())?;
            written.await.map_err(|_| gone())?
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            match self.line().await {
                Line::Is(line) => match serde_json::from_slice(&line) {
                    Ok(message) => return Some(message),
                    // Some write to their output what is for people to read.
                    Err(_) => {
                        self.strayed.add(&line);
                        self.strayed.add(b"\n");
                    }
                },
                Line::TooLong => {
                    self.why.note(Lines::<ChildStdout>::too_long());
                    return None;
                }
                Line::End => {
                    self.note_end().await;
                    return None;
                }
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.end().await
    }
}

/// Writes messages one after another, each to its end, whoever still waits for it.
async fn write(mut input: ChildStdin, mut lines: mpsc::Receiver<Written>) {
    while let Some(Written { line, done }) = lines.recv().await {
        let written = match input.write_all(&line).await {
            // The end of its output is seen as well, and says more.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        };
        let _ = done.send(written);
    }
}

fn prepared(command: &McpCommand) -> Command {
    let mut prepared = Command::new(&command.program);
    prepared
        .args(&command.args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(match command.inherits_stderr {
            true => Stdio::inherit(),
            false => Stdio::piped(),
        })
        .kill_on_drop(true);
    if !command.inherits_env {
        prepared.env_clear();
        let kept = ENVIRONMENT
            .iter()
            .map(|name| (name, std::env::var_os(name)));
        prepared.envs(kept.filter_map(|(name, value)| Some((name, value?))));
    }
    prepared.envs(command.env.iter().map(|(name, value)| (name, value)));
    if let Some(dir) = &command.dir {
        prepared.current_dir(dir);
    }
    // What it starts in turn is to end with it, such as what `npx` starts.
    #[cfg(unix)]
    prepared.process_group(0);
    prepared
}

/// A process that is killed when this is dropped, with what it has started.
struct Running {
    process: Child,
    /// It leads a group of processes, until that was killed.
    #[cfg(unix)]
    group: Option<rustix::process::Pid>,
}

impl Running {
    fn of(process: Child) -> Self {
        Self {
            #[cfg(unix)]
            group: process
                .id()
                .and_then(|id| i32::try_from(id).ok())
                .and_then(rustix::process::Pid::from_raw),
            process,
        }
    }

    fn ask_to_end(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.group {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
        }
    }

    /// Once, since the number of the group may then be another's.
    fn kill(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.group.take() {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        // It may have ended.
        let _ = self.process.start_kill();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}
