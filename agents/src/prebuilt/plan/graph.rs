//! The graph of a plan.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use superstep_core::{
    CompileError, Ctx, NodeError, NodeResult, Retry, START, StateGraph, Target, View, Worker, node,
    subgraph,
};
use superstep_providers::{Message, Model, ModelRequest};

use super::data::{Plan, Review};
use super::judge::mistakes;
use super::words::{INSTRUCTION, complaint, request, task};
use super::{PlanError, Project, ProjectUpdate, StepOutcome};
use crate::bounds::supersteps;
use crate::failure::judged;
use crate::prebuilt::Delegate;
use crate::prebuilt::delegate::{Work, WorkUpdate};
use crate::prebuilt::mistakes::Mistakes;
use crate::react::{ANSWER, IntoModel, ModelOf};

const PLAN: &str = "plan";
const PROGRESS: &str = "progress";

/// How often a plan is asked for that can be followed.
const ATTEMPTS: u32 = 3;

/// A model plans how a goal is reached, an agent takes the steps, those that do not
/// need each other at the same time, and the model looks at what came of it: it
/// answers, or plans on.
///
/// A step that fails is no failure of the run: the model is told. What else is
/// promised stands at [`PlanAndExecute`].
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use superstep::{Delegate, Ctx, Graph, NodeResult, Project, ScriptedModel, plan_and_execute};
///
/// async fn look_up(task: String, _: Ctx) -> NodeResult<String> {
///     let first = task.lines().next().unwrap_or_default();
///     Ok(format!("looked up {first}"))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = ScriptedModel::new()
///     .on("What was done", json!({ "answer": "Go by train." }))
///     .on("To Rome", json!({ "steps": [
///         { "id": "trains", "task": "trains to Rome", "needs": [] },
///         { "id": "flights", "task": "flights to Rome", "needs": [] },
///         { "id": "compare", "task": "what is faster", "needs": ["trains", "flights"] },
///     ]}));
/// let agent = Delegate::function("look_up", "Looks things up.", look_up);
/// let graph: Graph<Project> = plan_and_execute(model.model(), agent).build()?.compile()?;
///
/// let run = graph.invoke(Project::reach("To Rome")).await?;
/// assert_eq!(run.state.answer.as_deref(), Some("Go by train."));
/// assert_eq!(run.ran()[1], ["look_up", "look_up"]); // trains and flights
/// assert_eq!(run.ran()[3], ["look_up"]); // compare
/// assert_eq!(run.state.outcomes[0].report, "looked up trains to Rome");
/// # Ok(())
/// # }
/// ```
pub fn plan_and_execute<C: Send + Sync + 'static, M>(
    planner: impl IntoModel<C, M>,
    executor: Delegate<C>,
) -> PlanAndExecute<C> {
    PlanAndExecute {
        name: "plan and execute".to_owned(),
        executor,
        planner: Planner {
            model: planner.into_source(),
            instruction: INSTRUCTION.to_owned(),
            max_iterations: 4,
            max_steps: 20,
        },
        retry: None,
    }
}

/// A model that plans and an agent that takes the steps, on their way to becoming a
/// graph; see [`plan_and_execute`].
#[must_use = "a plan does nothing until its graph runs"]
pub struct PlanAndExecute<C = ()> {
    name: String,
    executor: Delegate<C>,
    planner: Planner<C>,
    retry: Option<Retry>,
}

struct Planner<C> {
    model: ModelOf<C>,
    instruction: String,
    max_iterations: u32,
    max_steps: usize,
}

/// A step on its way to whoever takes it.
#[derive(Clone, Serialize, Deserialize)]
struct Taken {
    id: String,
    task: String,
    round: u32,
    /// All that is said of it.
    told: String,
}

