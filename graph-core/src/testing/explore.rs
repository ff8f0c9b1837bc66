//! Many completion orders and failure points of one run.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::compile::Graph;
use crate::node::BoxFuture;
use crate::run::{Given, HasContext, IntoContext, NoContext, Rehearsal};
use crate::state::State;
use crate::transcript::Transcript;

/// Runs a graph under many completion orders, and under a failure of each of
/// its tasks in turn; `.await` tells whether all agree.
///
/// Every run is on one thread. In which order the tasks of a superstep are
/// started and polled is drawn from a seed; nothing sleeps but the nodes
/// themselves, for which tests pause the clock. All runs must give the same
/// transcript, byte for byte; with a failure injected, all runs with the same
/// failure must.
///
/// A join that cancels what comes later depends on who comes first, as
/// [`Join::first`](crate::Join::first) does: orders then disagree, unless the nodes
/// make sure of one. Joins that wait for all to settle agree.
///
/// A graph with a context takes it through [`context`](Exploration::context), or,
/// where nodes change something in it, through
/// [`context_with`](Exploration::context_with), which makes one for each run.
///
/// # Cancel safety
///
/// Dropping the future cancels the run at work; the others were complete.
///
/// # Errors
///
/// The future returns a [`Disagreement`], which names the two orders and the
/// first line in which their transcripts differ.
///
/// # Examples
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
/// use superstep::testing::explore;
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Votes {
///     #[reduce(Append)]
///     voters: Vec<String>,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let graph = StateGraph::<Votes>::new("vote")
///     .add_node("ann", async |_: View<Votes>| Votes::update().voters("ann"))
///     .add_node("bob", async |_: View<Votes>| Votes::update().voters("bob"))
///     .add_edge(START, ["ann", "bob"])
///     .compile()?;
/// let explored = explore(&graph, Votes::update()).orders(50).await?;
/// assert_eq!(explored.orders, 50);
/// # Ok(())
/// # }
/// ```
pub fn explore<S: State, C: Send + Sync + 'static>(
    graph: &Graph<S, C>,
    input: S::Update,
) -> Exploration<S, C, NoContext> {
    Exploration {
        settings: Settings {
            graph: graph.clone(),
            input,
            context: NoContext,
            orders: 100,
            failures: 32,
            seed: 0,
            shuffle_merges: false,
        },
        running: None,
    }
}

/// A new context for each run.
pub struct Fresh<C>(Arc<dyn Fn() -> C + Send + Sync>);

impl<C> Clone for Fresh<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for Fresh<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fresh(..)")
    }
}

impl<C> HasContext<C> for Fresh<C> {
    fn context(&self) -> Arc<C> {
        Arc::new((self.0)())
    }
}

/// An exploration before its `.await`; see [`explore`].
#[must_use = "an exploration does nothing until it is awaited"]
pub struct Exploration<S: State, C, X> {
    settings: Settings<S, C, X>,
    /// The exploration itself, from the first poll on.
    running: Option<BoxFuture<Result<Explored, Disagreement>>>,
}

// Nothing in it is pinned in place: the exploration itself is in a box.
impl<S: State, C, X> Unpin for Exploration<S, C, X> {}

struct Settings<S: State, C, X> {
    graph: Graph<S, C>,
    input: S::Update,
    context: X,
    orders: u64,
    failures: usize,
    seed: u64,
    shuffle_merges: bool,
}

impl<S: State, C, X> Exploration<S, C, X> {
    /// How many completion orders to try; 100 by default.
    pub fn orders(mut self, orders: u64) -> Self {
        self.settings.orders = orders;
        self
    }

    /// At how many tasks to inject a failure, from the first; 32 by default,
    /// each under a few orders.
    pub fn failures(mut self, failures: usize) -> Self {
        self.settings.failures = failures;
        self
    }

    /// Where the orders start from; 0 by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Gives all runs the same context: a `C`, or an `Arc<C>` to look into it
    /// afterwards.
    pub fn context(self, context: impl IntoContext<C>) -> Exploration<S, C, Given<C>> {
        self.replace_context(Given::new(context.into_context()))
    }

    /// Gives each run a context of its own.
    pub fn context_with(
        self,
        make: impl Fn() -> C + Send + Sync + 'static,
    ) -> Exploration<S, C, Fresh<C>> {
        self.replace_context(Fresh(Arc::new(make)))
    }

    fn replace_context<Y>(self, context: Y) -> Exploration<S, C, Y> {
        let settings = self.settings;
        Exploration {
            settings: Settings {
                graph: settings.graph,
                input: settings.input,
                context,
                orders: settings.orders,
                failures: settings.failures,
                seed: settings.seed,
                shuffle_merges: settings.shuffle_merges,
            },
            running: None,
        }
    }

    /// Also merges updates in an order drawn from the seed, which a real run
    /// never does. It finds reducers that do not commute: fields whose value
    /// depends on what the nodes are called.
    pub fn shuffle_merges(mut self) -> Self {
        self.settings.shuffle_merges = true;
        self
    }
}

/// What an exploration covered when all runs agreed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explored {
    /// The transcript of every run without an injected failure.
    pub transcript: Transcript,
    /// How many orders were tried.
    pub orders: u64,
    /// At how many tasks a failure was injected.
    pub failures: usize,
}

