//! What models are told of a plan. It depends on the state alone.

use std::fmt::Write as _;

use superstep_providers::{Message, ModelRequest};

use super::{PlanStep, Project};

/// What the model is to do that plans, if nothing else is said.
pub(super) const INSTRUCTION: &str = "You plan how a goal is reached, in as few steps as it \
                                      takes. Others take the steps: each knows the goal, its \
                                      own task, and what came of the steps that it needs, and \
                                      nothing else.";

/// What is asked in this round.
pub(super) fn request(instruction: &str, project: &Project, last: bool) -> ModelRequest {
    let mut text = format!("The goal: {}", project.goal);
    if !project.outcomes.is_empty() {
        text.push_str("\n\nWhat was done:");
        for outcome in &project.outcomes {
            let came = if outcome.failed { "failed" } else { "done" };
            let (id, task, report) = (&outcome.id, &outcome.task, &outcome.report);
            let _ = write!(text, "\n- `{id}` ({task}) {came}: {report}");
        }
    }
    let left: Vec<_> = project
        .left()
        .map(|step| format!("`{}`", step.id))
        .collect();
    if !left.is_empty() {
        let _ = write!(
            text,
            "\n\nNot done, since what they need failed: {}",
            left.join(", ")
        );
    }
    text.push_str(match (project.round, last) {
        (0, _) => "\n\nPlan the steps.",
        (_, false) => "\n\nAnswer if that is enough, else plan the steps that are missing.",
        (_, true) => "\n\nAnswer with what there is.",
    });
    ModelRequest::from([Message::system(instruction), Message::user(text)])
}

/// What is said of a plan that cannot be followed.
pub(super) fn complaint(mistakes: &[String]) -> String {
    format!(
        "That plan cannot be followed: {}. Plan again.",
        mistakes.join("; ")
    )
}

/// The task of a step, as whoever takes it is told.
pub(super) fn task(project: &Project, step: &PlanStep) -> String {
    let mut text = format!("{}\n\nIt is a step towards: {}", step.task, project.goal);
    let needed = step.needs.iter().filter_map(|need| project.needed(need));
    for (index, outcome) in needed.enumerate() {
        if index == 0 {
            text.push_str("\n\nWhat came of the steps before:");
        }
        let _ = write!(text, "\n- {}: {}", outcome.task, outcome.report);
    }
    text
}
