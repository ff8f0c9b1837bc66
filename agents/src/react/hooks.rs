//! What can be done around an agent, the calls of its model and of its tools.

use std::ops::ControlFlow;
use std::sync::Arc;

use superstep_core::{Ctx, NodeError, NodeResult, State, View};
use superstep_providers::{ModelRequest, ModelResponse, ToolCall, ToolResult};

use crate::tools::BoxFuture;

/// What the model is to be and do, made from the state.
pub(crate) type Instruction<S> = Arc<dyn Fn(&S) -> NodeResult<String> + Send + Sync>;

type Hook<C, S, A, T> = Arc<dyn Fn(A, View<S>, Ctx<C>) -> BoxFuture<NodeResult<T>> + Send + Sync>;

/// What is written when tools have run, beside their results.
type AfterTools<S> = Arc<dyn Fn(&[ToolResult], &S) -> Option<<S as State>::Update> + Send + Sync>;

/// What is done around an agent, the calls of its model and of its tools, each list
/// in order.
pub(crate) struct Hooks<C, S: State> {
    pub(crate) before_agent: Vec<Hook<C, S, (), Option<String>>>,
    pub(crate) after_agent: Vec<Hook<C, S, String, S::Update>>,
    pub(crate) on_model_error: Vec<Hook<C, S, NodeError, String>>,
    pub(crate) before_model:
        Vec<Hook<C, S, ModelRequest, ControlFlow<ModelResponse, ModelRequest>>>,
    pub(crate) after_model: Vec<Hook<C, S, ModelResponse, ModelResponse>>,
    pub(crate) before_tool: Vec<Hook<C, S, ToolCall, ControlFlow<ToolResult, ToolCall>>>,
    pub(crate) after_tool: Vec<Hook<C, S, ToolResult, ToolResult>>,
    pub(crate) after_tools: Vec<AfterTools<S>>,
}

impl<C, S: State> Default for Hooks<C, S> {
    fn default() -> Self {
        Self {
            before_agent: Vec::new(),
            after_agent: Vec::new(),
            on_model_error: Vec::new(),
            before_model: Vec::new(),
            after_model: Vec::new(),
            before_tool: Vec::new(),
            after_tool: Vec::new(),
            after_tools: Vec::new(),
        }
    }
}

impl<C, S: State> Hooks<C, S> {
    /// The answer of the agent, if its model is not to be asked.
    pub(super) async fn before_agent(
        &self,
        state: &View<S>,
        ctx: &Ctx<C>,
    ) -> NodeResult<Option<String>> {
        for hook in &self.before_agent {
            if let answer @ Some(_) = hook((), state.clone(), ctx.clone()).await? {
                return Ok(answer);
            }
        }
        Ok(None)
    }

    /// What is said in place of an answer that has failed, or the error that counts.
    pub(super) async fn on_model_error(
        &self,
        mut error: NodeError,
        state: &View<S>,
        ctx: &Ctx<C>,
    ) -> NodeResult<String> {
        for hook in &self.on_model_error {
            match hook(error, state.clone(), ctx.clone()).await {
                Ok(text) => return Ok(text),
                Err(failed) => error = failed,
            }
        }
        Err(error)
    }

    /// The request that is to be sent, or the answer without one.
    pub(super) async fn before_model(
        &self,
        mut request: ModelRequest,
        state: &View<S>,
        ctx: &Ctx<C>,
    ) -> NodeResult<ControlFlow<ModelResponse, ModelRequest>> {
        for hook in &self.before_model {
            match hook(request, state.clone(), ctx.clone()).await? {
                ControlFlow::Continue(changed) => request = changed,
                answer @ ControlFlow::Break(_) => return Ok(answer),
            }
        }
        Ok(ControlFlow::Continue(request))
    }

    pub(super) async fn after_model(
        &self,
        mut response: ModelResponse,
        state: &View<S>,
        ctx: &Ctx<C>,
    ) -> NodeResult<ModelResponse> {
        for hook in &self.after_model {
            response = hook(response, state.clone(), ctx.clone()).await?;
        }
        Ok(response)
    }

    /// The call that is to be made, or its result without one.
    pub(super) async fn before_tool(
        &self,
        mut call: ToolCall,
        state: &View<S>,
        ctx: &Ctx<C>,
    ) -> NodeResult<ControlFlow<ToolResult, ToolCall>> {
        for hook in &self.before_tool {
            match hook(call, state.clone(), ctx.clone()).await? {
                ControlFlow::Continue(changed) => call = changed,
                result @ ControlFlow::Break(_) => return Ok(result),
            }
        }
        Ok(ControlFlow::Continue(call))
    }

    pub(super) async fn after_tool(
        &self,
        mut result: ToolResult,
        state: &View<S>,
        ctx: &Ctx<C>,
    ) -> NodeResult<ToolResult> {
        for hook in &self.after_tool {
            result = hook(result, state.clone(), ctx.clone()).await?;
        }
        Ok(result)
    }
}
