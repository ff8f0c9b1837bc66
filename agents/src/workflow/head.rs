//! What all kinds of agents have.

use std::panic::Location;

use crate::policies::Policies;
use crate::react::ModelOf;

/// What is said of an agent, whatever it does.
pub(super) struct Head<C> {
    pub(super) name: String,
    pub(super) place: &'static Location<'static>,
    pub(super) description: String,
    /// Of itself, and of those below it that have none.
    pub(super) model: Option<ModelOf<C>>,
    /// Keys that are there before it begins.
    pub(super) inputs: Vec<String>,
    /// Keys that it writes beside what its kind says.
    pub(super) writes: Vec<String>,
    /// Keys that it adds to, as others may at the same time.
    pub(super) adds: Vec<String>,
    pub(super) policies: Policies,
}

impl<C> Head<C> {
    #[track_caller]
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            place: Location::caller(),
            description: String::new(),
            model: None,
            inputs: Vec::new(),
            writes: Vec::new(),
            adds: Vec::new(),
            policies: Policies::default(),
        }
    }

    /// What mistakes call it.
    pub(super) fn what(&self) -> String {
        format!("agent `{}`", self.name)
    }
}

/// The methods that all kinds of agents have.
macro_rules! common {
    ($agent:ident, $kind:ident) => {
        impl<C: Send + Sync + 'static> $agent<C> {
            /// What it does, for agents that choose whom to hand on to, or whom to
            /// call.
            pub fn description(mut self, description: impl Into<String>) -> Self {
                self.head.description = description.into();
                self
            }

            /// The model of those agents in it that have none of their own: a
            /// [`Model`](superstep_providers::Model), or a function that finds one in
            /// the context.
            pub fn model<M>(mut self, model: impl crate::react::IntoModel<C, M>) -> Self {
                self.head.model = Some(model.into_source());
                self
            }

            /// Keys that are there before it begins, since the program writes them. One
            /// that ends with a colon, such as `user:`, is all keys of that scope.
            pub fn input<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
                self.head.inputs.extend(keys.into_iter().map(K::into));
                self
            }

            /// Keys that it writes beside what is known of its kind: by functions of
            /// yours.
            pub fn writes<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
                self.head.writes.extend(keys.into_iter().map(K::into));
                self
            }

            /// Keys that functions of yours [add](super::Change::add) to, or
            /// [append](super::Change::append) to.
            pub fn adds<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
                self.head.adds.extend(keys.into_iter().map(K::into));
                self
            }

            /// Ends it as a failure when all of it takes longer than that.
            ///
            /// Of the outermost agent it holds for a function, for an LLM agent without
            /// tools and agents to call, and for the own turns of one with sub-agents.
            /// Of any other it says nothing: a run has a timeout of its own.
            pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
                self.head.policies.timeout = Some(timeout);
                self
            }

            /// Tries all of it again after a failure. Of the outermost agent it holds
            /// where its timeout does.
            pub fn retry(mut self, retry: superstep_core::Retry) -> Self {
                self.head.policies.retry = Some(retry);
                self
            }

            /// The graph, for a context of that type; without one, see `build`.
            ///
            /// # Errors
            ///
            /// As `build`.
            pub fn build_with_context(
                self,
            ) -> Result<superstep_core::StateGraph<super::Session, C>, superstep_core::CompileError>
            {
                super::Agent::from(self).into_graph()
            }
        }

        impl $agent {
            /// The graph, to be compiled as any other: with a checkpointer, with
            /// nodes of yours beside it, as a node of another.
            ///
            /// # Errors
            ///
            /// All that is wrong with the agent and those in it, in their order.
            pub fn build(
                self,
            ) -> Result<superstep_core::StateGraph<super::Session>, superstep_core::CompileError>
            {
                self.build_with_context()
            }
        }

        impl<C> From<$agent<C>> for super::Agent<C> {
            fn from(agent: $agent<C>) -> Self {
                Self(super::agent::Kind::$kind(agent))
            }
        }

        impl<C> std::fmt::Debug for $agent<C> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($agent))
                    .field("name", &self.head.name)
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(super) use common;
