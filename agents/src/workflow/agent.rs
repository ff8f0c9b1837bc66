//! An agent of any kind, and lists of them.

use std::fmt;

use super::custom::CustomAgent;
use super::head::Head;
use super::llm::LlmAgent;
use super::looping::LoopAgent;
use super::parallel::ParallelAgent;
use super::sequential::SequentialAgent;

/// An agent of any kind, for lists of several kinds.
///
/// It is owned by the agent that it is in, so that it cannot be in two.
#[must_use = "an agent does nothing until a graph is built of it"]
pub struct Agent<C = ()>(pub(super) Kind<C>);

#[expect(
    clippy::large_enum_variant,
    reason = "there are as many as somebody has written down"
)]
pub(super) enum Kind<C> {
    Llm(LlmAgent<C>),
    Sequence(SequentialAgent<C>),
    Parallel(ParallelAgent<C>),
    Loop(LoopAgent<C>),
    Custom(CustomAgent<C>),
}

impl<C> Agent<C> {
    pub(super) fn head(&self) -> &Head<C> {
        match &self.0 {
            Kind::Llm(agent) => &agent.head,
            Kind::Sequence(agent) => &agent.head,
            Kind::Parallel(agent) => &agent.head,
            Kind::Loop(agent) => &agent.head,
            Kind::Custom(agent) => &agent.head,
        }
    }

    pub(super) fn head_mut(&mut self) -> &mut Head<C> {
        match &mut self.0 {
            Kind::Llm(agent) => &mut agent.head,
            Kind::Sequence(agent) => &mut agent.head,
            Kind::Parallel(agent) => &mut agent.head,
            Kind::Loop(agent) => &mut agent.head,
            Kind::Custom(agent) => &mut agent.head,
        }
    }
}

impl<C> fmt::Debug for Agent<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Llm(agent) => agent.fmt(f),
            Kind::Sequence(agent) => agent.fmt(f),
            Kind::Parallel(agent) => agent.fmt(f),
            Kind::Loop(agent) => agent.fmt(f),
            Kind::Custom(agent) => agent.fmt(f),
        }
    }
}

/// Several agents, in order: an array or a `Vec` of one kind, or a tuple of up to
/// eight of any kinds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of agents for a context `{C}`",
    label = "expected agents",
    note = "write an array of agents of one kind, or a tuple of several kinds"
)]
pub trait IntoAgents<C> {
    /// The agents.
    fn into_agents(self) -> Vec<Agent<C>>;
}

#[diagnostic::do_not_recommend]
impl<C, A: Into<Agent<C>>, const N: usize> IntoAgents<C> for [A; N] {
    fn into_agents(self) -> Vec<Agent<C>> {
        self.into_iter().map(A::into).collect()
    }
}

#[diagnostic::do_not_recommend]
impl<C, A: Into<Agent<C>>> IntoAgents<C> for Vec<A> {
    fn into_agents(self) -> Vec<Agent<C>> {
        self.into_iter().map(A::into).collect()
    }
}

macro_rules! tuples {
    ($($agent:ident $at:tt),*) => {
        #[diagnostic::do_not_recommend]
        impl<C, $($agent: Into<Agent<C>>),*> IntoAgents<C> for ($($agent,)*) {
            fn into_agents(self) -> Vec<Agent<C>> {
                vec![$(self.$at.into()),*]
            }
        }
    };
}

tuples!(A1 0);
tuples!(A1 0, A2 1);
tuples!(A1 0, A2 1, A3 2);
tuples!(A1 0, A2 1, A3 2, A4 3);
tuples!(A1 0, A2 1, A3 2, A4 3, A5 4);
tuples!(A1 0, A2 1, A3 2, A4 3, A5 4, A6 5);
tuples!(A1 0, A2 1, A3 2, A4 3, A5 4, A6 5, A7 6);
tuples!(A1 0, A2 1, A3 2, A4 3, A5 4, A6 5, A7 6, A8 7);
