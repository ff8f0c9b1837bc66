//! Asks a provider: tries, tries again, reads what comes.
//!
//! 1. An attempt takes what the limiter gives, and gives it back when it ends.
//! 2. A whole answer is one attempt, its reading included. Of a stream an attempt
//!    is all until its first piece: what has begun to be told is not told again,
//!    unless it is only shown to somebody while the whole is waited for. One that is
//!    made again is counted as a call.
//! 3. The limit in all holds for all attempts and the waits between them.
//! 4. Events are read where a whole answer was asked for, as their stream would be.
//! 5. Once the provider has said why an answer ends, what happens to its
//!    connection does not matter any more.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use async_openai::Client;
use async_openai::config::Config;
use async_openai::error::OpenAIError;
use futures_util::stream::{Stream, unfold};
use serde_json::Value;
use superstep_core::{Limiter, Permit, Retryable as _, Usage};
use tokio::time::Instant;

use super::allowed::Target;
use super::events::events;
use super::exchange::Exchange;
use super::preset::Dialect;
use super::retry::Tries;
use super::secrets::Secrets;
use super::settings::{Route, Timeouts};
use super::usage::{having_used, used};
use super::wire::{Wire, broken};
use super::{chat, responses};
use crate::chat::{HttpTape, Metered, check_requests};
use crate::{
    Capabilities, Delta, ModelError, ModelErrorKind, ModelRequest, ModelResponse, ModelStream,
    PartialResponse, TokenUsage,
};

/// What an answer is reckoned to have that says nothing of its length.
const ANSWER: u64 = 256;

/// How many bytes of text are a token, roughly.
const BYTES_A_TOKEN: usize = 4;

pub(super) struct Caller {
    pub(super) model: String,
    pub(super) dialect: Dialect,
    pub(super) capabilities: Capabilities,
    pub(super) route: Route,
    pub(super) host: String,
    pub(super) endpoint: Arc<dyn Config>,
    pub(super) client: reqwest::Client,
    pub(super) timeouts: Timeouts,
    pub(super) tries: Tries,
    /// Told what the provider has left.
    pub(super) limiter: Limiter,
    pub(super) secrets: Secrets,
    /// What records, or stands for the provider.
    pub(super) tape: Option<Arc<dyn HttpTape>>,
}

/// What is sent, and how many tokens it may come to.
struct Asked {
    body: Value,
    sent: u64,
    answer: u64,
    chance: u64,
}

/// What is answered where no stream was asked for.
struct Whole {
    /// One, unless it is a stream all the same.
    pieces: Vec<Value>,
    /// Nothing is missing, as far as the provider says.
    done: bool,
}

impl Whole {
    fn body(&self) -> String {
        let pieces: Vec<String> = self.pieces.iter().map(Value::to_string).collect();
        pieces.join("\n")
    }
}

impl Caller {
    fn asked(&self, body: Value, answer: u64) -> Asked {
        let text = body.to_string();
        let sent = u64::try_from(text.len() / BYTES_A_TOKEN).unwrap_or(u64::MAX);
        Asked {
            body,
            sent,
            answer,
            chance: self.tries.chance(&text),
        }
    }

    fn encode(&self, request: &ModelRequest, streams: bool) -> Result<Asked, ModelError> {
        let target = Target {
            model: &self.model,
            dialect: &self.dialect,
            capabilities: self.capabilities,
        };
        let body = match self.route {
            Route::Responses => responses::body(request, &target, streams)?,
            Route::Chat | Route::Embeddings => chat::body(request, &target, streams)?,
        };
        Ok(self.asked(body, request.max_tokens.map_or(ANSWER, u64::from)))
    }

    /// The whole answer.
    pub(super) async fn generate(
        &self,
        request: &ModelRequest,
    ) -> Result<ModelResponse, ModelError> {
        let asked = self.encode(request, false)?;
        let tried = self.tried(&asked, |whole| self.read(&whole));
        Timeouts::within(self.timeouts.end(), tried).await
    }

    /// What an embedder is answered.
    pub(super) async fn post<T>(
        &self,
        body: Value,
        read: impl Fn(Value) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        let asked = self.asked(body, 0);
        let tried = self.tried(&asked, |mut whole| {
            read(whole.pieces.pop().unwrap_or_default())
        });
        Timeouts::within(self.timeouts.end(), tried).await
    }

