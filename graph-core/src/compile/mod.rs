//! The judge: every rule about how the parts fit together, and the frozen
//! graph that comes out. The only module that names petgraph.

mod calls;
mod check;
mod checked;
mod diagnostic;
mod draw;
mod findings;
mod freeze;
mod graph;
mod links;
mod picture;
mod resolve;
mod rules;
mod shape;
mod warn;
mod ways;

pub use checked::{Checked, checked};
pub use diagnostic::{CompileError, Diagnostic};
pub(crate) use draw::{escape, fit, number, text_width};
pub use graph::Graph;
pub(crate) use graph::{
    Allowed, Exits, Frozen, FrozenDestinations, FrozenJoin, FrozenNode, FrozenRoute, JoinSend,
    JoinSource, Pace,
};
pub use picture::Xray;
pub(crate) use rules::{RuledJoin, Rules, RulesOf};
pub(crate) use shape::{NodeIndex, nearest, to_index};

use std::sync::Arc;

use serde_json::Value;

use crate::graph::StateGraph;
use crate::state::{FieldSchema, State};
use calls::Calls;
use findings::Findings;
use graph::Warnings;
use links::{arranged, sorted};
use shape::Shape;

impl<S: State, C: Send + Sync + 'static> StateGraph<S, C> {
    /// Checks the graph and freezes it into a [`Graph`] that can run.
    ///
    /// The builder's other methods only record; every rule about how nodes and
    /// edges fit together is checked here, in one pass, so that one call shows
    /// all mistakes rather than the first. Their order is the order in which
    /// the parts were added.
    ///
    /// A name that is no node's may be misspelt, or its node forgotten. What is
    /// wrong in both cases is found together with it; what is wrong in one of
    /// them only, when the name is corrected. A name that is like no other is
    /// taken for a forgotten node's: if it was meant for a node that is there,
    /// that node may be called unreachable as well.
    ///
    /// # Errors
    ///
    /// Returns a [`CompileError`] with one [`Diagnostic`] for each mistake:
    /// unknown, duplicate, reserved and unreachable nodes, nothing after
    /// `START`, joins that can never fill, routes to nowhere, cycles with no
    /// way out, workers at the end of plain edges, and what nodes bring that were
    /// looked at before: [`checked`](checked()). Each has a stable code, the place of the
    /// builder call, and help.
    ///
    /// # Examples
    ///
    /// A misspelt name is found before anything runs:
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    ///
    /// # #[derive(State, Clone, Default, Serialize, Deserialize)]
    /// # struct Empty {}
    /// let error = StateGraph::<Empty>::new("misspelt")
    ///     .add_node("plan", async |_: View<Empty>| {})
    ///     .add_edge(START, "plam")
    ///     .compile()
    ///     .unwrap_err();
    /// assert_eq!(error.diagnostics()[0].code(), "unknown-node");
    /// assert_eq!(error.diagnostics()[0].help(), "did you mean `plan`?");
    /// ```
    pub fn compile(self) -> Result<Graph<S, C>, CompileError> {
        match judge(&Calls::of(&self)) {
            Ok((shape, noticed)) => Ok(Graph {
                frozen: Arc::new(freeze::freeze(self, shape, noticed)),
            }),
            Err(diagnostics) => Err(CompileError::of_graph(&self.name, diagnostics)),
        }
    }
}

/// The shape of the graph and what was noticed in passing, or else all
/// mistakes.
fn judge(calls: &Calls<'_>) -> Result<(Shape, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut findings = Findings::default();
    let shape = resolve::resolve(calls, &mut findings);
    check::check(&shape, calls.place, &mut findings);
    for recorded in calls.zeros {
        let whose = match recorded.default {
            true => "nodes by default",
            false => "the graph",
        };
        findings.zero_limit(recorded.place, recorded.zero, format_args!("{whose}"));
    }
    if let Some(place) = calls.eager.filter(|_| calls.keeps_threads) {
        findings.eager_with_checkpointer(place);
    }
    if calls.eager.is_some() {
        for edge in calls.edges {
            let rule = edge.rule.as_ref();
            if rule.is_some_and(|rule| !rule.waits_for_all()) {
                let target = edge.to.first().map_or("", String::as_str);
                findings.eager_with_join(edge.place, target);
            }
        }
    }
    if findings.errors.is_empty() {
        Ok((shape, findings.warnings))
    } else {
        Err(in_order(findings.errors))
    }
}

/// What is worth a second look in a graph without mistakes; `default` is what
/// its state begins with, if that can be told.
fn warnings(
    shape: &Shape,
    fields: &[FieldSchema],
    default: Option<&Value>,
    warnings: &Warnings,
) -> Vec<Diagnostic> {
    let mut findings = Findings {
        errors: Vec::new(),
        warnings: warnings.noticed.clone(),
    };
    if let Some(default) = default {
        warn::stuck_reducers(default, fields, warnings.place, &mut findings);
    }
    warn::warn(shape, fields, &mut findings);
    in_order(findings.warnings)
}

/// Findings in the order of the builder calls.
fn in_order(findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let order = |index: usize| findings[index].order;
    let order = sorted(findings.len(), &mut |a, b| order(a).cmp(&order(b)));
    arranged(findings, &order)
}
