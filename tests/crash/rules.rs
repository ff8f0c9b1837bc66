//! Joins to which failures are data, or for which something has to succeed, or
//! whose time is over.

use std::future::pending;
use std::time::Duration;

use superstep::prelude::*;
use superstep::{Join, NodeError};

use crate::policies::retry;
use crate::races::target;
use crate::work::{Tools, Work, WorkUpdate, label_of, leaf, may_fail, take_a_while};

/// What is prompt takes less, unless the machine is slow.
const TIME: Duration = Duration::from_millis(20);

/// After `tick`: a join to which a failure is data, and whose target waits until
/// nothing else is ready; one that needs what may fail,
/// so that the run may; one whose time is over; and one to which a failure of the
/// next superstep is data.
pub(crate) fn add_to(graph: StateGraph<Work, Tools>) -> StateGraph<Work, Tools> {
    let graph = ["good", "other", "near", "lead", "prompt"]
        .into_iter()
        .fold(graph, |graph, name| graph.add_node(name, leaf));
    let graph = ["demand", "due", "far"]
        .into_iter()
        .fold(graph, |graph, name| graph.add_node(name, target));
    graph
        .add_node("sum", node(target).defer())
        .add_node("bad", node(fails).retry(retry()))
        .add_node("needed", may_fail)
        .add_node("late", never_ends)
        .add_node("stumble", fails)
        .add_edge(
            "tick",
            [
                "good", "bad", "needed", "other", "prompt", "late", "near", "lead",
            ],
        )
        .add_edge("lead", "stumble")
        .add_join(["good", "bad"], "sum", Join::settled().require(["good"]))
        .add_join(
            ["needed", "other"],
            "demand",
            Join::settled().require(["needed"]),
        )
        .add_join(["prompt", "late"], "due", Join::settled().within(TIME))
        .add_join(["near", "stumble"], "far", Join::settled())
        .add_edge(["sum", "demand", "due", "far"], "work")
}

async fn fails(state: View<Work>, tools: Ctx<Tools>) -> NodeResult<WorkUpdate> {
    let label = label_of(&tools, &state);
    tools.ledger.attempt(&label, tools.attempt());
    take_a_while(&label).await;
    Err(NodeError::msg("for good"))
}

async fn never_ends(state: View<Work>, tools: Ctx<Tools>) -> WorkUpdate {
    tools.ledger.start(&label_of(&tools, &state));
    pending().await
}