    async fn tried<T>(
        &self,
        asked: &Asked,
        read: impl Fn(Whole) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        let mut attempt = 1;
        loop {
            let exchange = Arc::new(Exchange::new(false, self.secrets.clone()));
            let answered = match self.once(asked, &exchange).await {
                Ok(whole) => {
                    let used = whole.pieces.iter().rev().find_map(used);
                    read(whole).map_err(|error| having_used(error, used))
                }
                Err(error) => Err(error),
            };
            let error = match answered {
                Ok(answer) => return Ok(answer),
                Err(error) => exchange.error(error),
            };
            self.again(asked, attempt, error).await?;
            attempt += 1;
        }
    }

    /// Returns when another attempt may be made than the one that has failed.
    async fn again(
        &self,
        asked: &Asked,
        attempt: u32,
        error: ModelError,
    ) -> Result<(), ModelError> {
        let Some(wait) = self.tries.wait(&error, attempt, asked.chance) else {
            return Err(error);
        };
        Metered::of(asked.sent, asked.answer).counts_attempt(&error)?;
        tokio::time::sleep(wait).await;
        Ok(())
    }

    async fn once(&self, asked: &Asked, exchange: &Arc<Exchange>) -> Result<Whole, ModelError> {
        let permit = Arc::new(self.admit(asked).await?);
        let client = self.client(exchange, &permit);
        let body = &asked.body;
        let answered = match self.route {
            Route::Chat => client.chat().create_byot(body).await,
            Route::Responses => client.responses().create_byot(body).await,
            Route::Embeddings => client.embeddings().create_byot(body).await,
        };
        let (pieces, done) = match answered {
            Ok(value) => (vec![value], true),
            Err(error) => match streamed(&error) {
                Some(pieces) => (pieces, exchange.is_done()),
                None => return Err(failed(error, exchange)),
            },
        };
        Ok(Whole { pieces, done })
    }

    fn read(&self, whole: &Whole) -> Result<ModelResponse, ModelError> {
        let mut decoder = Decoder::new(self.route);
        let mut deltas = VecDeque::new();
        let mut pieces = whole.pieces.iter();
        let read = pieces.try_for_each(|piece| decoder.add(piece, &mut deltas));
        // What error is in it, it shows.
        read.and_then(|()| decoder.end(whole.done, &mut deltas))
            .map_err(|error| match error.body {
                Some(_) => error,
                None => error.body(&whole.body()),
            })?;
        let mut answer = PartialResponse::default();
        deltas.into_iter().for_each(|delta| answer.add(delta));
        answer.finish()
    }

    /// Waits until a request may be sent.
    async fn admit(&self, asked: &Asked) -> Result<Permit, ModelError> {
        if self.tape.as_ref().is_none_or(|tape| !tape.replays()) {
            check_requests(&self.host)?;
        }
        let tokens = asked.sent.saturating_add(asked.answer);
        let usage = Usage::new().calls(1).tokens(tokens);
        let most = self.tries.max_retry_after;
        if let Some(wait) = self.limiter.waits_for(usage).filter(|wait| *wait > most) {
            let retry_after = Some(wait);
            let limited = ModelError::new(ModelErrorKind::RateLimited { retry_after });
            return Err(limited.message("the provider has said so before"));
        }
        let permit = self.limiter.acquire(usage).await;
        // However long one waits, it never gives as much.
        permit.map_err(|error| ModelError::new(ModelErrorKind::Setup).caused_by(error))
    }

    /// async-openai's client, over a wire that tells the exchange what happens.
    fn client(&self, exchange: &Arc<Exchange>, permit: &Arc<Permit>) -> Client<Arc<dyn Config>> {
        let wire = Wire {
            client: self.client.clone(),
            timeouts: self.timeouts,
            permit: Arc::clone(permit),
            exchange: Arc::clone(exchange),
            tape: self.tape.clone(),
            secrets: self.secrets.clone(),
        };
        Client::build(self.client.clone(), Arc::clone(&self.endpoint)).with_http_service(wire)
    }

