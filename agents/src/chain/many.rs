//! A chain for many inputs.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::ChainError;
use super::chain::{Chain, Running, Step};
use super::plan::Plan;
use super::scope::Scope;
use super::time::Reader;

impl<I: Send + 'static, O: Send + 'static> Chain<I, O> {
    /// Runs it once for each input, several at a time. Awaited, it is what they
    /// come to, in the order of the inputs; the first failure in time ends it, and
    /// the others are dropped. With [`settle`](Self::settle) before it, no failure
    /// ends it.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::{map, step};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let lengths = map(|text: &str| text.len()).batch(["a", "bbb", "cc"]).await?;
    /// assert_eq!(lengths, [1, 3, 2]);
    ///
    /// let parse = step(|text: &str| async move { Ok(text.parse::<u32>()?) });
    /// let numbers = parse.settle().batch(["1", "x", "3"]).max_concurrency(2).await?;
    /// let numbers: Vec<_> = numbers.into_iter().map(|number| number.done()).collect();
    /// assert_eq!(numbers, [Some(1), None, Some(3)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn batch(&self, inputs: impl IntoIterator<Item = I>) -> Batch<I, O> {
        Batch {
            step: self.sound(),
            inputs: inputs.into_iter().collect(),
            at_once: self.at_once,
        }
    }

    /// The chain for lists: once for each item, several at a time, and in their
    /// order. The call's bound holds for all of it;
    /// [`max_concurrency`](Self::max_concurrency) after it sets one for the list, and
    /// before it one for each item.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::map;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let words = map(|text: &'static str| text.split(' ').collect::<Vec<_>>());
    /// let chain = words | map(|word: &str| word.len()).each();
    /// assert_eq!(chain.invoke("space is large").await?, [5, 2, 5]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn each(self) -> Chain<Vec<I>, Vec<O>> {
        let plan = Plan::Each(self.plan);
        Chain::new(Each(self.step), plan.into())
    }
}

/// A chain that runs for many inputs; see [`Chain::batch`].
#[must_use = "nothing runs until it is awaited"]
pub struct Batch<I, O> {
    step: Arc<dyn Step<I, O>>,
    inputs: Vec<I>,
    at_once: usize,
}

impl<I: Send + 'static, O: Send + 'static> Batch<I, O> {
    /// The most models and steps at work at once, over all inputs and all that is
    /// inside the chain; 100 unless it is set, here or of the
    /// [chain](Chain::max_concurrency), and 0 counts as 1.
    pub fn max_concurrency(mut self, at_once: usize) -> Self {
        self.at_once = at_once.max(1);
        self
    }

    /// What each input comes to as soon as it has, with the input's index. One that
    /// fails ends nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::step;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let parse = step(|text: &str| async move { Ok(text.parse::<u32>()?) });
    /// let mut ended = parse.batch(["1", "x", "3"]).as_completed();
    /// let mut sum = 0;
    /// while let Some((index, number)) = ended.next().await {
    ///     sum += number.unwrap_or(10);
    ///     assert!(index < 3);
    /// }
    /// assert_eq!(sum, 14);
    /// # }
    /// ```
    pub fn as_completed(self) -> Completed<I, O> {
        let scope = Scope::new(self.at_once, None);
        let reader = Reader::new(Arc::clone(scope.time()));
        Completed {
            reader: Some(reader),
            ..Completed::new(self.step, self.inputs, scope)
        }
    }
}

impl<I: Send + 'static, O: Send + 'static> IntoFuture for Batch<I, O> {
    type Output = Result<Vec<O>, ChainError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let n_inputs = self.inputs.len();
            let scope = Scope::new(self.at_once, None);
            in_order(n_inputs, Completed::new(self.step, self.inputs, scope)).await
        })
    }
}

/// All, in the order of their indices; or the first failure.
async fn in_order<O>(
    n_inputs: usize,
    mut ended: impl Stream<Item = (usize, Result<O, ChainError>)> + Unpin,
) -> Result<Vec<O>, ChainError> {
    let mut all = Vec::with_capacity(n_inputs);
    while let Some((index, output)) = ended.next().await {
        let output = output.map_err(|error| error.within(format!("[{index}]")))?;
        all.push((index, output));
    }
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, output)| output).collect())
}

type Item<O> = Pin<Box<dyn Future<Output = (usize, Result<O, ChainError>)> + Send>>;

/// What each of many inputs comes to, as they end; see [`Batch::as_completed`].
///
/// # Cancel safety
///
/// Dropping it drops what is at work. Dropping the future of [`next`](Self::next)
/// loses nothing.
#[must_use = "nothing runs until it is read"]
pub struct Completed<I, O> {
    step: Arc<dyn Step<I, O>>,
    inputs: std::iter::Enumerate<std::vec::IntoIter<I>>,
    scope: Scope,
    at_work: FuturesUnordered<Item<O>>,
    /// If it is read from outside of the chain.
    reader: Option<Reader>,
}

impl<I: Send + 'static, O: Send + 'static> Completed<I, O> {
    fn new(step: Arc<dyn Step<I, O>>, inputs: Vec<I>, scope: Scope) -> Self {
        Self {
            step,
            inputs: inputs.into_iter().enumerate(),
            scope,
            at_work: FuturesUnordered::new(),
            reader: None,
        }
    }

    /// What the next to end has come to, with its index; none after the last.
    pub async fn next(&mut self) -> Option<(usize, Result<O, ChainError>)> {
        StreamExt::next(self).await
    }
}

impl<I: Send + 'static, O: Send + 'static> Stream for Completed<I, O> {
    type Item = (usize, Result<O, ChainError>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(reader) = &mut self.reader {
            reader.is_back();
        }
        while self.at_work.len() < self.scope.at_once()
            && let Some((index, input)) = self.inputs.next()
        {
            let (step, scope) = (Arc::clone(&self.step), self.scope.item(index));
            let item: Item<O> = Box::pin(async move { (index, step.run(input, &scope).await) });
            self.at_work.push(item);
        }
        let ended = self.at_work.poll_next_unpin(cx);
        if ended.is_ready()
            && let Some(reader) = &mut self.reader
        {
            reader.leaves();
        }
        ended
    }
}

// Nothing in it is pinned in place.
impl<I, O> Unpin for Completed<I, O> {}

struct Each<I, O>(Arc<dyn Step<I, O>>);

impl<I: Send + 'static, O: Send + 'static> Step<Vec<I>, Vec<O>> for Each<I, O> {
    fn run<'a>(&'a self, inputs: Vec<I>, scope: &'a Scope) -> Running<'a, Vec<O>> {
        let n_inputs = inputs.len();
        let ended = Completed::new(Arc::clone(&self.0), inputs, scope.silent());
        Box::pin(in_order(n_inputs, ended))
    }
}

impl<I, O> fmt::Debug for Batch<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("inputs", &self.inputs.len())
            .field("max_concurrency", &self.at_once)
            .finish_non_exhaustive()
    }
}

impl<I, O> fmt::Debug for Completed<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completed")
            .field("waiting", &self.inputs.len())
            .field("at_work", &self.at_work.len())
            .finish_non_exhaustive()
    }
}
