//! An answer that comes piece by piece.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::call::Metered;
use super::error::ModelError;
use super::response::{Delta, ModelResponse, PartialResponse};

type Pieces = Pin<Box<dyn Stream<Item = Result<Delta, ModelError>> + Send>>;
type Later = Box<dyn FnOnce() -> ModelStream + Send>;
type Whole = Pin<Box<dyn Future<Output = Result<ModelResponse, ModelError>> + Send>>;

/// The answer of a model, piece by piece: a stream, and what is there so far.
///
/// An error is its last item.
///
/// # Cancel safety
///
/// Dropping the stream ends the request. Dropping the future of
/// [`next`](Self::next) loses nothing.
#[must_use = "nothing is asked until it is read"]
pub struct ModelStream {
    from: From,
    partial: PartialResponse,
    metered: Option<Metered>,
    /// The model's name, for errors that have none.
    name: Option<String>,
    /// What is told of the last piece, while there is no room for it.
    told: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

enum From {
    /// Made when it is read.
    Later(Later),
    Pieces(Pieces),
    /// The whole answer, and its pieces once it is there.
    Whole(Whole),
    Rest(VecDeque<Delta>),
    Over,
}

impl ModelStream {
    /// Of pieces that come from elsewhere.
    pub fn new(pieces: impl Stream<Item = Result<Delta, ModelError>> + Send + 'static) -> Self {
        Self::of(From::Pieces(Box::pin(pieces)))
    }

    /// Of an answer that comes at once.
    pub fn whole(
        answer: impl Future<Output = Result<ModelResponse, ModelError>> + Send + 'static,
    ) -> Self {
        Self::of(From::Whole(Box::pin(answer)))
    }

    /// One that is made when it is read, and counted from then on.
    pub(super) fn later(make: impl FnOnce() -> Self + Send + 'static) -> Self {
        Self::of(From::Later(Box::new(make)))
    }

    fn of(from: From) -> Self {
        Self {
            from,
            partial: PartialResponse::default(),
            metered: None,
            name: None,
            told: None,
        }
    }

    /// The same, counted and told as the answer of a call in a task.
    pub(super) fn metered(mut self, metered: Metered) -> Self {
        self.metered = Some(metered);
        self
    }

    /// The same, of the model of that name.
    pub(super) fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// The next piece; none after the last.
    pub async fn next(&mut self) -> Option<Result<Delta, ModelError>> {
        poll_fn(|cx| self.poll_delta(cx)).await
    }

    /// What was read so far.
    #[must_use]
    pub fn partial(&self) -> &PartialResponse {
        &self.partial
    }

    /// Reads the rest, and puts all of it together.
    ///
    /// # Errors
    ///
    /// When a piece is an error, or the answer was cut off.
    pub async fn finish(mut self) -> Result<ModelResponse, ModelError> {
        while let Some(delta) = self.next().await {
            delta?;
        }
        let name = self.name;
        let whole = self.partial.finish();
        whole.map_err(|error| of(name.as_deref(), error))
    }

    fn poll_delta(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Delta, ModelError>>> {
        if let Some(told) = &mut self.told {
            ready!(told.as_mut().poll(cx));
            self.told = None;
        }
        if let From::Later(_) = &self.from {
            let begun = self.metered.as_mut().map_or(Ok(()), Metered::begin);
            if let Err(error) = begun {
                (self.from, self.metered) = (From::Over, None);
                return Poll::Ready(Some(Err(of(self.name.as_deref(), error))));
            }
        }
        loop {
            let mut delta = match &mut self.from {
                From::Later(_) => {
                    if let From::Later(make) = mem::replace(&mut self.from, From::Over) {
                        self.from = make().from;
                    }
                    continue;
                }
                From::Pieces(pieces) => {
                    ready!(within(&self.metered, || pieces.as_mut().poll_next(cx)))
                }
                From::Whole(answer) => {
                    match ready!(within(&self.metered, || answer.as_mut().poll(cx))) {
                        Ok(response) => {
                            self.from = From::Rest(response.into_deltas().into());
                            continue;
                        }
                        Err(error) => Some(Err(error)),
                    }
                }
                From::Rest(deltas) => deltas.pop_front().map(Ok),
                From::Over => return Poll::Ready(None),
            };
            match (&delta, &mut self.metered) {
                (Some(Ok(piece)), Some(metered)) => match metered.take_in(piece) {
                    Ok(told) => self.told = Some(told.into_future()),
                    Err(error) => delta = Some(Err(error)),
                },
                (Some(Err(error)), Some(metered)) => metered.fails(error),
                _ => {}
            }
            let delta = delta.map(|delta| delta.map_err(|error| of(self.name.as_deref(), error)));
            match &delta {
                Some(Ok(delta)) => self.partial.add(delta.clone()),
                Some(Err(_)) | None => {
                    self.from = From::Over;
                    // Counted now, and not when somebody drops the stream.
                    self.metered = None;
                }
            }
            return Poll::Ready(delta);
        }
    }
}

/// Where its call's task is at work, whoever reads the stream.
fn within<T>(metered: &Option<Metered>, f: impl FnOnce() -> T) -> T {
    match metered {
        Some(metered) => metered.within(f),
        None => f(),
    }
}

fn of(model: Option<&str>, error: ModelError) -> ModelError {
    match model {
        Some(model) => error.or_model(model),
        None => error,
    }
}

impl Stream for ModelStream {
    type Item = Result<Delta, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_delta(cx)
    }
}

impl fmt::Debug for ModelStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelStream")
            .field("text", &self.partial.text())
            .finish_non_exhaustive()
    }
}
