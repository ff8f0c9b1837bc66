//! A run made to be read: the same text on every run of the same graph and
//! input.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use serde::Serialize;
use serde_json::Value;

use crate::event::{InsideRecord, Lead, LeadBy, Status, SuperstepRecord, TaskRecord};
use crate::id::END;
use crate::node::BoxFuture;
use crate::run::{HasContext, Invocation, Recorded, Run, RunError, to_json};
use crate::state::{State, in_order};

impl<S, C, X> Invocation<S, C, X>
where
    S: State,
    C: Send + Sync + 'static,
{
    /// The same run, of which a transcript is kept; `.await` gives the
    /// [`Transcript`], however the run ends.
    ///
    /// Costs a serialisation of every update; the run is not slower for the
    /// nodes themselves.
    ///
    /// Of a node that is a graph it shows what its tasks did, too, however deep;
    /// [`Transcript::depth`] leaves that out. A superstep inside is headed by its
    /// place: `superstep review/0/2`. What a graph did whose task had ended in an
    /// earlier run on the thread is not shown again; of one that goes on, all is.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the run, as dropping a run does; what was
    /// recorded is gone.
    ///
    /// # Panics
    ///
    /// When the run has been polled before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Count {
    ///     #[reduce(Sum)]
    ///     n: u32,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Count>::new("double")
    ///     .add_node("double", async |state: View<Count>| Count::update().n(state.n))
    ///     .add_edge(START, "double")
    ///     .add_edge("double", END)
    ///     .compile()?;
    /// let transcript = graph.invoke(Count::update().n(21)).transcript().await;
    /// assert_eq!(transcript.to_string(), "\
    /// graph double
    /// input {\"n\":21}
    ///   -> double
    ///
    /// superstep 1
    ///   double
    ///     writes {\"n\":21}
    ///     -> END
    ///   merge
    ///     n (Sum): double
    ///
    /// done after 1 superstep
    /// state
    ///   n: 42
    /// ");
    /// # Ok(())
    /// # }
    /// ```
    pub fn transcript(self) -> TranscriptRun
    where
        // Here and not above: the compiler then says that the context is missing.
        X: HasContext<C> + Send + 'static,
    {
        TranscriptRun(Box::pin(
            async move { Transcript::new(self.recorded().await) },
        ))
    }
}

/// A run before its `.await`, which gives a [`Transcript`].
#[must_use = "a run does nothing until it is awaited"]
pub struct TranscriptRun(BoxFuture<Transcript>);

impl Future for TranscriptRun {
    type Output = Transcript;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Transcript> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for TranscriptRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TranscriptRun(..)")
    }
}

/// What a run did, without times or chance: for snapshot tests and reviews.
///
/// Displays as text, and serialises to the same facts as data.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Transcript {
    /// The graph's name.
    pub graph: String,
    /// The input; of a run that goes on with a thread, `{"resume": answers}` or
    /// `{"proceed": true}`.
    pub input: Value,
    /// What `START` made ready.
    pub start: Vec<Lead>,
    /// What each superstep did.
    pub supersteps: Vec<SuperstepRecord>,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a transcribed run ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "status")]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing was left to run.
    Done {
        /// The state at the end.
        state: Value,
        /// Joins that some of their sources, but not all, had reached.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        starved: Vec<String>,
    },
    /// It stopped at a breakpoint, or waits for answers.
    Interrupted {
        /// The state so far.
        state: Value,
        /// What is asked: ids and values, in task order.
        asked: Vec<(String, Value)>,
    },
    /// It was [drained](crate::RunControl::drain), and something was left to run.
    Drained {
        /// The state so far.
        state: Value,
    },
    /// The run failed.
    Failed {
        /// The error's code.
        code: String,
        /// The error's message, then its causes'.
        error: Vec<String>,
    },
}

