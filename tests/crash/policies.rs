//! Branches that are tried again, that time out, that have a fallback.
//!
//! What an attempt does depends on its number: a task that was cut off begins
//! with its first again, so that it comes to the same.

use std::future::pending;
use std::time::Duration;

use superstep::NodeError;
use superstep::prelude::*;

use crate::chance::hash;
use crate::label::Label;
use crate::ledger::Event;
use crate::work::{
    Item, Tools, Work, WorkUpdate, effect, label_at, label_of, leaf, pay, sends, take_a_while,
    update_of,
};

const AGAIN: Worker<Item> = Worker::new("item-again");

/// So many attempts are enough for everything here.
const ENOUGH: u32 = 4;

/// Of what does nothing for ever. What ends at all has ended at its first poll.
const TIMEOUT: Duration = Duration::from_millis(8);

pub(crate) fn retry() -> Retry {
    Retry::attempts(ENOUGH)
        .delay(Duration::from_millis(1))
        .jitter(0.5)
}

pub(crate) fn add_to(graph: StateGraph<Work, Tools>) -> StateGraph<Work, Tools> {
    let branches = [
        "again",
        "falls-back",
        "hangs",
        "hangs-at-first",
        "leaf",
        "pay",
    ];
    graph
        .add_node("again", node(again).retry(retry()))
        .add_node(
            "falls-back",
            node(fails)
                .retry(Retry::attempts(2).delay(Duration::from_millis(2)))
                .on_error(falls_back),
        )
        .add_node("hangs", node(hangs).timeout(TIMEOUT).on_error(gives_up))
        .add_node(
            "hangs-at-first",
            node(hangs_at_first).timeout(TIMEOUT).retry(retry()),
        )
        .add_node("leaf", leaf)
        .add_node("pay", pay)
        .add_worker(AGAIN, node(item_again).retry(retry()))
        .add_edge("tick", branches)
        .add_conditional_edges("tick", sends(AGAIN, 3), [AGAIN])
        .add_edge(AGAIN, "then")
        .add_node("then", leaf)
        .add_edge(
            branches.into_iter().chain(["then"]).collect::<Vec<_>>(),
            "work",
        )
}

/// How many of the first attempts come to nothing.
fn n_failures(label: &str) -> u32 {
    u32::try_from(1 + hash(label) % 3).expect("it is small")
}

/// Fails at first, between two effects.
async fn try_again(label: Label, tools: &Ctx<Tools>) -> NodeResult<WorkUpdate> {
    let attempt = tools.attempt();
    tools.ledger.attempt(&label, attempt);
    effect("first", &label, tools).await?;
    if attempt <= n_failures(&label) {
        take_a_while(&format!("{label} {attempt}")).await;
        return Err(NodeError::msg("once more"));
    }
    effect("second", &label, tools).await?;
    tools.ledger.note(&Event::End(label.clone()));
    Ok(update_of(&label, tools.n_bytes).text(format!("{label} at attempt {attempt} ")))
}

pub(crate) async fn again(state: View<Work>, tools: Ctx<Tools>) -> NodeResult<WorkUpdate> {
    try_again(label_of(&tools, &state), &tools).await
}

async fn item_again(item: Item, tools: Ctx<Tools>) -> NodeResult<WorkUpdate> {
    let update = try_again(label_at(&tools, &item.at), &tools).await?;
    Ok(update.total(item.number as u64))
}

async fn fails(state: View<Work>, tools: Ctx<Tools>) -> NodeResult<WorkUpdate> {
    let label = label_of(&tools, &state);
    tools.ledger.attempt(&label, tools.attempt());
    effect("first", &label, &tools).await?;
    take_a_while(&label).await;
    Err(NodeError::msg("of no use"))
}

/// Notes that a fallback begins, and returns why.
fn fall_back(label: &str, tools: &Ctx<Tools>) -> String {
    let failure = tools.failure().expect("it is a fallback");
    let begins = Event::Fallback(label.to_owned(), failure.attempts());
    tools.ledger.note(&begins);
    let attempts = failure.attempts();
    format!("{label} fell back after {attempts}: {failure} ")
}

/// What was done in the attempts is not done again.
async fn falls_back(state: View<Work>, tools: Ctx<Tools>) -> NodeResult<WorkUpdate> {
    let label = label_of(&tools, &state);
    let why = fall_back(&label, &tools);
    for name in ["first", "second"] {
        effect(name, &label, &tools).await?;
        take_a_while(name).await;
    }
    tools.ledger.note(&Event::End(label.clone()));
    Ok(update_of(&label, tools.n_bytes).text(why))
}

async fn hangs(state: View<Work>, tools: Ctx<Tools>) -> WorkUpdate {
    let label = label_of(&tools, &state);
    tools.ledger.attempt(&label, tools.attempt());
    pending().await
}

async fn gives_up(state: View<Work>, tools: Ctx<Tools>) -> WorkUpdate {
    let label = label_of(&tools, &state);
    let why = fall_back(&label, &tools);
    tools.ledger.note(&Event::End(label.clone()));
    update_of(&label, tools.n_bytes).text(why)
}

async fn hangs_at_first(state: View<Work>, tools: Ctx<Tools>) -> WorkUpdate {
    let label = label_of(&tools, &state);
    let attempt = tools.attempt();
    tools.ledger.attempt(&label, attempt);
    if attempt <= n_failures(&label) {
        pending::<()>().await;
    }
    tools.ledger.note(&Event::End(label.clone()));
    update_of(&label, tools.n_bytes).text(format!("{label} at attempt {attempt} "))
}
