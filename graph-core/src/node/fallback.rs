//! A node and the function that takes its place when it fails.

use std::fmt;
use std::future::Future;

use super::{Definition, IntoNode, IntoOutcome, IntoWorker};
use crate::state::{Data, State};

/// A function and its fallback; made by
/// [`NodeBuilder::on_error`](super::NodeBuilder::on_error).
#[derive(Clone)]
pub struct Fallback<F, H> {
    function: F,
    handler: H,
}

impl<F, H> Fallback<F, H> {
    pub(super) fn new(function: F, handler: H) -> Self {
        Self { function, handler }
    }
}

impl<F, H> fmt::Debug for Fallback<F, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fallback(..)")
    }
}

/// The shape of what can have a fallback: a function, or a graph, without one.
#[doc(hidden)]
pub trait MayFail {}

/// The shape of what can be one: a function without policies. Those of a fallback
/// would be lost, and what is inside a graph would be kept under the paths of
/// what it takes the place of.
#[doc(hidden)]
pub trait Bare: MayFail {}

#[doc(hidden)]
#[derive(Debug)]
pub struct WithFallback<M, N>(std::marker::PhantomData<(M, N)>);

fn with_fallback<S: State, C>(
    node: Definition<S, C>,
    handler: Definition<S, C>,
) -> Definition<S, C> {
    let mistakes = node.mistakes.into_iter().chain(handler.mistakes);
    Definition {
        fallback: Some(handler.body),
        commands: node.commands || handler.commands,
        mistakes: mistakes.collect(),
        ..node
    }
}

#[diagnostic::do_not_recommend]
impl<S, C, M, N, F, H> IntoNode<S, C, WithFallback<M, N>> for Fallback<F, H>
where
    S: State,
    M: MayFail,
    N: Bare,
    F: IntoNode<S, C, M>,
    H: IntoNode<S, C, N>,
    H::Future: Send,
    <H::Future as Future>::Output: IntoOutcome<S>,
{
    type Future = F::Future;

    fn into_node(self) -> Definition<S, C>
    where
        F::Future: Send,
        <F::Future as Future>::Output: IntoOutcome<S>,
    {
        with_fallback(self.function.into_node(), self.handler.into_node())
    }
}

#[diagnostic::do_not_recommend]
impl<T, S, C, M, N, F, H> IntoWorker<T, S, C, WithFallback<M, N>> for Fallback<F, H>
where
    S: State,
    T: Data,
    M: MayFail,
    N: Bare,
    F: IntoWorker<T, S, C, M>,
    H: IntoWorker<T, S, C, N>,
    H::Future: Send,
    <H::Future as Future>::Output: IntoOutcome<S>,
{
    type Future = F::Future;

    fn into_worker(self) -> Definition<S, C>
    where
        F::Future: Send,
        <F::Future as Future>::Output: IntoOutcome<S>,
    {
        with_fallback(self.function.into_worker(), self.handler.into_worker())
    }
}