impl Outcome {
    fn of<S: State>(run: &Run<S>) -> Self {
        let state = in_order(S::schema().fields, to_json(&run.state));
        match run.status {
            Status::Done => Self::Done {
                state,
                starved: run.starved.iter().map(ToString::to_string).collect(),
            },
            Status::Interrupted => {
                let asked = run.interrupts().iter();
                let asked = asked.map(|asked| (asked.id.clone(), asked.value.clone()));
                Self::Interrupted {
                    state,
                    asked: asked.collect(),
                }
            }
            Status::Drained => Self::Drained { state },
        }
    }
}

impl Transcript {
    pub(crate) fn new<S: State>(recorded: Recorded<S>) -> Self {
        let outcome = match &recorded.result {
            Ok(run) => Outcome::of(run),
            Err(error) => Outcome::Failed {
                code: error.code().to_owned(),
                error: chain(error),
            },
        };
        Self {
            graph: recorded.record.graph().to_owned(),
            input: in_order(S::schema().fields, recorded.input),
            start: recorded.record.start,
            supersteps: recorded.record.supersteps,
            outcome,
        }
    }
}

/// Leaves out what is inside tasks, further down than so many levels.
fn cut(supersteps: &mut [SuperstepRecord], levels: usize) {
    for task in supersteps.iter_mut().flat_map(|step| &mut step.tasks) {
        match (levels, &mut task.inside) {
            (0, inside) => *inside = None,
            (_, None) => {}
            (levels, Some(inside)) => cut(&mut inside.supersteps, levels - 1),
        }
    }
}

impl Transcript {
    /// The same without what graphs that are nodes did further down than so many
    /// levels: with 0, tasks of such nodes are tasks like any other.
    ///
    /// A transcript shows all levels by itself.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    ///
    /// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// # struct Count { #[reduce(Sum)] n: u32 }
    /// # async fn work(_: View<Count>) -> CountUpdate { Count::update().n(1_u32) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let review = StateGraph::<Count>::new("review")
    ///     .add_node("check", work)
    ///     .add_edge(START, "check")
    ///     .compile()?;
    /// let graph = StateGraph::<Count>::new("write")
    ///     .add_node("review", review)
    ///     .add_edge(START, "review")
    ///     .compile()?;
    /// let transcript = graph.invoke(Count::update()).transcript().await;
    /// assert!(transcript.to_string().contains("superstep review/0/1"));
    /// assert!(!transcript.depth(0).to_string().contains("review/0/1"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn depth(mut self, levels: usize) -> Self {
        cut(&mut self.supersteps, levels);
        self
    }

    fn n_supersteps(&self) -> String {
        match self.supersteps.len() {
            1 => "1 superstep".to_owned(),
            n => format!("{n} supersteps"),
        }
    }
}

fn chain(error: &RunError) -> Vec<String> {
    let mut messages = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        messages.push(error.to_string());
        cause = error.source();
    }
    messages
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "graph {}", self.graph)?;
        writeln!(f, "input {}", Short(&self.input))?;
        write_leads(f, "  ", &self.start)?;
        for superstep in &self.supersteps {
            writeln!(f, "\nsuperstep {}", superstep.superstep)?;
            write_superstep(f, "  ", superstep)?;
        }
        match &self.outcome {
            Outcome::Interrupted { state, asked } => {
                writeln!(f, "\ninterrupted after {}", self.n_supersteps())?;
                for (id, value) in asked {
                    writeln!(f, "asks {id} {}", Short(value))?;
                }
                write_state(f, state)
            }
            Outcome::Drained { state } => {
                writeln!(f, "\ndrained after {}", self.n_supersteps())?;
                write_state(f, state)
            }
            Outcome::Done { state, starved } => {
                writeln!(f, "\ndone after {}", self.n_supersteps())?;
                for join in starved {
                    writeln!(f, "starved: {join}")?;
                }
                write_state(f, state)
            }
            Outcome::Failed { code, error } => {
                writeln!(f, "\nfailed: {code}")?;
                error
                    .iter()
                    .try_for_each(|message| writeln!(f, "  {message}"))
            }
        }
    }
}

fn write_state(f: &mut fmt::Formatter<'_>, state: &Value) -> fmt::Result {
    writeln!(f, "state")?;
    match state {
        Value::Object(fields) => fields
            .iter()
            .try_for_each(|(name, value)| writeln!(f, "  {name}: {}", Short(value))),
        other => writeln!(f, "  {}", Short(other)),
    }
}

