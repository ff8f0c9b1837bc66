//! A tool: a function, what a model is told of it, and policies.

use std::fmt;
use std::future::{Future, ready};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use superstep_core::{Retry, View};
use superstep_providers::{ToolCall, ToolSpec, check_bounds};

use super::arguments::{decode, misfit, schema};
use super::pool::on_pool;
use super::{BoxFuture, FromToolCall, ToolCtx, ToolDefinition, ToolError, ToolOutput};

/// A function that a language model can ask to be called, what the model is told
/// of it, and policies. Cloning it copies pointers.
///
/// `C` is the context and `S` the state of the graphs in which it can be called;
/// mostly both are inferred. [`tool`](super::tool()) makes one of a function with
/// `#[tool]`.
///
/// # Examples
///
/// ```
/// use superstep::{Tool, ToolError};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Greet {
///     /// Who is to be greeted.
///     name: String,
/// }
///
/// let greet: Tool = Tool::new("greet", "Says hello.", |greet: Greet, _| async move {
///     Ok::<_, ToolError>(format!("hello, {}", greet.name))
/// });
/// let parameters = &greet.spec().parameters;
/// assert_eq!(parameters["properties"]["name"]["description"], "Who is to be greeted.");
/// ```
#[must_use = "a tool does nothing until it is in a toolbox"]
pub struct Tool<C = (), S = ()> {
    pub(super) spec: Arc<ToolSpec>,
    body: Arc<dyn Body<C, S>>,
    /// Whether what the schema says is that of the arguments' type.
    typed: bool,
    pub(super) approve: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) retry: Option<Retry>,
}

/// A tool's function without its type.
trait Body<C, S>: Send + Sync {
    fn check(&self, arguments: &Value) -> Result<(), String>;

    fn call(
        &self,
        arguments: &Value,
        ctx: ToolCtx<C>,
        state: View<S>,
    ) -> Result<BoxFuture<Result<String, ToolError>>, String>;
}

struct Typed<A, F>(F, PhantomData<fn() -> A>);

impl<C, S, A, F> Body<C, S> for Typed<A, F>
where
    A: DeserializeOwned,
    F: Fn(A, ToolCtx<C>, View<S>) -> BoxFuture<Result<String, ToolError>> + Send + Sync,
{
    fn check(&self, arguments: &Value) -> Result<(), String> {
        decode::<A>(arguments).map(drop)
    }

    fn call(
        &self,
        arguments: &Value,
        ctx: ToolCtx<C>,
        state: View<S>,
    ) -> Result<BoxFuture<Result<String, ToolError>>, String> {
        Ok((self.0)(decode(arguments)?, ctx, state))
    }
}

