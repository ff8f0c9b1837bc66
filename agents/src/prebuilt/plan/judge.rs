//! Whether a plan can be followed.

use std::collections::BTreeSet;

use super::{PlanStep, Project};

/// A model has made no plan that can be followed, however often it was told why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("after {attempts} attempt(s) there is no plan that can be followed: {}", mistakes.join("; "))]
#[non_exhaustive]
pub struct PlanError {
    /// How often it was asked.
    pub attempts: u32,
    /// What is wrong with the last one.
    pub mistakes: Vec<String>,
}

impl PlanError {
    pub(super) fn new(attempts: u32, mistakes: Vec<String>) -> Self {
        Self { attempts, mistakes }
    }
}

/// All that is wrong with the steps; nothing, if they can be taken.
pub(super) fn mistakes(project: &Project, steps: &[PlanStep], most: usize) -> Vec<String> {
    let mut mistakes = Vec::new();
    if steps.is_empty() {
        mistakes.push("there is no step".to_owned());
    }
    if steps.len() > most {
        let n = steps.len();
        mistakes.push(format!(
            "there are {n} steps, and at most {most} are allowed"
        ));
    }
    let mut known = BTreeSet::new();
    for step in steps {
        if !known.insert(&*step.id) {
            mistakes.push(format!("two steps are called `{}`", step.id));
        }
    }
    // What was done in other rounds is there already.
    known.extend(project.done().map(|outcome| &*outcome.id));
    for PlanStep { id, needs, .. } in steps {
        for need in needs.iter().filter(|need| !known.contains(&***need)) {
            mistakes.push(format!("`{id}` needs `{need}`, which is no step"));
        }
        if needs.contains(id) {
            mistakes.push(format!("`{id}` needs itself"));
        }
    }
    if mistakes.is_empty() {
        mistakes.extend(circle(steps));
    }
    mistakes
}

/// The steps that wait for each other, if there are any.
fn circle(steps: &[PlanStep]) -> Option<String> {
    let mut open: Vec<&PlanStep> = steps.iter().collect();
    loop {
        let ids: BTreeSet<&str> = open.iter().map(|step| &*step.id).collect();
        let waits = |step: &&PlanStep| step.needs.iter().any(|need| ids.contains(&**need));
        let waiting: Vec<&PlanStep> = open.iter().copied().filter(waits).collect();
        if waiting.is_empty() {
            return None;
        }
        if waiting.len() == open.len() {
            let names: Vec<_> = waiting
                .iter()
                .map(|step| format!("`{}`", step.id))
                .collect();
            return Some(format!("{} wait for each other", names.join(", ")));
        }
        open = waiting;
    }
}
