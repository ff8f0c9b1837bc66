//! What the processes that are killed work at. All graphs have the same frame:
//! `tick` counts a round, something happens, `work` ends the round.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use superstep::prelude::*;
use superstep::{Durability, NodeError, SendTo};

use crate::chance::hash;
use crate::label::{Label, asked};
use crate::ledger::{Event, Ledger};
use crate::{nested, policies, races, rules};

/// How long the lease of a dead process holds up the next.
pub(crate) const LEASE: Duration = Duration::from_millis(60);

#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Work {
    /// What the runs began with.
    #[reduce(Append)]
    pub(crate) inputs: Vec<String>,
    /// What ran.
    #[reduce(Append)]
    pub(crate) log: Vec<Label>,
    /// What bodies were told: answers, and what came to joins.
    #[reduce(Append)]
    pub(crate) answers: Vec<String>,
    /// What was written from outside.
    #[reduce(Append)]
    pub(crate) edits: Vec<String>,
    #[reduce(Append)]
    pub(crate) text: String,
    #[reduce(Sum)]
    pub(crate) total: u64,
    /// Changed by `tick` alone, which never runs beside others.
    #[reduce(Sum)]
    pub(crate) round: u64,
    #[reduce(Merge)]
    pub(crate) sizes: BTreeMap<Label, u64>,
    pub(crate) last: Option<String>,
    #[state(ephemeral)]
    pub(crate) note: Option<String>,
}

/// What happens between `tick` and `work`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Middle {
    Nothing,
    /// Branches of different length, and a join.
    Leaves,
    /// So many sends.
    Sends(usize),
    /// Branches with effects.
    Effects,
    /// Branches that ask, beside others.
    Questions,
    /// Branches that fail at first.
    Failures,
    /// Branches that are tried again, that time out, that have a fallback.
    Policies,
    /// Joins that are decided by who comes first.
    Races,
    /// The same in a graph that is a node.
    RacesInside,
    /// Joins to which failures are data.
    Rules,
    /// Graphs in graphs.
    Nested,
}

/// A graph, and what is to be done with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) middle: Middle,
    /// So many rounds are a run.
    pub(crate) n_rounds: u64,
    /// So many runs are the work.
    pub(crate) n_runs: usize,
    pub(crate) durability: Durability,
    /// Whether runs stop before `work`, for somebody to write to the thread.
    pub(crate) edits: bool,
    /// How many bytes each body adds.
    pub(crate) n_bytes: usize,
}

const PLAIN: Workload = Workload {
    name: "loop",
    middle: Middle::Nothing,
    n_rounds: 15,
    n_runs: 1,
    durability: Durability::Sync,
    edits: false,
    n_bytes: 0,
};

pub(crate) const LOOP: Workload = PLAIN;

pub(crate) const FAN_OUT: Workload = Workload {
    name: "fan-out",
    middle: Middle::Leaves,
    n_rounds: 4,
    ..PLAIN
};

pub(crate) const SENDS: Workload = Workload {
    name: "sends",
    middle: Middle::Sends(150),
    n_rounds: 2,
    ..PLAIN
};

pub(crate) const EFFECTS: Workload = Workload {
    name: "effects",
    middle: Middle::Effects,
    n_rounds: 3,
    ..PLAIN
};

pub(crate) const QUESTIONS: Workload = Workload {
    name: "questions",
    middle: Middle::Questions,
    n_rounds: 3,
    ..PLAIN
};

pub(crate) const FAILURES: Workload = Workload {
    name: "failures",
    middle: Middle::Failures,
    n_rounds: 3,
    ..PLAIN
};

pub(crate) const EDITS: Workload = Workload {
    name: "edits",
    middle: Middle::Leaves,
    n_rounds: 6,
    edits: true,
    ..PLAIN
};

pub(crate) const INPUTS: Workload = Workload {
    name: "inputs",
    n_rounds: 2,
    n_runs: 8,
    ..PLAIN
};

pub(crate) const ASYNC: Workload = Workload {
    name: "async",
    middle: Middle::Effects,
    n_rounds: 3,
    n_runs: 2,
    durability: Durability::Async,
    ..PLAIN
};

