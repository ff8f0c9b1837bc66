//! The layer under async-openai: sends a request once, and hands its body on
//! while it watches it.
//!
//! 1. Each phase has its own limit in time: to connect, until the answer begins,
//!    between two pieces of it.
//! 2. An answer whose status is not one of success is an error here, where
//!    status, headers and body are all known.
//! 3. Where a stream was asked for and JSON comes, that is one piece of a stream;
//!    a page of HTML is an error.
//! 4. A body is read no further than somebody waits for it, and is no longer than
//!    [`MOST_BYTES`].
//! 5. Under it there may be a tape: it records what comes, or is what is asked.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, unfold};
use http::HeaderMap;
use superstep_core::Permit;
use tokio::time::timeout;
use tower_service::Service;

use super::exchange::Exchange;
use super::failure::of_answer;
use super::pause::tell;
use super::secrets::Secrets;
use super::settings::Timeouts;
use super::taped::{Recording, asked, played};
use super::wait::retry_after;
use crate::chat::HttpTape;
use crate::{ModelError, ModelErrorKind, ModelPhase};

/// The most that an answer may have.
const MOST_BYTES: usize = 256 << 20;

/// The most that is read of an error.
const MOST_OF_ERROR: usize = 64 << 10;

/// What text may begin with, and is no part of it.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// What ends a stream, at the beginning of a line.
const DONE: [&[u8]; 2] = [b"\ndata: [DONE]", b"\ndata:[DONE]"];

#[derive(Clone)]
pub(super) struct Wire {
    pub(super) client: reqwest::Client,
    pub(super) timeouts: Timeouts,
    /// What is told how much the provider has left.
    pub(super) permit: Arc<Permit>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) tape: Option<Arc<dyn HttpTape>>,
    pub(super) secrets: Secrets,
}

impl Service<HttpRequestFactory> for Wire {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = Pin<Box<dyn Future<Output = Result<reqwest::Response, OpenAIError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let wire = self.clone();
        Box::pin(async move {
            let sent = wire.send(request.build().await?).await;
            sent.map_err(|error| OpenAIError::Boxed(Box::new(error)))
        })
    }
}

impl Wire {
    async fn send(self, request: reqwest::Request) -> Result<reqwest::Response, ModelError> {
        let (response, recording) = self.answered(request).await?;
        let (head, body) = response.into_parts();
        tell(&self.permit, &head.headers);
        let status = head.status.as_u16();
        let wait = retry_after(&head.headers);
        self.exchange
            .answers(status, request_id(&head.headers), wait);
        let mut watched = Watched {
            pieces: reqwest::Response::from(http::Response::new(body))
                .bytes_stream()
                .map(|piece| piece.map(Vec::from))
                .boxed(),
            timeouts: self.timeouts,
            exchange: self.exchange,
            n_bytes: 0,
            begun: false,
            over: false,
            tail: vec![b'\n'],
            recording,
        };
        if !head.status.is_success() {
            let body = watched.beginning(MOST_OF_ERROR).await;
            let body = String::from_utf8_lossy(&body);
            return Err(of_answer(head.status, &head.headers, &body));
        }
        let pieces = unfold(watched, |mut watched| async {
            let piece = watched.next().await?;
            Some((piece, watched))
        });
        let body = reqwest::Body::wrap_stream(pieces);
        Ok(http::Response::from_parts(head, body).into())
    }

    /// What the server answers, or the tape.
    async fn answered(
        &self,
        request: reqwest::Request,
    ) -> Result<(http::Response<reqwest::Body>, Option<Recording>), ModelError> {
        let tape = self.tape.as_ref();
        let tape = tape.map(|tape| (tape, asked(&request, &self.secrets)));
        if let Some((tape, asked)) = &tape
            && tape.replays()
        {
            return Ok((played(tape.find(asked)?)?, None));
        }
        let first_byte = self.timeouts.first_byte;
        let response = timeout(first_byte, self.client.execute(request)).await;
        let response = response.map_err(|_| late(ModelPhase::FirstByte))?;
        let response: http::Response<reqwest::Body> = response.map_err(broken)?.into();
        let (head, body) = response.into_parts();
        let recording = tape.and_then(|(tape, asked)| {
            Recording::new(Arc::clone(tape), self.secrets.clone(), asked, &head)
        });
        Ok((http::Response::from_parts(head, body), recording))
    }
}

/// The headers in which providers say what they know a request by.
pub(super) const REQUEST_IDS: [&str; 4] = [
    "x-request-id",
    "request-id",
    "apim-request-id",
    "x-ms-request-id",
];

fn request_id(headers: &HeaderMap) -> Option<&str> {
    REQUEST_IDS
        .into_iter()
        .find_map(|name| headers.get(name)?.to_str().ok())
}

fn late(phase: ModelPhase) -> ModelError {
    ModelErrorKind::Timeout(phase).into()
}

/// What a connection says of itself, without the URL, which may hold a key.
pub(super) fn broken(error: reqwest::Error) -> ModelError {
    let kind = match error.is_timeout() && error.is_connect() {
        true => ModelErrorKind::Timeout(ModelPhase::Connect),
        false => ModelErrorKind::Transport,
    };
    ModelError::new(kind).caused_by(error.without_url())
}

