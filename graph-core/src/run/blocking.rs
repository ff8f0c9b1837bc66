//! Nodes that are no async functions: they run on threads of their own.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};

use crate::node::{
    Bare, Body, BoxCall, Ctx, CurrentTask, Definition, Desk, Frame, Input, IntoNode, IntoOutcome,
    IntoWorker, MayFail, NodeError, Policy, View, sent, view,
};
use crate::slots::Held;
use crate::state::{Data, State};

/// Makes a node of a function that is not async, and blocks or computes for
/// long: it runs on the runtime's pool of threads for such work, and holds up
/// nobody else.
///
/// The function is `Fn(View<S>) -> O`, `Fn(View<S>, Ctx<C>) -> O` or
/// `Fn(Ctx<C>) -> O`, for a worker `Fn(T) -> O` or `Fn(T, Ctx<C>) -> O`, where
/// `O` is what any node returns. A panic in it is the node's. It can ask
/// questions; [`Ctx::once`](crate::Ctx::once) is async, and not for it.
/// [`Ctx::emit`](crate::Ctx::emit) blocks it while the buffer of events is full,
/// until somebody reads, or the call is cancelled.
///
/// Work that takes less than some ten microseconds is better off in an async
/// function. The pool has 512 threads unless the runtime's builder says
/// otherwise, and what does not fit waits: set `max_concurrency` where there are
/// many.
///
/// # Cancel safety
///
/// A thread cannot be stopped from outside. When the run is cancelled, a sibling
/// fails, or a timeout passes, the run goes on or ends *without waiting for
/// it*: the function runs to its end, and what it returns is dropped. That is
/// the one exception to the rule that nothing of a run is alive when it has
/// returned. A function that takes long looks at
/// [`ctx.is_cancelled()`](crate::Ctx::is_cancelled) now and then, and returns
/// when nobody wants its result any more. Until then it keeps the places that its
/// attempt took of each `max_concurrency`, and its next attempt waits for one. As long as it keeps its view, the next
/// merge copies the state. One that has not begun never does. A runtime that is
/// dropped waits for functions that are at work.
///
/// # Examples
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use superstep::blocking;
/// use superstep::prelude::*;
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Search {
///     limit: u64,
///     primes: u64,
/// }
///
/// fn count(search: View<Search>, ctx: Ctx) -> NodeResult<SearchUpdate> {
///     let mut primes = 0;
///     for n in 2..search.limit {
///         if ctx.is_cancelled() {
///             return Err("nobody wants to know any more".into());
///         }
///         primes += u64::from((2..n).all(|d| n % d != 0));
///     }
///     Ok(Search::update().primes(primes))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let graph = StateGraph::<Search>::new("search")
///     .add_node("count", node(blocking(count)).retry(Retry::attempts(2)))
///     .add_edge(START, "count")
///     .compile()?;
/// let run = graph.invoke(Search::update().limit(100_u64)).await?;
/// assert_eq!(run.state.primes, 25);
/// # Ok(())
/// # }
/// ```
pub fn blocking<F>(function: F) -> Blocking<F> {
    Blocking(function)
}

/// A function that is not async, on its way to becoming a node; see
/// [`blocking`].
#[must_use = "a node does nothing until it is added to a graph"]
#[derive(Clone)]
pub struct Blocking<F>(F);

impl<F> fmt::Debug for Blocking<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blocking(..)")
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub struct OnPool<Arguments>(PhantomData<Arguments>);

impl<Arguments> MayFail for OnPool<Arguments> {}

impl<Arguments> Bare for OnPool<Arguments> {}

/// One implementation for a shape: its arguments, and how they are made; last of
/// them may be where from it is known whether the call is still wanted.
macro_rules! shape {
    ($trait:ident :: $into:ident < $($extra:ident,)? > $erased:ident, ($($name:ident: $argument:ty),*),
     |$input:ident, $frame:ident| $desk:ident in $pattern:pat = $made:expr) => {
        struct $erased<F $(, $extra)?>(Arc<F> $(, PhantomData<fn() -> $extra>)?);

        impl<$($extra,)? S, C, F, O> Body<S, C> for $erased<F $(, $extra)?>
        where
            S: State,
            C: Send + Sync + 'static,
            $($extra: Data,)?
            F: Fn($($argument),*) -> O + Send + Sync + 'static,
            O: Send + 'static,
            Result<O, NodeError>: IntoOutcome<S>,
        {
            fn call(&self, $input: Input<'_, S>, $frame: &Frame<'_, C>) -> BoxCall<S> {
                let (function, held) = (Arc::clone(&self.0), $frame.held.map(Arc::clone));
                let $pattern = $made;
                Box::pin(Pooled::new($desk, held, move || function($($name),*)))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($extra,)? S, C, F, O> $trait<$($extra,)? S, C, OnPool<($($argument,)*)>> for Blocking<F>
        where
            S: State,
            C: Send + Sync + 'static,
            $($extra: Data,)?
            F: Fn($($argument),*) -> O + Send + Sync + 'static,
            O: Send + 'static,
        {
            type Future = Pooled<O>;

            fn $into(self) -> Definition<S, C>
            where
                Result<O, NodeError>: IntoOutcome<S>,
            {
                Definition {
                    body: Arc::new($erased(Arc::new(self.0) $(, PhantomData::<fn() -> $extra>)?)),
                    fallback: None,
                    memories: Vec::new(),
                    mistakes: Vec::new(),
                    policy: Policy::default(),
                    commands: <Result<O, NodeError> as IntoOutcome<S>>::COMMANDS,
                    nested: false,
                }
            }
        }
    };
}

/// Nobody looks there.
const NOWHERE: Option<Arc<Desk>> = None;

shape!(IntoNode::into_node<> ViewOnPool, (state: View<S>),
    |input, frame| desk in (state, desk) = (view(&input), NOWHERE));
shape!(IntoNode::into_node<> BothOnPool, (state: View<S>, ctx: Ctx<C>),
    |input, frame| desk in (state, (ctx, desk)) = (view(&input), frame.ctx().on_thread()));
shape!(IntoNode::into_node<> CtxOnPool, (ctx: Ctx<C>),
    |_input, frame| desk in (ctx, desk) = frame.ctx().on_thread());
shape!(IntoWorker::into_worker<T,> InputOnPool, (value: T),
    |input, frame| desk in (value, desk) = (sent(input), NOWHERE));
shape!(IntoWorker::into_worker<T,> InputAndCtxOnPool, (value: T, ctx: Ctx<C>),
    |input, frame| desk in (value, (ctx, desk)) = (sent(input), frame.ctx().on_thread()));

/// A call of such a function, from before it begins.
#[doc(hidden)]
pub struct Pooled<O> {
    stage: Stage<O>,
    /// Where the function sees that it is not wanted any more, if it looks.
    desk: Option<Arc<Desk>>,
}

enum Stage<O> {
    Before(Box<dyn FnOnce() -> O + Send>),
    AtWork(JoinHandle<O>),
    Over,
}

impl<O: Send + 'static> Pooled<O> {
    /// What is held is so until the function has returned, however long nobody
    /// has waited for that.
    fn new(
        desk: Option<Arc<Desk>>,
        held: Option<Arc<Held>>,
        function: impl FnOnce() -> O + Send + 'static,
    ) -> Self {
        let function = move || {
            let _held = held;
            function()
        };
        Self {
            stage: Stage::Before(Box::new(function)),
            desk,
        }
    }
}

impl<O: Send + 'static> Future for Pooled<O> {
    type Output = Result<O, NodeError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut handle = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Before(function) => match Handle::try_current() {
                Ok(runtime) => {
                    let task = CurrentTask::get();
                    runtime.spawn_blocking(move || match task {
                        Some(task) => task.enter(function),
                        None => function(),
                    })
                }
                Err(_) => return Poll::Ready(Err("there is no tokio runtime to run it on".into())),
            },
            Stage::AtWork(handle) => handle,
            Stage::Over => unreachable!("it is not polled after its end"),
        };
        match Pin::new(&mut handle).poll(cx) {
            Poll::Pending => {
                self.stage = Stage::AtWork(handle);
                Poll::Pending
            }
            Poll::Ready(joined) => Poll::Ready(joined.map_err(lost)),
        }
    }
}

/// Why the function returned nothing, unless it panicked.
fn lost(error: JoinError) -> NodeError {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => "the runtime was shut down".into(),
    }
}

impl<O> Drop for Pooled<O> {
    fn drop(&mut self) {
        if let Stage::AtWork(handle) = &self.stage {
            handle.abort();
            if let Some(desk) = &self.desk {
                desk.cancel();
            }
        }
    }
}

impl<O> fmt::Debug for Pooled<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pooled(..)")
    }
}
