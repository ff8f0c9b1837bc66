//! A server on this machine that replies as it is told, and how what a model
//! comes to is shown.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::stream::{StreamExt as _, iter, once, pending};
use serde_json::Value;
use superstep_core::Retryable as _;
use superstep_providers::{
    Delta, Finish, Model, ModelError, ModelErrorKind, ModelRequest, ModelResponse, OpenAi, Part,
};

/// What a server replies to one request.
#[derive(Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    pieces: Vec<Bytes>,
    then: Then,
    /// How many pieces were taken from here.
    n_taken: Arc<AtomicUsize>,
}

/// What comes after the pieces.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    End,
    /// The connection breaks.
    Break,
    /// Nothing, for ever.
    Hang,
    /// The same again, for ever.
    Repeat,
}

impl Reply {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "whoever calls it writes no `&`"
    )]
    pub(crate) fn json(body: impl ToString) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".into(), "application/json".into())],
            pieces: vec![body.to_string().into()],
            then: Then::End,
            n_taken: Arc::default(),
        }
    }

    /// Events, each with that data.
    pub(crate) fn events(data: &[&str]) -> Self {
        let pieces = data.iter().map(|data| format!("data: {data}\n\n"));
        Self::pieces(&pieces.collect::<Vec<_>>())
    }

    /// Pieces of a stream as they are.
    pub(crate) fn pieces(pieces: &[impl ToString]) -> Self {
        Self::bytes(pieces.iter().map(|piece| piece.to_string().into_bytes()))
    }

    /// The same, where a piece may end within a character.
    pub(crate) fn bytes(pieces: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self {
            pieces: pieces.into_iter().map(Bytes::from).collect(),
            ..Self::json("").header("content-type", "text/event-stream")
        }
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "whoever calls it writes no `&`"
    )]
    pub(crate) fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.into(), value.to_string()));
        self
    }

    pub(crate) fn then_breaks(mut self) -> Self {
        self.then = Then::Break;
        self
    }

    pub(crate) fn then_hangs(mut self) -> Self {
        self.then = Then::Hang;
        self
    }

    /// What there is comes again and again, and each time is counted.
    pub(crate) fn repeats(mut self, n_taken: &Arc<AtomicUsize>) -> Self {
        self.then = Then::Repeat;
        self.n_taken = Arc::clone(n_taken);
        self
    }

    /// Not even a head is sent.
    pub(crate) fn never() -> Self {
        Self::json("").status(0)
    }

    fn response(self) -> Response {
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        let pieces = self.pieces.into_iter();
        let again = iter(pieces.clone().cycle());
        let pieces = iter(pieces.map(Ok));
        let body = match self.then {
            Then::End => Body::from_stream(pieces),
            Then::Hang => Body::from_stream(pieces.chain(pending())),
            Then::Repeat => Body::from_stream(again.map(move |piece| {
                self.n_taken.fetch_add(1, Ordering::Relaxed);
                Ok::<_, io::Error>(piece)
            })),
            Then::Break => {
                // What there is has been sent by then.
                let broken = once(async {
                    tokio::task::yield_now().await;
                    Err(io::Error::other("broken"))
                });
                Body::from_stream(pieces.chain(broken))
            }
        };
        response.body(body).expect("it is a response")
    }
}

/// A request that a server has seen.
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// A server that replies so, one after another; to what else is asked it says
    /// that the test expects nothing.
    pub(crate) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it has one");
        let server = Self {
            url: format!("http://{address}/v1"),
            replies: Arc::new(Mutex::new(replies.into_iter().collect())),
            seen: Arc::default(),
        };
        let router = Router::new().fallback(reply).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().expect("nobody panicked")
    }

    pub(crate) fn n_seen(&self) -> usize {
        self.seen().len()
    }

    /// The body of the last request.
    pub(crate) fn last(&self) -> Value {
        self.seen()
            .last()
            .expect("something was asked")
            .body
            .clone()
    }

    /// A model there, that is asked again soon.
    pub(crate) fn openai(&self) -> OpenAi {
        let soon = Duration::from_millis(1);
        OpenAi::new("m").base_url(&self.url).backoff(soon, soon)
    }

    /// A model there, that is asked once.
    pub(crate) fn model(&self) -> Model {
        self.openai().attempts(1).build().expect("it can be built")
    }
}