    /// The answer, piece by piece.
    pub(super) fn stream(
        self: Arc<Self>,
        request: &ModelRequest,
        begins_again: bool,
    ) -> ModelStream {
        let asked = self.encode(request, true);
        let reading = Reading {
            caller: self,
            until: None,
            attempt: 1,
            begins_again,
            used: None,
            state: ReadingState::Asked(Box::new(asked)),
            deltas: VecDeque::new(),
        };
        ModelStream::new(unfold(reading, |mut reading| async {
            let delta = reading.next().await?;
            Some((delta, reading))
        }))
    }

    /// The stream, once something of the answer has come.
    async fn begin(
        &self,
        asked: &Asked,
        attempt: &mut u32,
        deltas: &mut VecDeque<Delta>,
    ) -> Result<Option<Opened>, ModelError> {
        loop {
            let exchange = Arc::new(Exchange::new(true, self.secrets.clone()));
            let error = match self.open(asked, &exchange, deltas).await {
                Ok(opened) => return Ok(opened),
                Err(error) => exchange.error(error),
            };
            let error = having_used(error, last_used(deltas.drain(..)));
            self.again(asked, *attempt, error).await?;
            *attempt += 1;
        }
    }

    async fn open(
        &self,
        asked: &Asked,
        exchange: &Arc<Exchange>,
        deltas: &mut VecDeque<Delta>,
    ) -> Result<Option<Opened>, ModelError> {
        let permit = Arc::new(self.admit(asked).await?);
        let client = self.client(exchange, &permit);
        let body = &asked.body;
        let values = match self.route {
            Route::Responses => client.responses().create_stream_byot(body).await,
            Route::Chat | Route::Embeddings => client.chat().create_stream_byot(body).await,
        };
        let mut opened = Opened {
            values: values.map_err(|error| failed(error, exchange))?,
            exchange: Arc::clone(exchange),
            decoder: Decoder::new(self.route),
            _permit: permit,
        };
        let tells = |delta: &Delta| !matches!(delta, Delta::Started { .. } | Delta::Usage(_));
        while !deltas.iter().any(tells) {
            if !opened.read(deltas).await? {
                return Ok(None);
            }
        }
        Ok(Some(opened))
    }
}

/// What the pieces say was used.
fn last_used(deltas: impl DoubleEndedIterator<Item = Delta>) -> Option<TokenUsage> {
    let mut used = deltas.filter_map(|delta| match delta {
        Delta::Usage(used) => Some(used),
        _ => None,
    });
    used.next_back()
}

/// By rule 4.
fn streamed(error: &OpenAIError) -> Option<Vec<Value>> {
    match error {
        OpenAIError::JSONDeserialize(_, body) => events(body),
        _ => None,
    }
}

/// What async-openai says went wrong, or what the wire has found out.
fn failed(error: OpenAIError, exchange: &Exchange) -> ModelError {
    if let Some(error) = exchange.take_broken() {
        return error;
    }
    match error {
        OpenAIError::Boxed(error) => match error.downcast::<ModelError>() {
            Ok(error) => *error,
            Err(error) => ModelError::new(ModelErrorKind::Transport).caused_by(error),
        },
        OpenAIError::Reqwest(error) => broken(error),
        OpenAIError::JSONDeserialize(error, body) => {
            let unreadable = ModelError::new(ModelErrorKind::Decode).caused_by(error);
            unreadable.body(&body)
        }
        error => ModelError::new(ModelErrorKind::Transport).caused_by(error),
    }
}

/// What of an answer each interface has in its own way.
enum Decoder {
    Chat(chat::Decoder),
    Responses(responses::Decoder),
}

impl Decoder {
    fn new(route: Route) -> Self {
        match route {
            Route::Responses => Self::Responses(responses::Decoder::default()),
            Route::Chat | Route::Embeddings => Self::Chat(chat::Decoder::default()),
        }
    }

    fn add(&mut self, value: &Value, out: &mut VecDeque<Delta>) -> Result<(), ModelError> {
        match self {
            Self::Chat(decoder) => decoder.add(value, out),
            Self::Responses(decoder) => decoder.add(value, out),
        }
    }

    fn is_finished(&self) -> bool {
        match self {
            Self::Chat(decoder) => decoder.is_finished(),
            Self::Responses(decoder) => decoder.is_finished(),
        }
    }

    fn end(&mut self, done: bool, out: &mut VecDeque<Delta>) -> Result<(), ModelError> {
        match self {
            Self::Chat(decoder) => decoder.end(done, out),
            Self::Responses(decoder) => decoder.end(out),
        }
    }
}

