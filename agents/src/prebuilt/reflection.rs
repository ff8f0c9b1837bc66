//! A draft that is criticized and made again until it is good.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use superstep_core::{Ctx, NodeError, NodeResult, Retry, START, StateGraph, View};
use superstep_macros::{Route, State};
use superstep_providers::{Message, ModelRequest};

use crate::bounds::supersteps;
use crate::failure::judged;
use crate::policies::Policies;
use crate::react::{ANSWER, IntoModel};
use crate::tools::BoxFuture;

const GENERATE: &str = "generate";
const CRITIQUE: &str = "critique";

/// Something that is to be made, how far it is, and what is wrong with it: the
/// state of a [`reflection`].
#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// What is to be made.
    pub task: String,
    /// The newest draft.
    pub text: String,
    /// What is wrong with the newest draft; empty if nothing is, or nobody has said.
    pub criticism: String,
    /// Whether the newest draft is good.
    pub accepted: bool,
    /// How many drafts were made.
    pub rounds: u32,
}

impl Draft {
    /// An input: what is to be made.
    pub fn of(task: impl Into<String>) -> DraftUpdate {
        let new = Self::update().task(task.into()).text("").criticism("");
        new.accepted(false).rounds(0_u32)
    }
}

/// What is said of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Whether it is good as it is.
    pub accepted: bool,
    /// If not, what is wrong with it, and how it gets better.
    #[serde(default)]
    pub criticism: String,
}

impl Verdict {
    /// It is good.
    #[must_use]
    pub fn good() -> Self {
        Self {
            accepted: true,
            criticism: String::new(),
        }
    }

    /// That is wrong with it.
    pub fn bad(criticism: impl Into<String>) -> Self {
        Self {
            accepted: false,
            criticism: criticism.into(),
        }
    }
}

/// What follows a verdict.
#[derive(Route)]
enum Next {
    #[route("generate")]
    Again,
    #[route("answer")]
    Enough,
}

/// A draft is made and criticized, and made again, until it is good, or
/// `max_iterations` were made (0 counts as 1). The last draft is judged as well:
/// whether it is good is in [`Draft::accepted`], and no failure.
///
/// Both are functions of the state; [`draft_with`] and [`criticize_with`] make them
/// of a model. The graph has nodes `generate`, `critique` and `answer`; what is to
/// follow gets an edge from `answer`.
///
/// # Examples
///
/// ```
/// use superstep::prelude::*;
/// use superstep::{Draft, Graph, ScriptedModel, Verdict, draft_with, reflection};
///
/// async fn short(draft: View<Draft>, _: Ctx) -> NodeResult<Verdict> {
///     Ok(match draft.text.len() {
///         0..=20 => Verdict::good(),
///         n => Verdict::bad(format!("{n} letters are too many")),
///     })
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = ScriptedModel::new()
///     .on("letters are too many", "A joke.")
///     .otherwise("A joke that is far too long.");
/// let graph: Graph<Draft> = reflection(draft_with(model.model(), "Be funny."), short, 3)
///     .retry(Retry::attempts(3))
///     .build()
///     .compile()?;
///
/// let run = graph.invoke(Draft::of("Tell a joke.")).await?;
/// assert_eq!(run.state.text, "A joke.");
/// assert_eq!((run.state.accepted, run.state.rounds), (true, 2));
/// # Ok(())
/// # }
/// ```
pub fn reflection<C, G, Generated, E, J, Judged, F>(
    generate: G,
    critique: J,
    max_iterations: u32,
) -> Reflection<C>
where
    C: Send + Sync + 'static,
    G: Fn(View<Draft>, Ctx<C>) -> Generated + Send + Sync + 'static,
    Generated: Future<Output = Result<String, E>> + Send + 'static,
    E: Into<NodeError> + Send + 'static,
    J: Fn(View<Draft>, Ctx<C>) -> Judged + Send + Sync + 'static,
    Judged: Future<Output = Result<Verdict, F>> + Send + 'static,
    F: Into<NodeError> + Send + 'static,
{
    let generate: Step<C> = Arc::new(move |draft, ctx| {
        let (rounds, text) = (draft.rounds, generate(draft, ctx));
        Box::pin(async move {
            let update = Draft::update().text(text.await.map_err(E::into)?);
            Ok(update.rounds(rounds + 1).criticism("").accepted(false))
        })
    });
    let critique: Step<C> = Arc::new(move |draft, ctx| {
        let verdict = critique(draft, ctx);
        Box::pin(async move {
            let Verdict {
                accepted,
                criticism,
            } = verdict.await.map_err(F::into)?;
            Ok(Draft::update().accepted(accepted).criticism(criticism))
        })
    });
    Reflection {
        name: "reflection".to_owned(),
        generate,
        critique,
        max_iterations,
        policies: Policies::default(),
    }
}