async fn reply(State(server): State<Server>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("it comes");
    server.seen().push(Seen {
        path: head.uri.to_string(),
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    });
    let reply = server.replies.lock().expect("nobody panicked").pop_front();
    match reply {
        None => Reply::json("no reply is left").status(418).response(),
        Some(reply) if reply.status == 0 => std::future::pending().await,
        Some(reply) => reply.response(),
    }
}

/// Asks a server that replies so.
pub(crate) async fn asked(reply: Reply) -> String {
    let server = Server::start([reply]).await;
    show(server.model().generate("hi").await)
}

/// The same, piece by piece.
pub(crate) async fn streamed(reply: Reply) -> String {
    let server = Server::start([reply]).await;
    show(server.model().stream("hi").finish().await)
}

/// Compares what a server's reply comes to with what is expected.
#[track_caller]
pub(crate) fn same(name: &str, actual: &str, expected: &str) {
    assert_eq!(actual, expected, "{name}");
}

/// In one line.
pub(crate) fn show(answered: Result<ModelResponse, ModelError>) -> String {
    match answered {
        Ok(response) => show_response(&response),
        Err(error) => show_error(&error),
    }
}

fn show_response(response: &ModelResponse) -> String {
    let mut shown = String::new();
    for part in &response.message.parts {
        let _ = match part {
            Part::Text { text } => write!(shown, "{text:?} "),
            Part::Reasoning(reasoning) => match &reasoning.replay {
                None => write!(shown, "thought {:?} ", reasoning.text),
                Some(replay) => write!(shown, "thought {:?} {replay} ", reasoning.text),
            },
            Part::Refusal { text } => write!(shown, "refused {text:?} "),
            Part::ToolCall(call) => {
                write!(shown, "{}:{}({}) ", call.id, call.name, call.arguments)
            }
            other => write!(shown, "{other:?} "),
        };
    }
    let finish = match &response.finish {
        Finish::Other(other) => format!("other {other:?}"),
        finish => format!("{finish:?}"),
    };
    let _ = write!(shown, "{finish}");
    let usage = response.usage;
    if usage.total() > 0 {
        let _ = write!(shown, " {}+{}", usage.input, usage.output);
    }
    shown
}

/// Kind, status, code, request and wait, and what is said of it.
pub(crate) fn show_error(error: &ModelError) -> String {
    let mut shown = error.kind.code().to_owned();
    if let ModelErrorKind::Timeout(phase) = error.kind {
        let _ = write!(shown, " {phase:?}");
    }
    if let Some(status) = error.status {
        let _ = write!(shown, " {status}");
    }
    if let Some(code) = &error.code {
        let _ = write!(shown, " `{code}`");
    }
    if let Some(id) = &error.request_id {
        let _ = write!(shown, " of {id}");
    }
    if let Some(wait) = error.retry_after() {
        let _ = write!(shown, " after {wait:?}");
    }
    if let Some(message) = &error.message {
        let _ = write!(shown, ": {message}");
    }
    shown
}

/// The text pieces of a stream, until it ends or fails.
pub(crate) async fn pieces(
    model: &Model,
    request: impl Into<ModelRequest>,
) -> (Vec<String>, Option<ModelError>) {
    let mut stream = model.stream(request);
    let mut texts = Vec::new();
    while let Some(delta) = stream.next().await {
        match delta {
            Ok(Delta::Text { text }) => texts.push(text),
            Ok(_) => {}
            Err(error) => return (texts, Some(error)),
        }
    }
    (texts, None)
}