impl<C: Send + Sync + 'static> PlanAndExecute<C> {
    /// Names its graph; `plan and execute` if nothing does.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// What the model is to be and do that plans.
    pub fn instruction(mut self, text: impl Into<String>) -> Self {
        self.planner.instruction = text.into();
        self
    }

    /// How many plans are made at most; 4 unless it is set, and 0 counts as 1. After
    /// the last one the model has to answer.
    pub fn max_iterations(mut self, rounds: u32) -> Self {
        self.planner.max_iterations = rounds.max(1);
        self
    }

    /// How many steps a plan may have; 20 unless it is set. One that has more is
    /// sent back.
    pub fn max_steps(mut self, steps: usize) -> Self {
        self.planner.max_steps = steps;
        self
    }

    /// Tries again when the model that plans cannot be asked, unless it says that it
    /// would fail again.
    pub fn model_retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// The graph: nodes `plan`, `progress`, `answer`, and the agent's under its
    /// name. What is to follow the answer gets an edge from `answer`.
    ///
    /// # Errors
    ///
    /// When the agent has the name of another node, or does not compile.
    #[track_caller]
    pub fn build(self) -> Result<StateGraph<Project, C>, CompileError> {
        let mut mistakes = Mistakes::of(&self.name);
        mistakes.names(&[self.executor.made()], &[PLAN, PROGRESS, ANSWER]);
        let worker: Worker<Taken> = self.executor.worker();
        let name = worker.name();
        let inside = self.executor.into_graph(&mut mistakes);
        mistakes.check()?;
        let planner = Arc::new(self.planner);
        let rounds = usize::try_from(planner.max_iterations).unwrap_or(usize::MAX);
        // Each step may have to wait for the one before.
        let each = planner.max_steps.saturating_mul(2).saturating_add(1);
        let mut plans = node(move |project: View<Project>, ctx: Ctx<C>| {
            let planner = Arc::clone(&planner);
            async move { planner.plan(&project, &ctx).await.map_err(judged) }
        });
        if let Some(retry) = self.retry {
            plans = plans.retry(retry);
        }
        let next = move |project: &Project| targets(project, worker);
        let graph = StateGraph::new(self.name)
            .recursion_limit(supersteps(rounds, each, 1))
            .add_node(PLAN, plans)
            .add_node(PROGRESS, async |_: View<Project>| {})
            .add_node(ANSWER, async |_: View<Project>| {})
            .add_edge(START, PLAN)
            .add_conditional_edges(PLAN, next, [name, ANSWER])
            .add_conditional_edges(PROGRESS, next, [name, PLAN]);
        Ok(match inside {
            None => graph,
            Some(inside) => {
                let inside = subgraph(inside, give, outcome);
                graph.add_worker(worker, inside).add_edge(worker, PROGRESS)
            }
        })
    }
}

/// Where to go when there is a plan, or something has been done.
fn targets(project: &Project, worker: Worker<Taken>) -> Vec<Target> {
    if project.answer.is_some() {
        return vec![ANSWER.into()];
    }
    let ready = project.ready().map(|step| {
        let taken = Taken {
            id: step.id.clone(),
            task: step.task.clone(),
            round: project.round,
            told: task(project, step),
        };
        worker.send(taken).into()
    });
    let ready: Vec<Target> = ready.collect();
    match ready.is_empty() {
        true => vec![PLAN.into()],
        false => ready,
    }
}

fn give(taken: &Taken) -> WorkUpdate {
    let Taken {
        id,
        task,
        round,
        told,
    } = taken;
    Work::given(json!({ "id": id, "task": task, "round": round }), told)
}

fn outcome(work: &Work) -> ProjectUpdate {
    let text = |field: &str| work.key[field].as_str().unwrap_or_default().to_owned();
    let round = work.key["round"].as_u64();
    Project::update().outcomes(StepOutcome {
        round: round
            .and_then(|round| u32::try_from(round).ok())
            .unwrap_or_default(),
        id: text("id"),
        task: text("task"),
        report: work.report.clone(),
        failed: work.failed,
    })
}

impl<C: Send + Sync + 'static> Planner<C> {
    /// Plans the next round, or answers.
    async fn plan(&self, project: &Project, ctx: &Ctx<C>) -> NodeResult<ProjectUpdate> {
        let model = self.model.get(ctx);
        let last = project.round >= self.max_iterations;
        let mut request = request(&self.instruction, project, last);
        if last {
            return Ok(Project::update().answer(model.ask(request).await?));
        }
        let mut attempt = 1;
        loop {
            let review = self
                .ask(&model, request.clone(), project.round == 0)
                .await?;
            if let Some(answer) = review.answer.filter(|answer| !answer.trim().is_empty()) {
                return Ok(Project::update().answer(answer));
            }
            let mistakes = mistakes(project, &review.steps, self.max_steps);
            if mistakes.is_empty() {
                let update = Project::update().steps(review.steps);
                return Ok(update.round(project.round + 1));
            }
            if attempt == ATTEMPTS {
                return Err(NodeError::permanent(PlanError::new(attempt, mistakes)));
            }
            let said = serde_json::to_string(&review.steps).unwrap_or_default();
            request = request
                .message(Message::assistant(said))
                .message(Message::user(complaint(&mistakes)));
            attempt += 1;
        }
    }

    async fn ask(&self, model: &Model, request: ModelRequest, first: bool) -> NodeResult<Review> {
        if !first {
            return Ok(model.extract(request).await?);
        }
        let Plan { steps } = model.extract(request).await?;
        let answer = None;
        Ok(Review { answer, steps })
    }
}

impl<C> fmt::Debug for PlanAndExecute<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlanAndExecute")
            .field("executor", &self.executor)
            .field("max_iterations", &self.planner.max_iterations)
            .field("max_steps", &self.planner.max_steps)
            .finish_non_exhaustive()
    }
}
