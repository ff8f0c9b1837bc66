//! What is known of a plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use superstep_core::Append;
use superstep_macros::State;

/// A goal, the plan to reach it, and what came of that: the state of
/// [`plan_and_execute`](super::super::plan_and_execute).
#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// What is to be reached.
    pub goal: String,
    /// The steps of the round at work.
    pub steps: Vec<PlanStep>,
    /// What steps came to, of all rounds, in the order in which they were taken.
    #[reduce(Append)]
    pub outcomes: Vec<StepOutcome>,
    /// The round at work, from 1.
    pub round: u32,
    /// The answer, once there is one.
    pub answer: Option<String>,
}

impl Project {
    /// An input: what is to be reached.
    pub fn reach(goal: impl Into<String>) -> ProjectUpdate {
        let new = Self::update()
            .goal(goal.into())
            .steps(Vec::new())
            .round(0_u32);
        new.answer(None).overwrite_outcomes(Vec::new())
    }

    /// What the step of that id came to in this round.
    pub(super) fn outcome(&self, id: &str) -> Option<&StepOutcome> {
        let mut own = self
            .outcomes
            .iter()
            .filter(|outcome| outcome.round == self.round);
        own.find(|outcome| outcome.id == id)
    }

    /// What a step that another one needs came to, if it is done: in this round, or, of
    /// one that its plan does not have, in the last in which it was.
    pub(super) fn needed(&self, id: &str) -> Option<&StepOutcome> {
        if self.steps.iter().any(|step| step.id == id) {
            return self.outcome(id).filter(|outcome| !outcome.failed);
        }
        self.done().rev().find(|outcome| outcome.id == id)
    }

    /// What was done, in all rounds.
    pub(super) fn done(&self) -> impl DoubleEndedIterator<Item = &StepOutcome> {
        self.outcomes.iter().filter(|outcome| !outcome.failed)
    }

    /// The steps that can be taken now, in the order of the plan.
    pub(super) fn ready(&self) -> impl Iterator<Item = &PlanStep> {
        let open = self
            .steps
            .iter()
            .filter(|step| self.outcome(&step.id).is_none());
        open.filter(|step| step.needs.iter().all(|need| self.needed(need).is_some()))
    }

    /// The steps that were not taken in this round, and now cannot be.
    pub(super) fn left(&self) -> impl Iterator<Item = &PlanStep> {
        self.steps
            .iter()
            .filter(|step| self.outcome(&step.id).is_none())
    }
}

/// A step of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanStep {
    /// A short name, of which no other step has the same.
    pub id: String,
    /// What is to be done, with everything that one needs to know who does nothing
    /// else.
    pub task: String,
    /// The names of the steps whose results it needs, of this plan or done before.
    /// Steps that do not need each other are taken at the same time.
    #[serde(default)]
    pub needs: Vec<String>,
}

/// What came of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepOutcome {
    /// The round in which it was taken.
    pub round: u32,
    /// The step.
    pub id: String,
    /// What was to be done.
    pub task: String,
    /// What was reported; of a step that failed, why.
    pub report: String,
    /// Whether it failed.
    pub failed: bool,
}

/// What the model is asked for in the first round.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Plan {
    /// The steps.
    pub(super) steps: Vec<PlanStep>,
}

/// What the model is asked for when steps have been taken.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Review {
    /// The answer, if the goal is reached, or cannot be.
    #[serde(default)]
    pub(super) answer: Option<String>,
    /// Else the steps that are still to be taken.
    #[serde(default)]
    pub(super) steps: Vec<PlanStep>,
}
