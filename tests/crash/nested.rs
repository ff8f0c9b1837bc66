//! Graphs in graphs: over the same state and over one of their own, as a node and
//! as a worker, and in them what asks, what is paid once, and what is tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Graph, subgraph};

use crate::label::{Label, Parts};
use crate::policies::{again, retry};
use crate::work::{
    Item, Tools, Work, WorkUpdate, ask, label_at, labor, leaf, may_fail, pay, place, sends, size_of,
};

const PART: Worker<Item> = Worker::new("part");

/// How often `spin` runs.
const N_SPINS: usize = 3;

/// The state of a graph that is a worker.
#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Part {
    at: String,
    number: usize,
    #[reduce(Append)]
    log: Vec<Label>,
    #[reduce(Append)]
    answers: Vec<String>,
    #[reduce(Append)]
    text: String,
}

pub(crate) fn add_to(graph: StateGraph<Work, Tools>) -> StateGraph<Work, Tools> {
    let part = subgraph(
        part(),
        |item: &Item| Part::update().at(item.at.clone()).number(item.number),
        what_it_came_to,
    );
    graph
        .add_node("same", same())
        .add_worker(PART, part)
        .add_node("leaf", leaf)
        .add_edge("tick", ["same", "leaf"])
        .add_conditional_edges("tick", sends(PART, 2), [PART])
        .add_edge(PART, "then")
        .add_node("then", leaf)
        .add_edge(["same", "leaf", "then"], "work")
}

/// Three deep, over the same state.
fn same() -> Graph<Work, Tools> {
    let graph = StateGraph::<Work, Tools>::new("same")
        .add_node("open", leaf)
        .add_node("side", leaf)
        .add_node("deeper", node(deeper()).retry(retry()))
        .add_node("close", pay)
        .add_edge(START, "open")
        .add_edge("open", ["side", "deeper"])
        .add_edge(["side", "deeper"], "close");
    graph.compile().expect("the graph is sound")
}

/// What may fail takes its graph with it, which is tried again.
fn deeper() -> Graph<Work, Tools> {
    let graph = StateGraph::<Work, Tools>::new("deeper")
        .add_node("stumble", may_fail)
        .add_node("leaf", leaf)
        .add_node("again", node(again).retry(retry()))
        .add_node("deepest", deepest())
        .add_edge(START, ["stumble", "again", "leaf"])
        .add_edge(["stumble", "again", "leaf"], "deepest");
    graph.compile().expect("the graph is sound")
}

/// Asks, and goes round.
fn deepest() -> Graph<Work, Tools> {
    let spins = |state: &Work| {
        let place = place(state);
        let spins = |label: &&Label| {
            let parts = Parts::of(label);
            parts.node == "spin" && parts.place == place
        };
        match state.log.iter().filter(spins).count() % N_SPINS {
            0 => END,
            _ => "spin",
        }
    };
    let graph = StateGraph::<Work, Tools>::new("deepest")
        .add_node("pay", pay)
        .add_node("ask", ask)
        .add_node("spin", leaf)
        .add_edge(START, ["pay", "ask"])
        .add_edge(["pay", "ask"], "spin")
        .add_conditional_edges("spin", spins, ["spin", END]);
    graph.compile().expect("the graph is sound")
}

/// A graph with a state of its own, that has one over another state in it.
fn part() -> Graph<Part, Tools> {
    let graph = StateGraph::<Part, Tools>::new("part")
        .add_node("open", part_leaf)
        .add_node(
            "side",
            node(part_leaf).retry(Retry::attempts(2).delay(Duration::ZERO)),
        )
        .add_subgraph("inner", deepest(), place_of, |work: &Work| {
            Part::update()
                .log(work.log.clone())
                .answers(work.answers.clone())
                .text(work.text.clone())
        })
        .add_node("close", part_leaf)
        .add_edge(START, "open")
        .add_edge("open", ["side", "inner"])
        .add_edge(["side", "inner"], "close");
    graph.compile().expect("the graph is sound")
}

/// A state in which bodies find the same place.
fn place_of(part: &Part) -> WorkUpdate {
    let (run, round) = part.at.split_once('.').expect("a place has a round");
    let number = |text: &str| text.parse::<u64>().expect("it is a number");
    let inputs = (0..number(run)).map(|_| format!("part {}", part.number));
    Work::update()
        .inputs(inputs.collect::<Vec<_>>())
        .round(number(round))
}

async fn part_leaf(part: View<Part>, tools: Ctx<Tools>) -> PartUpdate {
    let label = label_at(&tools, &part.at);
    drop(labor(&label, &tools).await);
    Part::update().log(label)
}

fn what_it_came_to(part: &Part) -> WorkUpdate {
    let size = |label: &Label| (label.clone(), size_of(label));
    let sizes: BTreeMap<Label, u64> = part.log.iter().map(size).collect();
    Work::update()
        .log(part.log.clone())
        .total(sizes.values().sum::<u64>())
        .sizes(sizes)
        .answers(part.answers.clone())
        .text(part.text.clone())
}