/// What follows its heading.
fn write_superstep(
    f: &mut fmt::Formatter<'_>,
    indent: &str,
    superstep: &SuperstepRecord,
) -> fmt::Result {
    for task in &superstep.tasks {
        write_task(f, indent, task)?;
    }
    if !superstep.decided.is_empty() {
        writeln!(
            f,
            "{indent}decided by {}",
            superstep.decided.join(", then ")
        )?;
    }
    if !superstep.merges.is_empty() {
        writeln!(f, "{indent}merge")?;
    }
    for merge in &superstep.merges {
        let writers = merge.writers.join(", ");
        writeln!(
            f,
            "{indent}  {} ({}): {writers}",
            merge.field, merge.reducer
        )?;
    }
    if !superstep.expired.is_empty() {
        writeln!(f, "{indent}expired {}", superstep.expired.join(", "))?;
    }
    Ok(())
}

fn write_task(f: &mut fmt::Formatter<'_>, indent: &str, task: &TaskRecord) -> fmt::Result {
    writeln!(f, "{indent}{}", task.task)?;
    let indent = format!("{indent}  ");
    if let Some(input) = &task.input {
        writeln!(f, "{indent}given {}", Short(input))?;
    }
    if !task.arrivals.is_empty() {
        writeln!(f, "{indent}after {}", task.arrivals)?;
    }
    if let Some(inside) = &task.inside {
        write_inside(f, &indent, inside)?;
    }
    if let Some(ended) = &task.ended {
        writeln!(f, "{indent}{ended}")?;
    }
    if task.cached {
        writeln!(f, "{indent}cached")?;
    }
    if task.attempts > 1 {
        writeln!(f, "{indent}attempts {}", task.attempts)?;
    }
    if task.fallback {
        writeln!(f, "{indent}falls back")?;
    }
    if let Some(writes) = &task.writes {
        writeln!(f, "{indent}writes {}", Short(writes))?;
    }
    write_leads(f, &indent, &task.leads)
}

fn write_inside(f: &mut fmt::Formatter<'_>, indent: &str, inside: &InsideRecord) -> fmt::Result {
    writeln!(f, "{indent}graph {}", inside.graph)?;
    let indent = format!("{indent}  ");
    write_leads(f, &indent, &inside.start)?;
    for superstep in &inside.supersteps {
        writeln!(
            f,
            "{indent}superstep {}/{}",
            inside.path, superstep.superstep
        )?;
        write_superstep(f, &format!("{indent}  "), superstep)?;
    }
    Ok(())
}

fn write_leads(f: &mut fmt::Formatter<'_>, indent: &str, leads: &[Lead]) -> fmt::Result {
    for lead in leads {
        let to = if lead.to == END { "END" } else { &lead.to };
        write!(f, "{indent}-> {to}")?;
        match lead.by {
            LeadBy::Edge => writeln!(f)?,
            LeadBy::Join { arrived, of } => writeln!(f, " (join, {arrived} of {of})")?,
            LeadBy::Choice => writeln!(f, " (chosen)")?,
            LeadBy::Sends { count } => writeln!(f, " (sent, {count})")?,
        }
    }
    Ok(())
}

/// The most characters of a value that are shown whole.
const SHOWN: usize = 400;

/// A value as compact JSON. The middle of a long one is left out, and a
/// checksum put in its place, so that a change in it shows.
struct Short<'v>(&'v Value);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let length = text.chars().count();
        if length <= SHOWN {
            return f.write_str(&text);
        }
        let head: String = text.chars().take(SHOWN / 2).collect();
        let tail: String = text.chars().skip(length - SHOWN / 4).collect();
        let hidden = length - SHOWN / 2 - SHOWN / 4;
        let sum = checksum(text.as_bytes());
        write!(
            f,
            "{head} … {hidden} characters, checksum {sum:08x} … {tail}"
        )
    }
}

/// FNV-1a, 32 bits (Fowler, Noll and Vo).
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, &byte| {
        (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
