//! When a reply is given.

use std::sync::Arc;

use superstep_core::CurrentTask;

use super::{Asked, Reply};
use crate::{ModelError, ModelErrorKind, ModelRequest, Part, Role, ToolResult};

type Applies = dyn Fn(&ModelRequest, Option<&CurrentTask>) -> bool + Send + Sync;

/// A rule, and what it is called in errors.
#[derive(Clone)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) applies: Arc<Applies>,
    pub(super) reply: Reply,
}

impl Rule {
    pub(super) fn new(
        name: String,
        applies: impl Fn(&ModelRequest, Option<&CurrentTask>) -> bool + Send + Sync + 'static,
        reply: impl Into<Reply>,
    ) -> Self {
        Self {
            name,
            applies: Arc::new(applies),
            reply: reply.into(),
        }
    }
}

/// The text of the last message of a user.
pub(super) fn said_by_user(request: &ModelRequest) -> Option<String> {
    let mut messages = request.messages.iter().rev();
    let last = messages.find(|message| message.role == Role::User)?;
    Some(last.text())
}

pub(super) fn said_by_system(request: &ModelRequest) -> impl Iterator<Item = String> {
    let messages = request.messages.iter();
    let messages = messages.filter(|message| message.role == Role::System);
    messages.map(crate::Message::text)
}

/// The results with which the conversation ends.
pub(super) fn results(request: &ModelRequest) -> impl Iterator<Item = &ToolResult> {
    let messages = request.messages.iter().rev();
    let last = messages.take_while(|message| message.role == Role::Tool);
    last.flat_map(|message| &message.parts)
        .filter_map(|part| match part {
            Part::ToolResult(result) => Some(result),
            _ => None,
        })
}

/// Whether the task is of that node, or in a graph that is.
pub(super) fn is_inside(task: &CurrentTask, node: &str) -> bool {
    task.node().as_str() == node || around(task.path()).any(|around| around == node)
}

/// The nodes of a path such as `review/0/ask/2`.
pub(super) fn around(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').step_by(2)
}

pub(super) fn missing(asked: &Asked, rules: &[Rule]) -> ModelError {
    let said = said_by_user(&asked.request).unwrap_or_default();
    let place = match &asked.task {
        Some(task) => format!("in task `{task}`"),
        None => "outside of a node".to_owned(),
    };
    let names: Vec<&str> = rules.iter().map(|rule| &*rule.name).collect();
    let there = match names.is_empty() {
        true => "there are no rules".to_owned(),
        false => format!("there is {}", names.join(", ")),
    };
    let error = ModelError::new(ModelErrorKind::BadRequest);
    let error = error.message(format!("no rule is about `{said}`, asked {place}; {there}"));
    error.body(&serde_json::to_string_pretty(&asked.request).unwrap_or_default())
}