pub(crate) const EXIT: Workload = Workload {
    name: "exit",
    middle: Middle::Leaves,
    n_rounds: 1,
    n_runs: 8,
    durability: Durability::Exit,
    ..PLAIN
};

pub(crate) const POLICIES: Workload = Workload {
    name: "policies",
    middle: Middle::Policies,
    n_rounds: 2,
    ..PLAIN
};

pub(crate) const RACES: Workload = Workload {
    name: "races",
    middle: Middle::Races,
    n_rounds: 3,
    ..PLAIN
};

pub(crate) const RACES_INSIDE: Workload = Workload {
    name: "races-inside",
    middle: Middle::RacesInside,
    n_rounds: 2,
    ..PLAIN
};

pub(crate) const RULES: Workload = Workload {
    name: "rules",
    middle: Middle::Rules,
    n_rounds: 2,
    n_runs: 2,
    ..PLAIN
};

pub(crate) const NESTED: Workload = Workload {
    name: "nested",
    middle: Middle::Nested,
    n_rounds: 2,
    ..PLAIN
};

pub(crate) const ALL: [Workload; 15] = [
    LOOP,
    FAN_OUT,
    SENDS,
    EFFECTS,
    QUESTIONS,
    FAILURES,
    EDITS,
    INPUTS,
    ASYNC,
    EXIT,
    POLICIES,
    RACES,
    RACES_INSIDE,
    RULES,
    NESTED,
];

/// A piece of work for a worker, which sees no state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) number: usize,
    pub(crate) at: String,
}

/// So many sends to a worker of such pieces.
pub(crate) fn sends(worker: Worker<Item>, n_sends: usize) -> impl Fn(&Work) -> Vec<SendTo> {
    move |state: &Work| {
        let at = place(state);
        let item = |number| {
            let at = at.clone();
            worker.send(Item { number, at })
        };
        (0..n_sends).map(item).collect()
    }
}

const ITEM: Worker<Item> = Worker::new("item");

/// What the nodes need.
pub(crate) struct Tools {
    pub(crate) ledger: Ledger,
    pub(crate) n_bytes: usize,
}

impl Workload {
    /// The graph, without a checkpointer.
    pub(crate) fn graph(&self) -> StateGraph<Work, Tools> {
        let n_rounds = self.n_rounds;
        let again = move |state: &Work| match state.round.is_multiple_of(n_rounds) {
            true => END,
            false => "tick",
        };
        let graph = StateGraph::new(self.name)
            .lease(LEASE)
            .max_concurrency(32)
            .add_node("tick", tick)
            .add_node("work", work)
            .add_edge(START, "tick")
            .add_conditional_edges("work", again, ["tick", END]);
        let graph = self.middle.add_to(graph);
        match self.edits {
            true => graph.interrupt_before("work"),
            false => graph,
        }
    }
}

