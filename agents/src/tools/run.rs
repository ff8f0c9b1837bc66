//! The calls of one message.
//!
//! 1. Calls that need no approval run first.
//! 2. Then it is asked whether the others may happen, in their order, so that all
//!    of these questions are open at once, and those that may happen run. The node
//!    pauses when they have ended, if a question has no answer.
//! 3. What a call came to is kept under its key: its id, its tool and its
//!    arguments. A call that runs again, because another one has paused or failed
//!    the node, returns what was kept.
//! 4. The first fatal failure ends all: what is at work is dropped, nothing more is
//!    asked, and the node fails, whatever waits for an answer.

use futures_util::stream::{FuturesUnordered, StreamExt};
use superstep_core::{Ctx, Interrupted, NodeError, NodeResult, View};
use superstep_providers::{ToolCall, ToolResult};

use super::arguments::parse;
use super::attempt::{Failed, Planned};
use super::key::CallKey;
use super::{Approval, ApprovalRequest, Toolbox};

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
    /// When a tool fails with what is [fatal](super::ToolError::fatal): the other
    /// calls are dropped, and the node fails, whatever waits for an answer. When a tool has asked what has no answer yet, which
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
        if let Some(error) = self.mistakes() {
            return Err(NodeError::permanent(error));
        }
        let calls: Vec<&ToolCall> = calls.into_iter().collect();
        let (mut free, mut asking) = (Vec::new(), Vec::new());
        for (index, (key, call)) in CallKey::all(&calls).into_iter().zip(calls).enumerate() {
            match self.planned(call, key) {
                Err(told) => free.push((index, Plan::Told(told))),
                Ok(planned) if planned.tool.approve => asking.push((index, planned)),
                Ok(planned) => free.push((index, Plan::Run(planned))),
            }
        }
        let mut ended = self.all(free, state, ctx).await?;
        let mut approved = Vec::with_capacity(asking.len());
        for (index, planned) in asking {
            approved.push((index, Plan::approved(planned, ctx).await?));
        }
        ended.extend(self.all(approved, state, ctx).await?);
        ended.sort_by_key(|(index, _)| *index);
        let mut results = Vec::with_capacity(ended.len());
        let mut paused = None;
        for (_, ended) in ended {
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

    /// A call that can be made, or what the model is told.
    fn planned(&self, call: &ToolCall, key: CallKey) -> Result<Box<Planned<C, S>>, ToolResult> {
        let Some(tool) = self.find(&call.name) else {
            return Err(call.failure(self.unknown(&call.name)));
        };
        let arguments = parse(call).and_then(|arguments| {
            tool.check(&arguments)?;
            Ok(arguments)
        });
        Ok(Box::new(Planned {
            tool: tool.clone(),
            call: call.clone(),
            key,
            arguments: arguments.map_err(|why| call.failure(why))?,
        }))
    }

    /// How all have ended, with the places of the calls.
    async fn all(
        &self,
        plans: Vec<(usize, Plan<C, S>)>,
        state: &View<S>,
        ctx: &Ctx<C>,
    ) -> NodeResult<Vec<(usize, Ended)>> {
        let mut waiting = plans.into_iter();
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
        Ok(ended)
    }
}

impl<C: Send + Sync + 'static, S: Send + Sync + 'static> Plan<C, S> {
    /// What becomes of a call that somebody has to agree to.
    async fn approved(mut planned: Box<Planned<C, S>>, ctx: &Ctx<C>) -> NodeResult<Self> {
        let call = &planned.call;
        let question = format!("{}/approve {}", planned.key.asks(ctx).await?, call.name);
        let mut problem = None;
        loop {
            let request = ApprovalRequest {
                call: call.id.clone(),
                tool: call.name.clone(),
                arguments: planned.arguments.clone(),
                problem,
            };
            match ctx.interrupt(&question, request) {
                Err(interrupted) => return Ok(Self::Wait(interrupted)),
                Ok(Approval::Yes) => return Ok(Self::Run(planned)),
                Ok(Approval::No(reason)) => {
                    let why = format!("the call was not approved: {reason}");
                    return Ok(Self::Told(call.failure(why)));
                }
                Ok(Approval::Edit(edited)) => match planned.tool.check(&edited) {
                    Ok(()) => {
                        planned.arguments = edited;
                        return Ok(Self::Run(planned));
                    }
                    Err(why) => problem = Some(why),
                },
            }
        }
    }

    async fn follow(self, state: &View<S>, ctx: &Ctx<C>) -> Ended {
        let planned = match self {
            Self::Told(result) => return Ended::Result(result),
            Self::Wait(interrupted) => return Ended::Paused(interrupted),
            Self::Run(planned) => planned,
        };
        let mut paused = None;
        let key = planned.key.of_effects();
        let kept = ctx.once(&key, async || match planned.attempts(ctx, state).await {
            Ok(text) => Ok(planned.call.result(text)),
            Err(Failed::Error(error)) if error.is_fatal() => Err(error.of_tool(&planned.call.name)),
            Err(Failed::Error(error)) => Ok(planned.call.failure(error.told())),
            Err(Failed::Paused(interrupted)) => {
                paused = Some(interrupted.clone());
                Err(interrupted.into())
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
