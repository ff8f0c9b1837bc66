//! The attempts of one call: timeouts, retries, panics.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;

use serde_json::Value;
use superstep_core::{Ctx, Interrupted, View};
use superstep_providers::ToolCall;

use super::answers::Answers;
use super::context::Named;
use super::key::{CallKey, chance};
use super::{Tool, ToolCtx, ToolError};
use crate::failure::judged;

/// A call that is to be made.
pub(super) struct Planned<C, S> {
    pub(super) tool: Tool<C, S>,
    pub(super) call: ToolCall,
    /// What tells it apart from the others of its task.
    pub(super) key: CallKey,
    pub(super) arguments: Value,
}

/// Why a call has come to nothing.
pub(super) enum Failed {
    /// It has asked what has no answer yet.
    Paused(Interrupted),
    Error(ToolError),
}

impl<C, S> Planned<C, S> {
    /// Makes the call, as often as its policy says.
    pub(super) async fn attempts(&self, ctx: &Ctx<C>, state: &View<S>) -> Result<String, Failed> {
        let answers = Arc::default();
        let named = Named {
            questions: self.key.of_questions(ctx).await,
            effects: self.key.of_effects(),
        };
        let mut attempt = 1;
        loop {
            let error = match self.attempt(ctx, state, &named, &answers).await {
                Err(Failed::Error(error)) if !error.is_fatal() => error,
                ended => return ended,
            };
            let Some(retry) = &self.tool.retry else {
                return Err(Failed::Error(error));
            };
            let chance = chance(&named.effects, attempt);
            let error = judged(error.into_node_error());
            match retry.wait_after(attempt, error, chance) {
                Ok(wait) => tokio::time::sleep(wait).await,
                Err(error) => return Err(Failed::Error(error.into())),
            }
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        ctx: &Ctx<C>,
        state: &View<S>,
        named: &Named,
        answers: &Arc<Answers>,
    ) -> Result<String, Failed> {
        let ctx = ToolCtx::of(ctx.clone(), &self.call, named, answers);
        let attempt = ctx.attempt();
        let name = &self.tool.spec.name;
        let called = within(name, async {
            self.tool.call(&self.arguments, ctx, state.clone()).await
        });
        let ended = match self.tool.timeout {
            None => called.await,
            Some(timeout) => match tokio::time::timeout(timeout, called).await {
                Ok(ended) => ended,
                Err(_) => Err(ToolError::msg(format_args!(
                    "it took longer than its timeout of {timeout:?}"
                ))),
            },
        };
        ended.map_err(|error| match attempt.paused() {
            Some(interrupted) => Failed::Paused(interrupted.clone()),
            None => Failed::Error(error),
        })
    }
}

/// The same future, whose panics say in which tool.
async fn within<F: Future>(tool: &str, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        // After a panic nobody polls it again.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        polled.unwrap_or_else(|panic| {
            let message = message(&*panic);
            resume_unwind(Box::new(format!("in tool `{tool}`: {message}")))
        })
    })
    .await
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("something that is no text")
}
