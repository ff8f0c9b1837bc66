//! How functions become nodes.
//!
//! A function's shape is told by a marker parameter, so that one trait has an
//! implementation for each shape. That the future is `Send` and its output an
//! outcome is asked for where a node is added and not in the implementations:
//! the compiler then says what is wrong with it, rather than that there is no
//! node.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{
    Bare, Ctx, Frame, GraphInside, IntoOutcome, MayFail, Memory, NodeError, Outcome, Payload,
    Policy, View,
};
use crate::state::{Data, State};

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a body works on.
pub(crate) enum Input<'a, S> {
    State(&'a Arc<S>),
    Sent(Box<dyn Payload>),
}

/// A node's function without its type.
pub(crate) trait Body<S: State, C>: Send + Sync {
    fn call(&self, input: Input<'_, S>, frame: &Frame<'_, C>) -> BoxCall<S>;

    /// The graph, if it is one.
    fn inside(&self) -> Option<&dyn GraphInside> {
        None
    }

    /// Looks into the graph, if it is one; the runs know what that is.
    fn replay(&self, input: Input<'_, S>, replay: &mut dyn Any) {
        drop(input);
        let _ = replay;
    }
}

/// What a body's call returned: its future, whose output is made an outcome.
///
/// A trait of its own, so that the box holds the user's future and not
/// another one around it.
pub(crate) trait Call<S: State>: Send {
    fn poll_outcome(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Outcome<S>, NodeError>>;
}

pub(crate) type BoxCall<S> = Pin<Box<dyn Call<S>>>;

impl<S, Fut> Call<S> for Fut
where
    S: State,
    Fut: Future + Send,
    Fut::Output: IntoOutcome<S>,
{
    #[inline]
    fn poll_outcome(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Outcome<S>, NodeError>> {
        self.poll(cx).map(IntoOutcome::into_outcome)
    }
}

/// A node as a builder records it: function and policies.
///
/// Opaque: made by `IntoNode` and `IntoWorker`, taken by the builder.
pub struct Definition<S: State, C> {
    pub(crate) body: Arc<dyn Body<S, C>>,
    /// Called in its place when it has failed for good.
    pub(crate) fallback: Option<Arc<dyn Body<S, C>>>,
    pub(crate) policy: Policy,
    pub(crate) commands: bool,
    /// Whether it is a graph, whose tasks take the permits that it needs none of.
    pub(crate) nested: bool,
    /// The graphs inside it that remember something of each thread.
    pub(crate) memories: Vec<Memory>,
    /// What is wrong with it, as whoever made it has found: `compile` knows the type.
    pub(crate) mistakes: Vec<Box<dyn Any + Send + Sync>>,
}

impl<S: State, C> fmt::Debug for Definition<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition")
            .field("policy", &self.policy)
            .field("commands", &self.commands)
            .finish_non_exhaustive()
    }
}

/// A function that can be a node of a graph over state `S` with context `C`.
///
/// That is `Fn(View<S>) -> Fut`, `Fn(View<S>, Ctx<C>) -> Fut`,
/// `Fn(Ctx<C>) -> Fut`, or one of these in [`node`](super::node()) with policies. `Fut` is a
/// future that is `Send` and whose output is an [`IntoOutcome<S>`]. `Marker`
/// tells the shapes apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a node of a graph over `{S}` with context `{C}`",
    label = "not a node of this graph",
    note = "a node is an `async fn(View<{S}>)`, an `async fn(View<{S}>, Ctx<{C}>)` or an `async fn(Ctx<{C}>)`",
    note = "it returns the update of `{S}`, `()`, `Command<{S}>`, an `Option` of these, or a `Result` of these",
    note = "as a closure: `async |state: View<{S}>| …`; to capture, `move |state: View<{S}>| {{ let client = client.clone(); async move {{ … }} }}`, or take a `Ctx`",
    note = "a node with a `Ctx<T>` needs a graph with that context, `StateGraph::<{S}, T>::new(..)`; that of this graph is `{C}`",
    note = "`superstep::blocking(f)` makes a node of a function that is not async, `superstep::subgraph(graph, input, output)` of a graph over another state"
)]
pub trait IntoNode<S: State, C, Marker> {
    /// What the function returns.
    type Future: Future;

    /// The node.
    fn into_node(self) -> Definition<S, C>
    where
        Self::Future: Send,
        <Self::Future as Future>::Output: IntoOutcome<S>;
}

