//! The calls of one message.
//!
//! 1. Questions whether calls may happen are asked first, in the order of the
//!    calls, so that all of them are open at once.
//! 2. Calls that need no answer run, while others wait for theirs; the node
//!    pauses when they have ended.
//! 3. What a call came to is kept under its key: its id, its tool and its
//!    arguments. A call that runs again, because another one has paused or failed
//!    the node, returns what was kept.
//! 4. The first fatal failure ends all: what is at work is dropped.

use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::Value;
use superstep_core::{Ctx, Interrupted, NodeError, NodeResult, View};
use superstep_providers::{ToolCall, ToolResult};

use super::arguments::parse;
use super::attempt::{Failed, Planned};
use super::key::CallKey;
use super::{Approval, ApprovalRequest, Tool, Toolbox};

/// What is to be done with a call.
enum Plan<C, S> {
    /// Nothing: the model is told this.
    Told(ToolResult),
    Run(Box<Planned<C, S>>),
    /// Wait for an answer.
    Wait(Interrupted),
}

/// How a call has ended.
enum Ended {
    Result(ToolResult),
    Paused(Interrupted),
    Failed(NodeError),
}

impl<C: Send + Sync + 'static, S: Send + Sync + 'static> Toolbox<C, S> {
    /// Runs calls that a model has asked for in one message, at the same time, and
    /// returns their results in the order of the calls.
    ///
    /// What goes wrong in a call is its result: wrong arguments, a name that no tool
    /// has, an error, a timeout. For a node that reads its calls somewhere else
    /// than [`tool_node`](super::tool_node) does. It may do so several times in one
    /// task: a call of the same id, tool and arguments as one before is that call,
    /// and has its result.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the calls that are at work, except for functions on
    /// the pool of threads, which run to their ends. What calls have come to is
    /// kept by the node's [`once`](Ctx::once): if the node runs again, they do not.
    ///
    /// # Errors
    ///
    /// When a tool fails with what is [fatal](super::ToolError::fatal); the other
    /// calls are dropped. When a tool has asked what has no answer yet, which
    /// pauses the node, as soon as the other calls have ended. When the toolbox
    /// [is not sound](Self::check).
    ///
    /// # Panics
    ///
    /// When a tool does.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::{Ctx, ToolCall, Toolbox, View, tool};
    ///
    /// /// Adds two numbers.
    /// #[tool]
    /// async fn add(a: i64, b: i64) -> i64 {
    ///     a + b
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> superstep::NodeResult<()> {
    /// let call = |id: &str, arguments: &str| ToolCall {
    ///     id: id.into(),
    ///     name: "add".into(),
    ///     arguments: arguments.into(),
    /// };
    /// let calls = [call("1", r#"{"a": 1, "b": 2}"#), call("2", r#"{"a": 1}"#)];
    /// let results = Toolbox::new().add(add).run(&calls, &View::new(()), &Ctx::new(())).await?;
    /// assert_eq!(results[0].content, "3");
    /// assert!(results[1].is_error);
    /// assert_eq!(
    ///     results[1].content,
    ///     "wrong arguments for `add`: missing field `b`; it takes `a` (integer), `b` (integer)"
    /// );
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run<'c>(
        &self,
        calls: impl IntoIterator<Item = &'c ToolCall> + Send,
        state: &View<S>,
        ctx: &Ctx<C>,
    ) -> NodeResult<Vec<ToolResult>> {
        if let Some(error) = self.findings() {
            return Err(NodeError::permanent(error));
        }
        let calls: Vec<&ToolCall> = calls.into_iter().collect();
        let mut plans = Vec::with_capacity(calls.len());
        for (key, call) in CallKey::all(&calls).into_iter().zip(calls) {
            plans.push(self.plan(call, key, ctx).await?);
        }
        let ended = self.all(plans, state, ctx).await?;
        let mut results = Vec::with_capacity(ended.len());
        let mut paused = None;
        for ended in ended {
            match ended {
                Ended::Result(result) => results.push(result),
                Ended::Paused(interrupted) => paused = paused.or(Some(interrupted)),
                Ended::Failed(error) => return Err(error),
            }
        }
        match paused {
            None => Ok(results),
            Some(interrupted) => Err(interrupted.into()),
        }
    }