impl<C: Send + Sync + 'static, S: Send + Sync + 'static> Tool<C, S> {
    /// A tool of a function that takes its arguments as one value, whose JSON
    /// Schema the model is told. Calls whose arguments are not of that type are wrong,
    /// and so are those out of the bounds that the schema sets to numbers and to the
    /// lengths of texts and lists; what else it says is not checked.
    pub fn new<A, F, Fut, T, E>(
        name: impl Into<String>,
        description: impl Into<String>,
        function: F,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + 'static,
        F: Fn(A, ToolCtx<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: ToolOutput,
        E: Into<ToolError>,
    {
        Self::typed(
            described::<A>(name, description),
            move |arguments: A, ctx, _| {
                let returned = function(arguments, ctx);
                Box::pin(async move { returned.await.map_err(E::into)?.into_text() })
            },
        )
    }

    /// A tool of a function that is not async, and blocks or computes for long: it
    /// runs on the runtime's pool of threads for such work.
    ///
    /// # Cancel safety
    ///
    /// A thread cannot be stopped from outside: when the call is not wanted any
    /// more, the function runs to its end, and what it returns is dropped. One
    /// that takes long looks at [`ToolCtx::is_cancelled`] now and then.
    pub fn blocking<A, F, T, E>(
        name: impl Into<String>,
        description: impl Into<String>,
        function: F,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(A, ToolCtx<C>) -> Result<T, E> + Send + Sync + 'static,
        T: ToolOutput,
        E: Into<ToolError>,
    {
        let function = Arc::new(function);
        Self::typed(
            described::<A>(name, description),
            move |arguments: A, ctx, _| {
                let function = Arc::clone(&function);
                Box::pin(on_pool(move || {
                    function(arguments, ctx).map_err(E::into)?.into_text()
                }))
            },
        )
    }

    /// A tool of which only the program that runs knows what it takes: its
    /// arguments are JSON, which nobody checks but the function.
    pub fn from_spec<F, Fut, T, E>(spec: ToolSpec, function: F) -> Self
    where
        F: Fn(Value, ToolCtx<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: ToolOutput,
        E: Into<ToolError>,
    {
        Self::of(spec, move |arguments: Value, ctx, _| {
            let returned = function(arguments, ctx);
            Box::pin(async move { returned.await.map_err(E::into)?.into_text() })
        })
    }

    /// A tool that is known to look at its call and the state, and waits for nothing.
    pub(crate) fn of_state(
        spec: ToolSpec,
        function: impl Fn(&ToolCall, &S) -> Result<String, ToolError> + Send + Sync + 'static,
    ) -> Self {
        Self::of(spec, move |_: Value, ctx: ToolCtx<C>, state| {
            Box::pin(ready(function(ctx.call(), &state)))
        })
    }

    pub(super) fn of_definition<D>() -> Self
    where
        D: ToolDefinition,
        D::Given: FromToolCall<C, S>,
    {
        let spec = described::<D::Arguments>(D::NAME, D::DESCRIPTION);
        let tool = Self::typed(spec, |arguments: D::Arguments, ctx: ToolCtx<C>, state| {
            D::call(arguments, D::Given::from_call(&ctx, &state))
        });
        Self {
            approve: D::APPROVE,
            timeout: D::TIMEOUT,
            ..tool
        }
    }

    /// One whose schema is that of its arguments.
    fn typed<A, F>(spec: ToolSpec, function: F) -> Self
    where
        A: DeserializeOwned + 'static,
        F: Fn(A, ToolCtx<C>, View<S>) -> BoxFuture<Result<String, ToolError>>
            + Send
            + Sync
            + 'static,
    {
        Self {
            typed: true,
            ..Self::of(spec, function)
        }
    }

    fn of<A, F>(spec: ToolSpec, function: F) -> Self
    where
        A: DeserializeOwned + 'static,
        F: Fn(A, ToolCtx<C>, View<S>) -> BoxFuture<Result<String, ToolError>>
            + Send
            + Sync
            + 'static,
    {
        Self {
            spec: Arc::new(spec),
            body: Arc::new(Typed(function, PhantomData)),
            typed: false,
            approve: false,
            timeout: None,
            retry: None,
        }
    }
}

fn described<A: JsonSchema>(name: impl Into<String>, description: impl Into<String>) -> ToolSpec {
    ToolSpec {
        name: name.into(),
        description: description.into(),
        parameters: schema::<A>(),
    }
}

impl<C, S> Tool<C, S> {
    /// What a model is told of it.
    #[must_use]
    pub fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    /// The same tool under another name.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.spec).name = name.into();
        self
    }

    /// The same tool with another description.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.spec).description = description.into();
        self
    }

    /// Has somebody agree to each call before it happens: the node pauses with a
    /// question whose value is an [`ApprovalRequest`](super::ApprovalRequest), and
    /// which is answered by an [`Approval`](super::Approval). For that the run
    /// needs a thread.
    ///
    /// Call `call_7` of tool `pay` in node `tools` asks
    /// `tools/0/call_7/approve pay`. Calls whose arguments are wrong are not asked
    /// about.
    pub fn approve(mut self) -> Self {
        self.approve = true;
        self
    }

    /// Ends each attempt of a call that takes longer than that, as a failure, by
    /// dropping its future.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Tries a call again after a failure or a timeout, before the model is told
    /// of it. Never tried again is what is [fatal](ToolError::fatal), and what would
    /// fail again: errors that are
    /// [permanent](superstep_core::NodeError::permanent), and those of models that
    /// say so. A wait that an error asks for is waited.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Whether the arguments fit, or what the model is told.
    pub(super) fn check(&self, arguments: &Value) -> Result<(), String> {
        let parameters = &self.spec.parameters;
        let checked = self.body.check(arguments);
        let checked = checked.and_then(|()| match self.typed {
            true => check_bounds(parameters, arguments).map_err(|out| out.to_string()),
            false => Ok(()),
        });
        checked.map_err(|why| misfit(&self.spec.name, &why, parameters))
    }

    /// Calls the function, whose arguments have been checked.
    pub(super) fn call(
        &self,
        arguments: &Value,
        ctx: ToolCtx<C>,
        state: View<S>,
    ) -> BoxFuture<Result<String, ToolError>> {
        let called = self.body.call(arguments, ctx, state);
        called.unwrap_or_else(|why| Box::pin(ready(Err(ToolError::msg(why)))))
    }
}

impl<C, S> Clone for Tool<C, S> {
    fn clone(&self) -> Self {
        Self {
            spec: Arc::clone(&self.spec),
            body: Arc::clone(&self.body),
            typed: self.typed,
            approve: self.approve,
            timeout: self.timeout,
            retry: self.retry.clone(),
        }
    }
}

impl<C, S> fmt::Debug for Tool<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool")
            .field("name", &self.spec.name)
            .field("approve", &self.approve)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