/// A function that can be a worker: a node started by sends of a `T`.
///
/// That is `Fn(T) -> Fut`, `Fn(T, Ctx<C>) -> Fut`, or one of these in
/// [`node`](super::node()) with policies; see [`IntoNode`] for `Fut` and `Marker`, and
/// [`Worker`](super::Worker) for what a worker sees and how it runs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a worker for `{T}` in a graph over `{S}` with context `{C}`",
    label = "not a worker for `{T}`",
    note = "a worker is an `async fn({T})` or an `async fn({T}, Ctx<{C}>)`",
    note = "it returns the update of `{S}`, `()`, `Command<{S}>`, an `Option` of these, or a `Result` of these",
    note = "a worker with a `Ctx<T>` needs a graph with that context, `StateGraph::<{S}, T>::new(..)`; that of this graph is `{C}`",
    note = "`superstep::blocking(f)` makes a worker of a function that is not async, `superstep::subgraph(graph, input, output)` of a graph"
)]
pub trait IntoWorker<T, S: State, C, Marker> {
    /// What the function returns.
    type Future: Future;

    /// The worker.
    fn into_worker(self) -> Definition<S, C>
    where
        T: Data,
        Self::Future: Send,
        <Self::Future as Future>::Output: IntoOutcome<S>;
}

/// One blanket implementation for a shape: the marker, the arguments, and how
/// they are made from the input and the frame.
macro_rules! shape {
    ($trait:ident :: $into:ident < $($extra:ident,)? > $marker:ident, $erased:ident,
     ($($argument:ty),*), |$input:ident, $frame:ident| ($($make:expr),*)) => {
        #[doc(hidden)]
        #[derive(Debug)]
        pub enum $marker {}

        impl MayFail for $marker {}

        impl Bare for $marker {}

        struct $erased<F $(, $extra)?>(F $(, PhantomData<fn() -> $extra>)?);

        impl<$($extra,)? S, C, F, Fut> Body<S, C> for $erased<F $(, $extra)?>
        where
            S: State,
            C: Send + Sync + 'static,
            $($extra: Data,)?
            F: Fn($($argument),*) -> Fut + Send + Sync + 'static,
            Fut: Future + Send + 'static,
            Fut::Output: IntoOutcome<S>,
        {
            fn call(&self, $input: Input<'_, S>, $frame: &Frame<'_, C>) -> BoxCall<S> {
                Box::pin((self.0)($($make),*))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($extra,)? S, C, F, Fut> $trait<$($extra,)? S, C, $marker> for F
        where
            S: State,
            C: Send + Sync + 'static,
            F: Fn($($argument),*) -> Fut + Send + Sync + 'static,
            Fut: Future + 'static,
        {
            type Future = Fut;

            fn $into(self) -> Definition<S, C>
            where
                $($extra: Data,)?
                Fut: Send,
                Fut::Output: IntoOutcome<S>,
            {
                Definition {
                    body: Arc::new($erased(self $(, PhantomData::<fn() -> $extra>)?)),
                    fallback: None,
                    policy: Policy::default(),
                    commands: <Fut::Output as IntoOutcome<S>>::COMMANDS,
                    nested: false,
                    memories: Vec::new(),
                    mistakes: Vec::new(),
                }
            }
        }
    };
}

shape!(IntoNode::into_node<> OfView, ViewBody, (View<S>), |input, _frame| (view(&input)));
shape!(IntoNode::into_node<> OfBoth, BothBody, (View<S>, Ctx<C>),
    |input, frame| (view(&input), frame.ctx()));
shape!(IntoNode::into_node<> OfCtx, CtxBody, (Ctx<C>), |_input, frame| (frame.ctx()));
shape!(IntoWorker::into_worker<T,> OfInput, InputBody, (T), |input, _frame| (sent(input)));
shape!(IntoWorker::into_worker<T,> OfInputAndCtx, InputAndCtxBody, (T, Ctx<C>),
    |input, frame| (sent(input), frame.ctx()));

pub(crate) fn view<S>(input: &Input<'_, S>) -> View<S> {
    let Input::State(state) = input else {
        unreachable!("a node that is no worker was sent a value");
    };
    View::from(Arc::clone(state))
}

pub(crate) fn sent<T: Data, S>(input: Input<'_, S>) -> T {
    let Input::Sent(payload) = input else {
        unreachable!("a worker was started without a value");
    };
    match payload.into_any().downcast() {
        Ok(value) => *value,
        Err(_) => unreachable!("a send's type is checked before its task is planned"),
    }
}