/// Two runs of an exploration that differ. As `Debug`, which `unwrap` prints,
/// it is its message.
#[derive(Clone)]
#[non_exhaustive]
pub struct Disagreement {
    /// The seeds of the two orders.
    pub seeds: (u64, u64),
    /// The task at which a failure was injected, if one was.
    pub failure: Option<String>,
    /// The first line in which they differ, from 1.
    pub line: usize,
    /// That line in the first run; empty if it has ended before.
    pub first: String,
    /// That line in the second.
    pub second: String,
    /// Both transcripts.
    pub transcripts: Box<(Transcript, Transcript)>,
}

impl std::error::Error for Disagreement {}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, other) = self.seeds;
        write!(
            f,
            "the completion orders of seeds {one} and {other} disagree"
        )?;
        if let Some(task) = &self.failure {
            write!(f, " when {task} fails")?;
        }
        let place = section(&self.transcripts.0.to_string(), self.line);
        write!(
            f,
            ", first in line {} of their transcripts, {place}",
            self.line
        )?;
        write!(
            f,
            "\n  {one}: {}\n  {other}: {}",
            self.first.trim(),
            self.second.trim()
        )
    }
}

impl fmt::Debug for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The heading that a line of a transcript stands under.
fn section(transcript: &str, line: usize) -> String {
    let before = transcript.lines().take(line);
    let heading = before
        .filter(|line| !line.is_empty() && !line.starts_with(' '))
        .last();
    heading.map_or_else(
        || "at its top".to_owned(),
        |heading| format!("under `{heading}`"),
    )
}

impl<S, C, X> Settings<S, C, X>
where
    S: State,
    C: Send + Sync + 'static,
    X: HasContext<C> + Clone + Send + Sync + 'static,
{
    async fn run(self) -> Result<Explored, Disagreement> {
        let transcript = self.compare(None, self.orders.max(1)).await?;
        let mut tasks = Vec::new();
        for superstep in &transcript.supersteps {
            for (index, task) in superstep.tasks.iter().enumerate() {
                tasks.push((superstep.superstep, index, task.task.clone()));
            }
        }
        tasks.truncate(self.failures);
        for failure in &tasks {
            self.compare(Some(failure), self.orders.clamp(1, 8)).await?;
        }
        Ok(Explored {
            transcript,
            orders: self.orders.max(1),
            failures: tasks.len(),
        })
    }

    /// Runs under that many orders, all with the same failure.
    async fn compare(
        &self,
        failure: Option<&(u64, usize, String)>,
        orders: u64,
    ) -> Result<Transcript, Disagreement> {
        let at = failure.map(|&(superstep, index, _)| (superstep, index));
        let first = self.transcript(self.seed, at).await;
        let text = first.to_string();
        for seed in (1..orders).map(|order| self.seed.wrapping_add(order)) {
            let other = self.transcript(seed, at).await;
            let other_text = other.to_string();
            if text == other_text {
                continue;
            }
            let (line, one, two) = first_difference(&text, &other_text);
            return Err(Disagreement {
                seeds: (self.seed, seed),
                failure: failure
                    .map(|(superstep, _, task)| format!("`{task}` of superstep {superstep}")),
                line,
                first: one,
                second: two,
                transcripts: Box::new((first, other)),
            });
        }
        Ok(first)
    }

    async fn transcript(&self, seed: u64, failure: Option<(u64, usize)>) -> Transcript {
        let invocation = self.graph.invoke(self.input.clone());
        let invocation = invocation.replace_context(self.context.clone());
        let rehearsal = Rehearsal {
            seed,
            failure,
            shuffle_merges: self.shuffle_merges,
        };
        Transcript::new(invocation.rehearsed(rehearsal).await)
    }
}

// A future itself, so that the compiler says what is missing; see `Invocation`.
impl<S, C, X> Future for Exploration<S, C, X>
where
    S: State,
    C: Send + Sync + 'static,
    X: HasContext<C> + Clone + Send + Sync + 'static,
{
    type Output = Result<Explored, Disagreement>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => {
                let Settings {
                    ref graph,
                    ref input,
                    ref context,
                    ..
                } = self.settings;
                let settings = Settings {
                    graph: graph.clone(),
                    input: input.clone(),
                    context: context.clone(),
                    orders: self.settings.orders,
                    failures: self.settings.failures,
                    seed: self.settings.seed,
                    shuffle_merges: self.settings.shuffle_merges,
                };
                Box::pin(settings.run())
            }
        };
        let polled = running.as_mut().poll(cx);
        self.running = Some(running);
        polled
    }
}

/// The number of the first line that differs, and that line of each.
fn first_difference(one: &str, other: &str) -> (usize, String, String) {
    let (mut ones, mut others) = (one.lines(), other.lines());
    let mut line = 0;
    loop {
        line += 1;
        match (ones.next(), others.next()) {
            (Some(a), Some(b)) if a == b => {}
            (a, b) => {
                return (
                    line,
                    a.unwrap_or_default().into(),
                    b.unwrap_or_default().into(),
                );
            }
        }
    }
}

impl<S: State, C, X> fmt::Debug for Exploration<S, C, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exploration")
            .field("graph", &self.settings.graph)
            .field("orders", &self.settings.orders)
            .finish_non_exhaustive()
    }
}