/// The body of an answer.
struct Watched {
    pieces: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    timeouts: Timeouts,
    exchange: Arc<Exchange>,
    n_bytes: usize,
    begun: bool,
    over: bool,
    /// The end of what was handed on.
    tail: Vec<u8>,
    recording: Option<Recording>,
}

impl Watched {
    /// What is handed on next.
    async fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        if self.over {
            return None;
        }
        let first = self.exchange.streams && !self.begun;
        let piece = match first {
            true => self.first().await,
            false => self.piece().await,
        };
        let piece = match piece {
            Ok(Some(piece)) => self.told(piece).await.map(Some),
            other => other,
        };
        match piece {
            Ok(Some(piece)) => Some(Ok(piece)),
            Ok(None) => None,
            Err(error) => {
                self.over = true;
                self.exchange.breaks(error);
                Some(Err(io::Error::other("the answer is broken")))
            }
        }
    }

    /// A piece, before it is handed on: after the last one nobody may ask.
    async fn told(&mut self, piece: Vec<u8>) -> Result<Vec<u8>, ModelError> {
        self.look_for_done(&piece);
        if self.exchange.is_done() {
            self.keep().await?;
        }
        Ok(piece)
    }

    /// Keeps what is being recorded, once.
    async fn keep(&mut self) -> Result<(), ModelError> {
        match self.recording.take() {
            Some(recording) => recording.keep().await,
            None => Ok(()),
        }
    }

    async fn piece(&mut self) -> Result<Option<Vec<u8>>, ModelError> {
        self.exchange.wanted().await;
        let (phase, limit) = match self.begun {
            false => (ModelPhase::FirstByte, self.timeouts.first_byte),
            true => (ModelPhase::Idle, self.timeouts.idle),
        };
        let piece = timeout(limit, self.pieces.next()).await;
        self.begun = true;
        match piece.map_err(|_| late(phase))? {
            None => self.keep().await.map(|()| None),
            Some(piece) => {
                let piece = piece.map_err(broken)?;
                if let Some(recording) = &mut self.recording {
                    recording.add(&piece);
                }
                self.n_bytes = self.n_bytes.saturating_add(piece.len());
                match self.n_bytes <= MOST_BYTES {
                    true => Ok(Some(piece)),
                    false => Err(ModelError::new(ModelErrorKind::Decode).message("it is too long")),
                }
            }
        }
    }

    /// The first piece of a stream, which need not be one. What reads events
    /// panics at a mark, so none is handed on.
    async fn first(&mut self) -> Result<Option<Vec<u8>>, ModelError> {
        let mut piece = Vec::new();
        let begin = loop {
            match self.piece().await? {
                None => return Ok(Some(piece).filter(|piece| !piece.is_empty())),
                Some(more) => piece.extend(more),
            }
            while piece.starts_with(MARK) {
                piece.drain(..MARK.len());
            }
            if MARK.starts_with(&piece) {
                continue;
            }
            if let Some(begin) = piece.iter().find(|byte| !byte.is_ascii_whitespace()) {
                break *begin;
            }
        };
        match begin {
            b'{' | b'[' => {
                while let Some(more) = self.piece().await? {
                    piece.extend(more);
                }
                self.exchange.says_done();
                Ok(Some(event(&piece)))
            }
            b'<' => {
                piece.extend(self.beginning(MOST_OF_ERROR).await);
                let body = String::from_utf8_lossy(&piece);
                Err(ModelError::new(ModelErrorKind::Decode).body(&body))
            }
            _ => Ok(Some(piece)),
        }
    }

    /// As much of the rest as is there to be read.
    async fn beginning(&mut self, most: usize) -> Vec<u8> {
        let mut beginning = Vec::new();
        while beginning.len() < most {
            match self.piece().await {
                Ok(Some(more)) => beginning.extend(more),
                Ok(None) | Err(_) => break,
            }
        }
        beginning
    }

    fn look_for_done(&mut self, piece: &[u8]) {
        self.tail.extend(piece);
        let longest = DONE[0].len();
        let ends = |done: &[u8]| self.tail.windows(done.len()).any(|window| window == done);
        if DONE.into_iter().any(ends) {
            self.exchange.says_done();
        }
        let n_over = self.tail.len().saturating_sub(longest);
        self.tail.drain(..n_over);
    }
}

/// JSON as the only event of a stream.
fn event(json: &[u8]) -> Vec<u8> {
    let line = json.iter().map(|byte| match byte {
        // No text of JSON holds one that is not escaped.
        b'\n' | b'\r' => b' ',
        byte => *byte,
    });
    let mut event = b"data: ".to_vec();
    event.extend(line);
    event.extend(b"\n\n");
    event
}

impl Timeouts {
    /// Within what is left until then.
    pub(super) async fn within<T>(
        until: Option<tokio::time::Instant>,
        future: impl Future<Output = Result<T, ModelError>>,
    ) -> Result<T, ModelError> {
        match until {
            None => future.await,
            Some(until) => {
                let within = tokio::time::timeout_at(until, future).await;
                within.map_err(|_| late(ModelPhase::Total))?
            }
        }
    }

    /// When a call that begins now has to be over.
    pub(super) fn end(&self) -> Option<tokio::time::Instant> {
        tokio::time::Instant::now().checked_add(self.total)
    }
}

/// What nobody sets.
impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(300),
            idle: Duration::from_secs(120),
            total: Duration::from_secs(1800),
        }
    }
}
