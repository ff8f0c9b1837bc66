//! What a call says of its thread.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Map, Value, json};

use super::super::attempt::Shared;
use super::super::error::RunError;
use super::super::hooks::{Executor, Observer};
use super::super::result::Run;
use super::options::{Durability, OnBusy, Unfinished};
use crate::id::{CheckpointId, ThreadId};
use crate::state::State;

/// How a run begins.
#[derive(Debug, Clone, Default)]
pub(crate) enum Begin {
    /// With its input.
    #[default]
    Input,
    /// With answers to what a thread asks.
    Resume(Answers),
    /// Where its thread is.
    Proceed,
}

impl Begin {
    /// As it is shown.
    pub(crate) fn to_json(&self) -> Value {
        let shown = |answer: &Result<Value, String>| match answer {
            Ok(answer) => answer.clone(),
            Err(error) => format!("<{error}>").into(),
        };
        match self {
            Self::Input => json!({}),
            Self::Proceed => json!({ "proceed": true }),
            Self::Resume(Answers::Only(answer)) => json!({ "resume": shown(answer) }),
            Self::Resume(Answers::ById(answers)) => {
                let answers = answers
                    .iter()
                    .map(|(id, answer)| (id.clone(), shown(answer)));
                json!({ "resume": answers.collect::<Map<String, Value>>() })
            }
        }
    }
}

/// Answers to what a thread asks, or why they cannot be written.
#[derive(Debug, Clone)]
pub(crate) enum Answers {
    /// To the one question there is.
    Only(Result<Value, String>),
    /// To the questions with these ids.
    ById(Vec<(String, Result<Value, String>)>),
}

/// What a call says of its thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct ThreadCall {
    pub(crate) checkpoint: Option<CheckpointId>,
    /// The place inside the checkpoint from which to go on.
    pub(crate) inside: Option<String>,
    pub(crate) durability: Durability,
    pub(crate) on_busy: OnBusy,
    pub(crate) unfinished: Option<Unfinished>,
    pub(crate) interrupt_before: Vec<String>,
    pub(crate) interrupt_after: Vec<String>,
}

pub(crate) type Running<'h, S> =
    Pin<Box<dyn Future<Output = Result<Run<S>, RunError>> + Send + 'h>>;

/// Everything that a run on a thread is made of.
pub(in crate::run) struct Parts<'h, S: State, C> {
    pub(in crate::run) shared: Shared<S, C>,
    pub(in crate::run) recursion_limit: u64,
    /// That of the call, which holds for subgraphs, too.
    pub(in crate::run) call_limit: Option<u64>,
    pub(in crate::run) begin: Begin,
    pub(in crate::run) input: S::Update,
    pub(in crate::run) thread: ThreadId,
    pub(in crate::run) call: ThreadCall,
    pub(in crate::run) observer: Option<&'h mut dyn Observer<S, C>>,
    pub(in crate::run) executor: Option<&'h dyn Executor<S, C>>,
}
