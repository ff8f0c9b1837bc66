//! How functions with `#[tool]` become tools.
//!
//! Such a function returns a future that knows its tool. The function stays what
//! it was to those who call it, and can be handed on as a tool by its name.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use superstep_core::View;

use super::{Tool, ToolCtx, ToolError};

#[doc(hidden)]
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What can be handed on as a tool: a function with `#[tool]`, or a [`Tool`].
///
/// `Marker` tells the two apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tool",
    label = "not a tool",
    note = "put `#[superstep::tool]` on the function and name it without calling it, or make one by `Tool::new(name, description, function)`"
)]
pub trait IntoTool<C, S, Marker> {
    /// What it takes beside its arguments.
    type Given;

    /// The tool.
    fn into_tool(self) -> Tool<C, S>
    where
        Self::Given: FromToolCall<C, S>;
}

/// A tool by itself, so that policies can be put on it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use superstep::{Toolbox, tool};
///
/// /// Says hello.
/// #[tool]
/// async fn greet(name: String) -> String {
///     format!("hello, {name}")
/// }
///
/// let toolbox = Toolbox::<()>::new().add(tool(greet).timeout(Duration::from_secs(5)).approve());
/// assert_eq!(toolbox.specs()[0].description, "Says hello.");
/// ```
pub fn tool<C, S, M, T>(tool: T) -> Tool<C, S>
where
    T: IntoTool<C, S, M>,
    T::Given: FromToolCall<C, S>,
{
    tool.into_tool()
}

/// What a function with `#[tool]` can take beside its arguments: a
/// [`ToolCtx<C>`](ToolCtx), and a [`View<S>`](View) of the state of the graph.
#[diagnostic::on_unimplemented(
    message = "a tool that takes a `{Self}` cannot be called in a graph over `{S}` with context `{C}`",
    label = "a tool for another graph",
    note = "a tool takes the graph's context as `ToolCtx<{C}>` and its state as `View<{S}>`"
)]
pub trait FromToolCall<C, S>: Sized {
    #[doc(hidden)]
    fn from_call(ctx: &ToolCtx<C>, state: &View<S>) -> Self;
}

#[diagnostic::do_not_recommend]
impl<C, S> FromToolCall<C, S> for ToolCtx<C> {
    fn from_call(ctx: &Self, _: &View<S>) -> Self {
        ctx.clone()
    }
}

#[diagnostic::do_not_recommend]
impl<C, S> FromToolCall<C, S> for View<S> {
    fn from_call(_: &ToolCtx<C>, state: &Self) -> Self {
        state.clone()
    }
}

#[diagnostic::do_not_recommend]
impl<C, S> FromToolCall<C, S> for () {
    fn from_call(_: &ToolCtx<C>, _: &View<S>) -> Self {}
}

#[diagnostic::do_not_recommend]
impl<C, S, A: FromToolCall<C, S>, B: FromToolCall<C, S>> FromToolCall<C, S> for (A, B) {
    fn from_call(ctx: &ToolCtx<C>, state: &View<S>) -> Self {
        (A::from_call(ctx, state), B::from_call(ctx, state))
    }
}

/// What `#[tool]` writes of a function. By hand, make a [`Tool::new`].
pub trait ToolDefinition: 'static {
    #[doc(hidden)]
    type Arguments: DeserializeOwned + JsonSchema;
    /// What the function takes beside its arguments.
    type Given;
    /// What the function returns.
    type Output;
    #[doc(hidden)]
    const NAME: &'static str;
    #[doc(hidden)]
    const DESCRIPTION: &'static str;
    #[doc(hidden)]
    const APPROVE: bool;
    #[doc(hidden)]
    const TIMEOUT: Option<Duration>;

    #[doc(hidden)]
    fn call(arguments: Self::Arguments, given: Self::Given)
    -> BoxFuture<Result<String, ToolError>>;
}

/// What a function with `#[tool]` returns: a future of what it returned without.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ToolFuture<D: ToolDefinition>(BoxFuture<D::Output>);

impl<D: ToolDefinition> ToolFuture<D> {
    #[doc(hidden)]
    pub fn new(future: impl Future<Output = D::Output> + Send + 'static) -> Self {
        Self(Box::pin(future))
    }
}

impl<D: ToolDefinition> Future for ToolFuture<D> {
    type Output = D::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<D::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<D: ToolDefinition> fmt::Debug for ToolFuture<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ToolFuture").field(&D::NAME).finish()
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub enum Itself {}

#[diagnostic::do_not_recommend]
impl<C, S> IntoTool<C, S, Itself> for Tool<C, S> {
    type Given = ();

    fn into_tool(self) -> Self {
        self
    }
}

/// One implementation for a number of parameters.
macro_rules! functions {
    ($($argument:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<C, S, D, F, $($argument),*> IntoTool<C, S, fn($($argument),*) -> D> for F
        where
            C: Send + Sync + 'static,
            S: Send + Sync + 'static,
            D: ToolDefinition,
            F: Fn($($argument),*) -> ToolFuture<D>,
        {
            type Given = D::Given;

            fn into_tool(self) -> Tool<C, S>
            where
                D::Given: FromToolCall<C, S>,
            {
                Tool::of_definition::<D>()
            }
        }
    };
}

functions!();
functions!(A);
functions!(A B);
functions!(A B E);
functions!(A B E G);
functions!(A B E G H);
functions!(A B E G H I);
functions!(A B E G H I J);
functions!(A B E G H I J K);
functions!(A B E G H I J K L);
functions!(A B E G H I J K L M);
functions!(A B E G H I J K L M N);
functions!(A B E G H I J K L M N O);
