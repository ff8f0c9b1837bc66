//! A draft that is criticized and made again until it is good.

use std::future::Future;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use superstep_core::{Ctx, NodeError, NodeResult, START, StateGraph, View};
use superstep_macros::{Route, State};
use superstep_providers::{Message, ModelRequest};

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

/// A draft is made and criticized, and made again, until it is good, or `max_rounds`
/// were made (0 counts as 1). The last draft is judged as well: whether it is good
/// is in [`Draft::accepted`], and no failure.
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
/// let graph: Graph<Draft> = reflection(draft_with(model.model(), "Be funny."), short, 3).compile()?;
///
/// let run = graph.invoke(Draft::of("Tell a joke.")).await?;
/// assert_eq!(run.state.text, "A joke.");
/// assert_eq!((run.state.accepted, run.state.rounds), (true, 2));
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn reflection<C, G, Generated, E, J, Judged, F>(
    generate: G,
    critique: J,
    max_rounds: u32,
) -> StateGraph<Draft, C>
where
    C: Send + Sync + 'static,
    G: Fn(View<Draft>, Ctx<C>) -> Generated + Send + Sync + 'static,
    Generated: Future<Output = Result<String, E>> + Send + 'static,
    E: Into<NodeError> + Send + 'static,
    J: Fn(View<Draft>, Ctx<C>) -> Judged + Send + Sync + 'static,
    Judged: Future<Output = Result<Verdict, F>> + Send + 'static,
    F: Into<NodeError> + Send + 'static,
{
    let generate = move |draft: View<Draft>, ctx: Ctx<C>| {
        let (rounds, text) = (draft.rounds, generate(draft, ctx));
        async move {
            let update = Draft::update().text(text.await.map_err(E::into)?);
            NodeResult::Ok(update.rounds(rounds + 1).criticism("").accepted(false))
        }
    };
    let critique = move |draft: View<Draft>, ctx: Ctx<C>| {
        let verdict = critique(draft, ctx);
        async move {
            let Verdict {
                accepted,
                criticism,
            } = verdict.await.map_err(F::into)?;
            NodeResult::Ok(Draft::update().accepted(accepted).criticism(criticism))
        }
    };
    let next = move |draft: &Draft| match draft.accepted || draft.rounds >= max_rounds {
        true => Next::Enough,
        false => Next::Again,
    };
    StateGraph::new("reflection")
        .add_node(GENERATE, generate)
        .add_node(CRITIQUE, critique)
        .add_node(ANSWER, async |_: View<Draft>| {})
        .add_edge(START, GENERATE)
        .add_edge(GENERATE, CRITIQUE)
        .add_route(CRITIQUE, next)
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