    async fn plan(
        &self,
        call: &ToolCall,
        key: CallKey,
        ctx: &Ctx<C>,
    ) -> NodeResult<Plan<C, S>> {
        let Some(tool) = self.find(&call.name) else {
            return Ok(Plan::Told(call.failure(self.unknown(&call.name))));
        };
        let read = parse(call).and_then(|arguments| {
            tool.check(&arguments)?;
            Ok(arguments)
        });
        let arguments = match read {
            Ok(arguments) => arguments,
            Err(why) => return Ok(Plan::Told(call.failure(why))),
        };
        let arguments = match tool.approve {
            false => arguments,
            true => match approved(tool, call, &key.asks(ctx).await?, arguments, ctx) {
                Ok(arguments) => arguments,
                Err(plan) => return Ok(plan),
            },
        };
        Ok(Plan::Run(Box::new(Planned {
            tool: tool.clone(),
            call: call.clone(),
            key,
            arguments,
        })))
    }

    /// How all have ended, in the order of the calls. After a failure some are
    /// missing.
    async fn all(
        &self,
        plans: Vec<Plan<C, S>>,
        state: &View<S>,
        ctx: &Ctx<C>,
    ) -> NodeResult<Vec<Ended>> {
        let mut waiting = plans.into_iter().enumerate();
        let mut at_work = FuturesUnordered::new();
        let mut ended = Vec::new();
        loop {
            while at_work.len() < self.max_concurrency
                && let Some((index, plan)) = waiting.next()
            {
                at_work.push(async move { (index, plan.follow(state, ctx).await) });
            }
            match at_work.next().await {
                Some((_, Ended::Failed(error))) => return Err(error),
                Some(one) => ended.push(one),
                None => break,
            }
        }
        ended.sort_by_key(|(index, _)| *index);
        Ok(ended.into_iter().map(|(_, ended)| ended).collect())
    }
}

impl<C: Send + Sync + 'static, S: Send + Sync + 'static> Plan<C, S> {
    async fn follow(self, state: &View<S>, ctx: &Ctx<C>) -> Ended {
        let planned = match self {
            Self::Told(result) => return Ended::Result(result),
            Self::Wait(interrupted) => return Ended::Paused(interrupted),
            Self::Run(planned) => planned,
        };
        let mut paused = None;
        let kept = ctx.once(&planned.key.of_effects(), async || {
            match planned.attempts(ctx, state).await {
                Ok(text) => Ok(planned.call.result(text)),
                Err(Failed::Error(error)) if error.is_fatal() => {
                    Err(error.of_tool(&planned.call.name))
                }
                Err(Failed::Error(error)) => Ok(planned.call.failure(error.told())),
                Err(Failed::Paused(interrupted)) => {
                    paused = Some(interrupted.clone());
                    Err(interrupted.into())
                }
            }
        });
        let kept = kept.await;
        match (paused, kept) {
            (Some(interrupted), _) => match planned.key.asks(ctx).await {
                Ok(_) => Ended::Paused(interrupted),
                Err(error) => Ended::Failed(error),
            },
            (None, Ok(result)) => Ended::Result(result),
            (None, Err(error)) => Ended::Failed(error),
        }
    }
}

/// Asks whether a call may happen: its arguments, or what becomes of it.
fn approved<C, S>(
    tool: &Tool<C, S>,
    call: &ToolCall,
    name: &str,
    arguments: Value,
    ctx: &Ctx<C>,
) -> Result<Value, Plan<C, S>> {
    let mut problem = None;
    loop {
        let request = ApprovalRequest {
            call: call.id.clone(),
            tool: call.name.clone(),
            arguments: arguments.clone(),
            problem,
        };
        let question = format!("{name}/approve {}", call.name);
        match ctx.interrupt(&question, request) {
            Err(interrupted) => return Err(Plan::Wait(interrupted)),
            Ok(Approval::Yes) => return Ok(arguments),
            Ok(Approval::No(reason)) => {
                let why = format!("the call was not approved: {reason}");
                return Err(Plan::Told(call.failure(why)));
            }
            Ok(Approval::Edit(edited)) => match tool.check(&edited) {
                Ok(()) => return Ok(edited),
                Err(why) => problem = Some(why),
            },
        }
    }
}
