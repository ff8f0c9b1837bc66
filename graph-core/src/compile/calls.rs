//! The calls of a builder without the types of its state and its context, so
//! that one copy of the rules judges all graphs of a program.

use std::any::Any;

use crate::graph::{Place, RecordedBreakpoint, RecordedEdge, RecordedZero, StateGraph};
use crate::node::{Memory, Policy};
use crate::state::{FieldSchema, State};

pub(super) struct Calls<'g> {
    pub(super) place: Place,
    pub(super) nodes: Vec<NodeCall<'g>>,
    pub(super) edges: &'g [RecordedEdge],
    pub(super) routes: Vec<RouteCall<'g>>,
    pub(super) breakpoints: &'g [RecordedBreakpoint],
    /// Whether there is something that keeps results.
    pub(super) has_cache: bool,
    pub(super) fields: &'static [FieldSchema],
    /// Where it is said that tasks run eagerly, and whether threads are kept.
    pub(super) eager: Option<Place>,
    pub(super) keeps_threads: bool,
    pub(super) zeros: &'g [RecordedZero],
}

pub(super) struct NodeCall<'g> {
    pub(super) name: &'g str,
    pub(super) worker: bool,
    /// Whether it returns commands.
    pub(super) commands: bool,
    pub(super) policy: &'g Policy,
    pub(super) memories: &'g [Memory],
    /// What whoever made it has found.
    pub(super) mistakes: &'g [Box<dyn Any + Send + Sync>],
    pub(super) place: Place,
}

pub(super) struct RouteCall<'g> {
    pub(super) from: &'g [String],
    pub(super) to: &'g [String],
    pub(super) exactly_one: bool,
    pub(super) place: Place,
}

impl<'g> Calls<'g> {
    pub(super) fn of<S: State, C>(graph: &'g StateGraph<S, C>) -> Self {
        let nodes = graph.nodes.iter().map(|node| NodeCall {
            name: &node.name,
            worker: node.worker.is_some(),
            commands: node.definition.commands,
            policy: &node.definition.policy,
            memories: &node.definition.memories,
            mistakes: &node.definition.mistakes,
            place: node.place,
        });
        let routes = graph.routes.iter().map(|route| RouteCall {
            from: &route.from,
            to: &route.to,
            exactly_one: route.router.exactly_one(),
            place: route.place,
        });
        Self {
            place: graph.place,
            nodes: nodes.collect(),
            edges: &graph.edges,
            routes: routes.collect(),
            breakpoints: &graph.threads.breakpoints,
            has_cache: graph.cache.is_some(),
            fields: S::schema().fields,
            eager: graph.eager.as_ref().map(|&(_, place)| place),
            keeps_threads: graph.threads.checkpointer.is_some(),
            zeros: &graph.zeros,
        }
    }
}