impl Middle {
    fn add_to(self, graph: StateGraph<Work, Tools>) -> StateGraph<Work, Tools> {
        match self {
            Self::Nothing => graph.add_edge("tick", "work"),
            Self::Leaves => {
                let names: Vec<String> = (0..8).map(|number| format!("leaf-{number}")).collect();
                let graph = names
                    .iter()
                    .fold(graph, |graph, name| graph.add_node(name, leaf));
                graph
                    .add_edge("tick", names.clone())
                    .add_edge(names, "work")
            }
            Self::Sends(n_sends) => graph
                .add_worker(ITEM, item)
                .add_conditional_edges("tick", sends(ITEM, n_sends), [ITEM])
                .add_edge(ITEM, "work"),
            Self::Effects => graph
                .add_node("pay-a", pay)
                .add_node("pay-b", pay)
                .add_node("pay-c", pay)
                .add_edge("tick", ["pay-a", "pay-b", "pay-c"])
                .add_edge(["pay-a", "pay-b", "pay-c"], "then")
                .add_node("then", pay)
                .add_edge("then", "work"),
            Self::Questions => graph
                .add_node("ask", ask)
                .add_node("both", ask_both)
                .add_node("twice", ask_twice)
                .add_node("leaf", leaf)
                .add_node("pay", pay)
                .add_edge("tick", ["ask", "both", "twice", "leaf", "pay"])
                .add_edge(["ask", "both", "twice", "leaf", "pay"], "work"),
            Self::Failures => graph
                .add_node("may-fail-a", may_fail)
                .add_node("may-fail-b", may_fail)
                .add_node("pay", pay_and_fail)
                .add_node(
                    "retried",
                    node(may_fail).retry(Retry::attempts(2).delay(Duration::ZERO)),
                )
                .add_node("leaf", leaf)
                .add_edge(
                    "tick",
                    ["may-fail-a", "may-fail-b", "pay", "retried", "leaf"],
                )
                .add_edge(
                    ["may-fail-a", "may-fail-b", "pay", "retried", "leaf"],
                    "work",
                ),
            Self::Policies => policies::add_to(graph),
            Self::Races => races::add_to(graph, "tick", "work"),
            Self::RacesInside => races::add_inside_to(graph),
            Self::Rules => rules::add_to(graph),
            Self::Nested => nested::add_to(graph),
        }
    }
}

/// Where a thread is: the run and the round.
pub(crate) fn place(state: &Work) -> String {
    format!("{}.{}", state.inputs.len(), state.round)
}

/// The task that runs, by its path: `same/0/4/leaf` is inside `same`.
fn path(tools: &Ctx<Tools>) -> String {
    let key = tools.idempotency_key("").expect("it is on a thread");
    // The thread, the line and the step are before it.
    let path = key.splitn(4, '/').nth(3).expect("a key has a path");
    path.trim_end_matches('/').to_owned()
}

/// What the body that runs is called.
pub(crate) fn label_at(tools: &Ctx<Tools>, at: &str) -> Label {
    format!("{}@{at}", path(tools))
}

pub(crate) fn label_of(tools: &Ctx<Tools>, state: &Work) -> Label {
    label_at(tools, &place(state))
}

/// What it is called if it runs now.
pub(crate) fn label(task: impl std::fmt::Display, state: &Work) -> Label {
    format!("{task}@{}", place(state))
}

/// What a body of that label adds.
pub(crate) fn size_of(label: &str) -> u64 {
    hash(label) % 1000
}

/// What a body of that label writes.
pub(crate) fn update_of(label: &str, n_bytes: usize) -> WorkUpdate {
    let size = size_of(label);
    Work::update()
        .log(label.to_owned())
        .total(size)
        .sizes(BTreeMap::from([(label.to_owned(), size)]))
        .text("x".repeat(n_bytes))
}

/// Takes a while, a different one for each label: a kill has to find something
/// at work.
pub(crate) async fn take_a_while(label: &str) {
    tokio::time::sleep(Duration::from_micros(hash(label) % 4000)).await;
}

pub(crate) async fn labor(label: &str, tools: &Tools) -> WorkUpdate {
    tools.ledger.start(label);
    take_a_while(label).await;
    tools.ledger.note(&Event::End(label.to_owned()));
    update_of(label, tools.n_bytes)
}

async fn tick(state: View<Work>, tools: Ctx<Tools>) -> WorkUpdate {
    let label = label_of(&tools, &state);
    let update = labor(&label, &tools).await;
    let note = match state.round.is_multiple_of(2) {
        true => Some(label.clone()),
        false => None,
    };
    let update = update.round(1_u64).text(format!("{} ", state.round));
    match note {
        Some(note) => update.last(label).note(note),
        None => update.last(label),
    }
}

async fn work(state: View<Work>, tools: Ctx<Tools>) -> WorkUpdate {
    labor(&label_of(&tools, &state), &tools).await
}

pub(crate) async fn leaf(state: View<Work>, tools: Ctx<Tools>) -> WorkUpdate {
    labor(&label_of(&tools, &state), &tools).await
}

async fn item(item: Item, tools: Ctx<Tools>) -> WorkUpdate {
    let label = label_at(&tools, &item.at);
    labor(&label, &tools).await.total(item.number as u64)
}