type Step<C> = Arc<dyn Fn(View<Draft>, Ctx<C>) -> BoxFuture<NodeResult<DraftUpdate>> + Send + Sync>;

/// Drafts and who judges them, on their way to becoming a graph; see [`reflection`].
#[must_use = "nothing is drafted until its graph runs"]
pub struct Reflection<C = ()> {
    name: String,
    generate: Step<C>,
    critique: Step<C>,
    max_iterations: u32,
    policies: Policies,
}

impl<C: Send + Sync + 'static> Reflection<C> {
    /// Names its graph; `reflection` if nothing does.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Tries again when a draft cannot be made, or not be judged. What a model says
    /// would fail again is not tried again.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.policies.retry = Some(retry);
        self
    }

    /// Ends each attempt to make or to judge a draft that takes longer than that.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.policies.timeout = Some(timeout);
        self
    }

    /// The graph: nodes `generate`, `critique` and `answer`.
    #[track_caller]
    pub fn build(self) -> StateGraph<Draft, C> {
        let max_iterations = self.max_iterations;
        let rounds = usize::try_from(max_iterations).unwrap_or(usize::MAX);
        let next = move |draft: &Draft| match draft.accepted || draft.rounds >= max_iterations {
            true => Next::Enough,
            false => Next::Again,
        };
        let step = |step: Step<C>| {
            let body = move |draft: View<Draft>, ctx: Ctx<C>| {
                let written = step(draft, ctx);
                async move { written.await.map_err(judged) }
            };
            self.policies.node(body)
        };
        StateGraph::new(self.name)
            .recursion_limit(supersteps(rounds, 2, 1))
            .add_node(GENERATE, step(self.generate))
            .add_node(CRITIQUE, step(self.critique))
            .add_node(ANSWER, async |_: View<Draft>| {})
            .add_edge(START, GENERATE)
            .add_edge(GENERATE, CRITIQUE)
            .add_route(CRITIQUE, next)
    }
}

impl<C> fmt::Debug for Reflection<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reflection")
            .field("name", &self.name)
            .field("max_iterations", &self.max_iterations)
            .finish_non_exhaustive()
    }
}

/// Lets a model make drafts, for a [`reflection`]. From the second on it is sent the
/// one before, and what is wrong with it.
pub fn draft_with<C: Send + Sync + 'static, M>(
    model: impl IntoModel<C, M>,
    instruction: impl Into<String>,
) -> impl Fn(View<Draft>, Ctx<C>) -> BoxFuture<NodeResult<String>> + Send + Sync + 'static {
    let (model, instruction) = (model.into_source(), instruction.into());
    move |draft, ctx| {
        let mut request =
            ModelRequest::from([Message::system(&*instruction), Message::user(&*draft.task)]);
        if draft.rounds > 0 {
            let colon = if draft.criticism.is_empty() {
                "."
            } else {
                ": "
            };
            let again = format!(
                "That is not good yet{colon}{}\n\nMake it again, all of it.",
                draft.criticism
            );
            request = request
                .message(Message::assistant(&*draft.text))
                .message(Message::user(again));
        }
        let model = model.get(&ctx);
        Box::pin(async move { Ok(model.ask(request).await?) })
    }
}

/// Lets a model criticize drafts, for a [`reflection`]: its answer is a [`Verdict`].
pub fn criticize_with<C: Send + Sync + 'static, M>(
    model: impl IntoModel<C, M>,
    instruction: impl Into<String>,
) -> impl Fn(View<Draft>, Ctx<C>) -> BoxFuture<NodeResult<Verdict>> + Send + Sync + 'static {
    let (model, instruction) = (model.into_source(), instruction.into());
    move |draft, ctx| {
        let asks = format!("The task:\n{}\n\nThe draft:\n{}", draft.task, draft.text);
        let request = ModelRequest::from([Message::system(&*instruction), Message::user(asks)]);
        let model = model.get(&ctx);
        Box::pin(async move { Ok(model.extract(request).await?) })
    }
}