/// A stream that has been opened.
struct Opened {
    values: Pin<Box<dyn Stream<Item = Result<Value, OpenAIError>> + Send>>,
    exchange: Arc<Exchange>,
    decoder: Decoder,
    _permit: Arc<Permit>,
}

impl Opened {
    /// Reads on; whether there may be more.
    async fn read(&mut self, deltas: &mut VecDeque<Delta>) -> Result<bool, ModelError> {
        let value = poll_fn(|cx| {
            let polled = self.values.as_mut().poll_next(cx);
            self.exchange.want(polled.is_pending());
            polled
        });
        let read = match value.await {
            Some(Ok(value)) => {
                let added = self.decoder.add(&value, deltas);
                added.map_err(|error| having_used(error, used(&value)))?;
                return Ok(true);
            }
            // An event that says nothing keeps a connection alive.
            Some(Err(OpenAIError::JSONDeserialize(_, data))) if data.trim().is_empty() => {
                return Ok(true);
            }
            None => Ok(self.exchange.is_done()),
            Some(Err(error)) => Err(failed(error, &self.exchange)),
        };
        match read {
            Ok(done) => self.decoder.end(done, deltas)?,
            // By rule 5.
            Err(error) if self.decoder.is_finished() && error.is_retryable() => {
                self.decoder.end(true, deltas)?;
            }
            Err(error) => return Err(error),
        }
        Ok(false)
    }
}

/// A stream as it is read.
struct Reading {
    caller: Arc<Caller>,
    /// By when all has to be read, once it has begun.
    until: Option<Instant>,
    attempt: u32,
    /// Whether one that has begun may be followed by another.
    begins_again: bool,
    /// What the attempt has used, as far as the provider has said.
    used: Option<TokenUsage>,
    state: ReadingState,
    deltas: VecDeque<Delta>,
}

enum ReadingState {
    Asked(Box<Result<Asked, ModelError>>),
    Open(Box<Opened>, Box<Asked>),
    Over,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Delta, ModelError>> {
        loop {
            if let Some(delta) = self.deltas.pop_front() {
                if let Delta::Usage(used) = delta {
                    self.used = Some(used);
                }
                return Some(Ok(delta));
            }
            let next = match std::mem::replace(&mut self.state, ReadingState::Over) {
                ReadingState::Over => return None,
                ReadingState::Asked(asked) => self.begin(*asked).await,
                ReadingState::Open(opened, asked) => self.read(opened, asked).await,
            };
            match next {
                Ok(state) => self.state = state,
                Err(error) => return Some(Err(error.model(&self.caller.model))),
            }
        }
    }

    async fn begin(
        &mut self,
        asked: Result<Asked, ModelError>,
    ) -> Result<ReadingState, ModelError> {
        let asked = asked?;
        self.until = self.until.or_else(|| self.caller.timeouts.end());
        let begun = self
            .caller
            .begin(&asked, &mut self.attempt, &mut self.deltas);
        let opened = Timeouts::within(self.until, begun).await?;
        Ok(opened.map_or(ReadingState::Over, |opened| {
            ReadingState::Open(Box::new(opened), Box::new(asked))
        }))
    }

    async fn read(
        &mut self,
        mut opened: Box<Opened>,
        asked: Box<Asked>,
    ) -> Result<ReadingState, ModelError> {
        let exchange = Arc::clone(&opened.exchange);
        let until = self.until;
        let read = async {
            let error = match opened.read(&mut self.deltas).await {
                Ok(true) => return Ok(ReadingState::Open(opened, asked)),
                Ok(false) => return Ok(ReadingState::Over),
                Err(error) if !self.begins_again => return Err(error),
                Err(error) => opened.exchange.error(error),
            };
            drop(opened);
            let used = last_used(self.deltas.drain(..)).or(self.used.take());
            let error = having_used(error, used);
            self.caller.again(&asked, self.attempt, error).await?;
            self.attempt += 1;
            self.deltas.push_back(Delta::Again);
            Ok(ReadingState::Asked(Box::new(Ok(*asked))))
        };
        let read = Timeouts::within(until, read).await;
        read.map_err(|error| exchange.error(error))
    }
}
