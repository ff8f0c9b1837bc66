//! Joins that are decided by who comes first. Who does is a matter of chance,
//! and another one in each process; who had come first when a process died has.

use std::time::Duration;

use superstep::Join;
use superstep::prelude::*;

use crate::chance::hash;
use crate::label::{Label, Parts};
use crate::ledger::Event;
use crate::work::{
    Item, Tools, Work, WorkUpdate, label_at, label_of, labor, leaf, place, sends, take_a_while,
    update_of,
};

const VOTE: Worker<Item> = Worker::new("vote");

const N_VOTES: usize = 5;

/// Those who race, by what their names begin with, and how many can win.
const RACES: [(&str, usize); 3] = [("first-", 1), ("vote", 3), ("race-", 1)];

/// The race that a body is in, if it is in one.
pub(crate) fn race_of(parts: &Parts<'_>) -> Option<(&'static str, usize)> {
    let mut races = RACES.into_iter();
    races.find(|(racers, _)| parts.node.starts_with(racers))
}

/// After `from`: three that race alone, five that vote, and two that race in the
/// next superstep, when one that counts has come. Others work beside them that
/// take longer. Then `to`.
pub(crate) fn add_to(
    graph: StateGraph<Work, Tools>,
    from: &str,
    to: &str,
) -> StateGraph<Work, Tools> {
    let racers = ["first-a", "first-b", "first-c"];
    let later = ["race-b", "race-c"];
    let graph = racers
        .into_iter()
        .chain(later)
        .fold(graph, |graph, name| graph.add_node(name, races));
    let graph = ["early", "lead-b", "lead-c"]
        .into_iter()
        .fold(graph, |graph, name| graph.add_node(name, leaf));
    let graph = ["pick", "count", "decide"]
        .into_iter()
        .fold(graph, |graph, name| graph.add_node(name, target));
    graph
        .add_worker(VOTE, votes)
        .add_node("beside", lasts)
        .add_node("then", lasts)
        .add_edge(from, racers)
        .add_edge(from, ["early", "lead-b", "lead-c", "beside"])
        .add_conditional_edges(from, sends(VOTE, N_VOTES), [VOTE])
        .add_edge("lead-b", "race-b")
        .add_edge("lead-c", "race-c")
        .add_edge("beside", "then")
        .add_join(racers, "pick", Join::first())
        .add_join(VOTE, "count", Join::quorum(3).cancel_rest())
        .add_join(
            ["early", "race-b", "race-c"],
            "decide",
            Join::quorum(2).cancel_rest(),
        )
        .add_edge(["pick", "count", "then", "decide"], to)
}

/// The same in a graph that is a node.
pub(crate) fn add_inside_to(graph: StateGraph<Work, Tools>) -> StateGraph<Work, Tools> {
    let inside = StateGraph::new("inside")
        .add_node("open", leaf)
        .add_node("close", leaf)
        .add_edge(START, "open");
    let inside = add_to(inside, "open", "close").compile();
    graph
        .add_node("inside", inside.expect("the graph is sound"))
        .add_node("leaf", lasts)
        .add_edge("tick", ["inside", "leaf"])
        .add_edge(["inside", "leaf"], "work")
}

/// Takes a while that nobody can know.
async fn race(label: &str, tools: &Tools) -> WorkUpdate {
    tools.ledger.start(label);
    take_a_while(&format!("{label} {}", std::process::id())).await;
    tools.ledger.note(&Event::End(label.to_owned()));
    update_of(label, tools.n_bytes)
}

async fn races(state: View<Work>, tools: Ctx<Tools>) -> WorkUpdate {
    race(&label_of(&tools, &state), &tools).await
}

async fn votes(item: Item, tools: Ctx<Tools>) -> WorkUpdate {
    race(&label_at(&tools, &item.at), &tools).await
}

/// Takes longer than those who race: that is when they may be killed.
async fn lasts(state: View<Work>, tools: Ctx<Tools>) -> WorkUpdate {
    let label = label_of(&tools, &state);
    tokio::time::sleep(Duration::from_millis(2 + hash(&label) % 8)).await;
    labor(&label, &tools).await
}

/// What the target of a join was told becomes part of the state.
pub(crate) async fn target(state: View<Work>, tools: Ctx<Tools>) -> WorkUpdate {
    let label = label_of(&tools, &state);
    let came = tools.arrivals().to_string();
    let told = told_of(&label, &came);
    tools.ledger.note(&Event::Told(label.clone(), came));
    debug_assert_eq!(place(&state), Parts::of(&label).place);
    labor(&label, &tools).await.answers(told)
}

/// As the state has it.
fn told_of(label: &Label, came: &str) -> String {
    format!("{label}: {came}")
}

/// What a target was told, from the state.
pub(crate) fn told_in(answer: &str) -> Option<(&str, &str)> {
    answer
        .split_once(": ")
        .filter(|(label, _)| label.contains('@'))
}

/// A state without what is a matter of chance.
pub(crate) fn without_chance(values: &Work) -> Work {
    let mut values = values.clone();
    let is_chance = |label: &Label| {
        let parts = Parts::of(label);
        race_of(&parts).is_some() || parts.node == "prompt"
    };
    for label in values.log.extract_if(.., |label| is_chance(label)) {
        values.total -= values.sizes.remove(&label).unwrap_or_default();
    }
    values.answers.retain(|answer| {
        let told = told_in(answer).map(|(label, _)| Parts::of(label).node);
        !told.is_some_and(|target| ["pick", "count", "decide", "due"].contains(&target))
    });
    values
}
