//! A model in whose place another is asked where it fails.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use superstep_core::Retryable as _;

use super::call::Metered;
use super::error::{ModelError, ModelErrorKind};
use super::model::{Capabilities, ChatModel, Model};
use super::request::ModelRequest;
use super::response::{Delta, ModelResponse};
use super::stream::ModelStream;

/// Whether an error is one after which the other is asked.
type When = Arc<dyn Fn(&ModelError) -> bool + Send + Sync>;

impl Model {
    /// This model, or the other where this one fails by no fault of the request:
    /// for each error after which [the same may be asked
    /// again](superstep_core::Retryable), and when its key or what was paid for is
    /// no good. That a provider does not want to be asked again, as its
    /// [`should_retry`](ModelError::should_retry) says, is no reason not to ask the
    /// other.
    ///
    /// It has this one's name, and can what both can. Of a stream the other is
    /// asked until the first piece has come, and never after that: nothing is told
    /// twice. Where a whole answer is asked for, that a run is watched changes nothing:
    /// who watches sees the other's text as the part `#2`. A model that asks again by itself does so before the other is asked.
    ///
    /// # Errors
    ///
    /// What it answers with is the other's error, which has this one's as its
    /// cause.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep_providers::{Model, ModelErrorKind, ScriptedModel};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let busy = ScriptedModel::new()
    ///     .on("Hello", ModelErrorKind::Quota)
    ///     .otherwise(ModelErrorKind::ContextLength);
    /// let model = Model::new(busy).or(ScriptedModel::new().otherwise("Here I am."));
    /// assert_eq!(model.ask("Hello?").await?, "Here I am.");
    ///
    /// let error = model.ask("A long story").await.unwrap_err();
    /// assert_eq!(error.kind, ModelErrorKind::ContextLength);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn or(self, other: impl Into<Self>) -> Self {
        self.or_if(other, |error| {
            let kinds = [ModelErrorKind::Quota, ModelErrorKind::Auth];
            error.is_retryable() || error.kind.may_pass() || kinds.contains(&error.kind)
        })
    }

    /// As [`or`](Self::or), after the errors of which that is true: one that can
    /// take in more may be asked after [`ModelErrorKind::ContextLength`].
    #[must_use]
    pub fn or_if(
        self,
        other: impl Into<Self>,
        when: impl Fn(&ModelError) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::new(Fallback {
            first: self,
            other: other.into(),
            when: Arc::new(when),
        })
    }

    /// Piece by piece, if it can.
    fn pieces(&self, request: ModelRequest, begins_again: bool) -> ModelStream {
        let pieces = match begins_again {
            true => self.unmetered_told(request.clone()),
            false => self.unmetered_stream(request.clone()),
        };
        pieces.unwrap_or_else(|| {
            let model = self.clone();
            ModelStream::whole(async move { model.unmetered(request).await })
        })
    }
}

struct Fallback {
    first: Model,
    other: Model,
    when: When,
}

impl ChatModel for Fallback {
    fn name(&self) -> &str {
        self.first.name()
    }

    fn capabilities(&self) -> Capabilities {
        let (a, b) = (self.first.capabilities(), self.other.capabilities());
        Capabilities {
            tools: a.tools && b.tools,
            schema: a.schema && b.schema,
            json: a.json && b.json,
            images: a.images && b.images,
            audio: a.audio && b.audio,
            files: a.files && b.files,
        }
    }

    async fn generate(&self, request: ModelRequest) -> Result<ModelResponse, ModelError> {
        match self.first.unmetered(request.clone()).await {
            Err(error) if (self.when)(&error) => {
                Metered::new(&request).counts_attempt(&error)?;
                let answered = self.other.unmetered(request).await;
                answered.map_err(|other| other.or_caused_by(error))
            }
            answered => answered,
        }
    }

    fn stream(&self, request: &ModelRequest) -> Option<ModelStream> {
        Some(self.pieces(request, false))
    }

    fn tell(&self, request: &ModelRequest) -> Option<ModelStream> {
        Some(self.pieces(request, true))
    }
}

impl Fallback {
    fn pieces(&self, request: &ModelRequest, begins_again: bool) -> ModelStream {
        ModelStream::new(Pieces {
            now: self.first.pieces(request.clone(), begins_again),
            next: Some((self.other.clone(), Arc::clone(&self.when), request.clone())),
            failed: None,
            begins_again,
            has_begun: false,
        })
    }
}

struct Pieces {
    now: ModelStream,
    /// What is asked where the first fails, until it has begun to tell.
    next: Option<(Model, When, ModelRequest)>,
    /// Why the first failed.
    failed: Option<ModelError>,
    /// Whether the other is asked even if it has begun.
    begins_again: bool,
    has_begun: bool,
}

impl Stream for Pieces {
    type Item = Result<Delta, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let piece = ready!(Pin::new(&mut self.now).poll_next(cx));
            let mut error = match piece {
                Some(Err(error)) => error,
                Some(Ok(piece)) => {
                    if !matches!(piece, Delta::Started { .. }) {
                        self.has_begun = true;
                        if !self.begins_again {
                            self.next = None;
                        }
                    }
                    return Poll::Ready(Some(Ok(piece)));
                }
                None => return Poll::Ready(None),
            };
            match self.next.take() {
                Some((other, when, request)) if when(&error) => {
                    let used = Some(self.now.partial().usage());
                    error.usage = error.usage.or(used.filter(|used| used.total() > 0));
                    if let Err(error) = Metered::new(&request).counts_attempt(&error) {
                        return Poll::Ready(Some(Err(error)));
                    }
                    self.now = other.pieces(request, self.begins_again);
                    self.failed = Some(error);
                    if self.has_begun {
                        return Poll::Ready(Some(Ok(Delta::Again)));
                    }
                }
                _ => {
                    let error = match self.failed.take() {
                        Some(first) => error.or_caused_by(first),
                        None => error,
                    };
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}
