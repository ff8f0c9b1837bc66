//! A plan, made by a model, whose steps others take.
//!
//! 1. Each round begins in node `plan`: the model is asked for steps, and from the
//!    second round on is told what came of those before. It may answer instead.
//! 2. A plan is judged before it is kept. What is wrong with it is told to the
//!    model, a bounded number of times.
//! 3. Steps whose needs are done are sends, all in one superstep. In node
//!    `progress` they come together; what they came to is in the order of the
//!    plan, whichever ended first.
//! 4. A step that fails leaves those that need it undone. When nothing more can be
//!    done, the next round begins.
//! 5. Rounds are bounded. In the last one the model has to answer.

mod data;
mod graph;
mod judge;
mod words;

pub use data::{PlanStep, Project, ProjectUpdate, StepOutcome};
pub use graph::{PlanAndExecute, plan_and_execute};
pub use judge::PlanError;
