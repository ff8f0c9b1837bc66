//! A chain that is run: at once, or piece by piece.

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::Serialize;

use super::ChainError;
use super::chain::{Chain, Step};
use super::chunk::{Chunk, ChunkSum};
use super::scope::Scope;
use super::tell::{Queue, Tell};
use super::time::Reader;

impl<I: Send + 'static, O: Send + 'static> Chain<I, O> {
    /// Runs it with that input. Awaited, it is what the chain comes to, or that it
    /// is not sound, by [`check`](Self::check), before any of it has run.
    pub fn invoke(&self, input: I) -> ChainCall<I, O> {
        ChainCall {
            step: self.sound(),
            input,
            at_once: self.at_once,
        }
    }

    /// Runs it with that input, and tells of what it comes to piece by piece.
    ///
    /// Text comes as the model says it, where the chain ends with a model and
    /// [`text`](super::text()); what is in between is waited for. The branches of a
    /// `parallel!` at the end are told of as they come, each under its path.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::{ScriptedModel, parallel, prompt, text};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = ScriptedModel::new().on("summary", "It is large.").otherwise("Why?").model();
    /// let chain = parallel! {
    ///     summary: prompt("A summary of {topic}") | model.clone() | text(),
    ///     question: prompt("A question about {topic}") | model | text(),
    /// };
    /// let mut stream = chain.stream("space");
    /// let mut told = Vec::new();
    /// while let Some(chunk) = stream.next().await {
    ///     let chunk = chunk?;
    ///     told.push((chunk.path().to_owned(), chunk.text().unwrap_or_default().to_owned()));
    /// }
    /// assert!(told.contains(&("summary".into(), "is ".into())));
    /// assert_eq!(stream.finish().await?.question, "Why?");
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream(&self, input: I) -> ChainStream<O>
    where
        O: Serialize,
    {
        self.invoke(input).stream()
    }
}

/// A chain that runs with an input; see [`Chain::invoke`].
#[must_use = "nothing runs until it is awaited"]
pub struct ChainCall<I, O> {
    step: Arc<dyn Step<I, O>>,
    input: I,
    at_once: usize,
}

impl<I: Send + 'static, O: Send + 'static> ChainCall<I, O> {
    /// The most models and steps at work at once, in all that is inside the chain;
    /// 100 unless it is set, here or of the [chain](Chain::max_concurrency), and 0
    /// counts as 1.
    pub fn max_concurrency(mut self, at_once: usize) -> Self {
        self.at_once = at_once.max(1);
        self
    }

    /// Tells of what it comes to piece by piece; see [`Chain::stream`].
    pub fn stream(self) -> ChainStream<O>
    where
        O: Serialize,
    {
        let queue = Arc::new(Queue::default());
        let scope = Scope::new(self.at_once, Some(Tell::new(Arc::clone(&queue))));
        let reader = Reader::new(Arc::clone(scope.time()));
        let (step, input) = (self.step, self.input);
        let running = async move {
            let output = step.run(input, &scope).await?;
            if let Some(telling) = scope.whole(&output)? {
                telling.await;
            }
            Ok(output)
        };
        ChainStream {
            queue,
            state: State::Running(Box::pin(running)),
            sum: ChunkSum::default(),
            reader,
        }
    }
}

impl<I: Send + 'static, O: Send + 'static> IntoFuture for ChainCall<I, O> {
    type Output = Result<O, ChainError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let scope = Scope::new(self.at_once, None);
            self.step.run(self.input, &scope).await
        })
    }
}

type Running<O> = Pin<Box<dyn Future<Output = Result<O, ChainError>> + Send>>;

/// What a chain comes to, piece by piece; see [`Chain::stream`]. The sum of the
/// pieces is what the chain comes to. An error is the last item.
///
/// # Cancel safety
///
/// Dropping it drops all that is at work. Dropping the future of
/// [`next`](Self::next) loses nothing.
#[must_use = "nothing runs until it is read"]
pub struct ChainStream<O> {
    queue: Arc<Queue>,
    state: State<O>,
    sum: ChunkSum,
    reader: Reader,
}

enum State<O> {
    Running(Running<O>),
    /// It has ended, which is not told yet if it has failed.
    Ended {
        output: Result<O, ChainError>,
        is_told: bool,
    },
}

impl<O: Send + 'static> ChainStream<O> {
    /// The next piece; none after the last.
    pub async fn next(&mut self) -> Option<Result<Chunk, ChainError>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// The sum of what was read so far.
    #[must_use]
    pub fn sum(&self) -> &ChunkSum {
        &self.sum
    }

    /// Reads the rest; what the chain comes to.
    ///
    /// # Errors
    ///
    /// When the chain fails.
    pub async fn finish(mut self) -> Result<O, ChainError> {
        loop {
            while self.next().await.is_some() {}
            if let State::Ended { output, .. } = self.state {
                return output;
            }
        }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Chunk, ChainError>>> {
        self.reader.is_back();
        let read = self.poll_queue(cx);
        if read.is_ready() {
            self.reader.leaves();
        }
        read
    }

    fn poll_queue(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Chunk, ChainError>>> {
        loop {
            if let Some(chunk) = self.queue.pop() {
                self.sum.add(&chunk);
                return Poll::Ready(Some(Ok(chunk)));
            }
            match &mut self.state {
                State::Running(running) => match running.as_mut().poll(cx) {
                    Poll::Ready(output) => {
                        let is_told = output.is_ok();
                        self.state = State::Ended { output, is_told };
                    }
                    // It may have told something before it began to wait.
                    Poll::Pending => match self.queue.pop() {
                        None => return Poll::Pending,
                        Some(chunk) => {
                            self.sum.add(&chunk);
                            return Poll::Ready(Some(Ok(chunk)));
                        }
                    },
                },
                State::Ended { output, is_told } => {
                    return Poll::Ready(match output {
                        Err(error) if !*is_told => {
                            *is_told = true;
                            Some(Err(error.clone()))
                        }
                        _ => None,
                    });
                }
            }
        }
    }
}

// What runs is pinned in its box.
impl<O> Unpin for ChainStream<O> {}

impl<O: Send + 'static> Stream for ChainStream<O> {
    type Item = Result<Chunk, ChainError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_chunk(cx)
    }
}

impl<I, O> fmt::Debug for ChainCall<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainCall")
            .field("max_concurrency", &self.at_once)
            .finish_non_exhaustive()
    }
}

impl<O> fmt::Debug for ChainStream<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainStream")
            .field("sum", &self.sum)
            .finish_non_exhaustive()
    }
}