/// An effect that leaves a trace, and comes to something that no other comes
/// to.
pub(crate) async fn effect(name: &str, label: &str, tools: &Ctx<Tools>) -> Result<(), NodeError> {
    let key = format!("{label}/{name}");
    let got: String = tools
        .once(name, || async {
            take_a_while(&key).await;
            let moment = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
            let receipt = format!("{}-{}", std::process::id(), moment.as_nanos());
            tools
                .ledger
                .note(&Event::Effect(key.clone(), receipt.clone()));
            Ok::<_, NodeError>(receipt)
        })
        .await?;
    tools.ledger.note(&Event::Got(key, got));
    Ok(())
}

pub(crate) async fn pay(state: View<Work>, tools: Ctx<Tools>) -> NodeResult<WorkUpdate> {
    let label = label_of(&tools, &state);
    tools.ledger.start(&label);
    for name in ["first", "second", "third"] {
        effect(name, &label, &tools).await?;
    }
    tools.ledger.note(&Event::End(label.clone()));
    Ok(update_of(&label, tools.n_bytes))
}

/// Asks; the answer becomes part of the state, so that a wrong one shows. The
/// second question of a name is `name#2`.
pub(crate) fn question(question: &str, label: &str, tools: &Ctx<Tools>) -> NodeResult<String> {
    let name = question.trim_end_matches("#2");
    let answer = tools.interrupt(name, json!({ "label": label }))?;
    tools.ledger.note(&Event::Answered(asked(label, question)));
    Ok(answer)
}

pub(crate) async fn ask(state: View<Work>, tools: Ctx<Tools>) -> NodeResult<WorkUpdate> {
    let label = label_of(&tools, &state);
    tools.ledger.start(&label);
    effect("before", &label, &tools).await?;
    let answer = question("sure", &label, &tools)?;
    effect("after", &label, &tools).await?;
    tools.ledger.note(&Event::End(label.clone()));
    Ok(update_of(&label, tools.n_bytes).answers(answer))
}

async fn ask_twice(state: View<Work>, tools: Ctx<Tools>) -> NodeResult<WorkUpdate> {
    let label = label_of(&tools, &state);
    tools.ledger.start(&label);
    take_a_while(&label).await;
    let first = question("sure", &label, &tools)?;
    effect("between", &label, &tools).await?;
    let second = question("sure#2", &label, &tools)?;
    tools.ledger.note(&Event::End(label.clone()));
    Ok(update_of(&label, tools.n_bytes).answers([first, second]))
}

async fn ask_both(state: View<Work>, tools: Ctx<Tools>) -> NodeResult<WorkUpdate> {
    let label = label_of(&tools, &state);
    tools.ledger.start(&label);
    take_a_while(&label).await;
    let first = question("one", &label, &tools);
    let second = question("other", &label, &tools);
    let (first, second) = (first?, second?);
    tools.ledger.note(&Event::End(label.clone()));
    Ok(update_of(&label, tools.n_bytes).answers([first, second]))
}

/// Fails the first time, or the first two, or never.
pub(crate) async fn may_fail(state: View<Work>, tools: Ctx<Tools>) -> NodeResult<WorkUpdate> {
    let label = label_of(&tools, &state);
    let n_starts = tools.ledger.start(&label);
    take_a_while(&label).await;
    if n_starts <= hash(&label) % 3 {
        return Err(NodeError::msg("not yet"));
    }
    tools.ledger.note(&Event::End(label.clone()));
    Ok(update_of(&label, tools.n_bytes))
}

async fn pay_and_fail(state: View<Work>, tools: Ctx<Tools>) -> NodeResult<WorkUpdate> {
    let label = label_of(&tools, &state);
    let n_starts = tools.ledger.start(&label);
    effect("first", &label, &tools).await?;
    if n_starts <= 2 {
        return Err(NodeError::msg("not yet"));
    }
    effect("second", &label, &tools).await?;
    tools.ledger.note(&Event::End(label.clone()));
    Ok(update_of(&label, tools.n_bytes))
}
