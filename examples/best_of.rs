// cargo run --example best_of [--features progress]

//! Three headlines are written at the same time, and three judges vote. Two votes
//! decide: the judge who takes long is not waited for.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{CompileError, Graph, Join};
use support::shown::shown;

mod support {
    pub(crate) mod shown;
}

const WRITE: Worker<Style> = Worker::new("write");

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Style {
    Plain,
    Question,
    Number,
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Headline {
    topic: String,
    /// In the order in which they were asked for, whoever was first.
    #[reduce(Append)]
    options: Vec<String>,
    /// The number of an option, and how often it was voted for.
    #[reduce(Append)]
    votes: Vec<usize>,
    best: Option<String>,
}

/// Stands for a language model that was told of a style.
async fn write(style: Style) -> HeadlineUpdate {
    let (took, text) = match style {
        Style::Plain => (30, "Rust graphs that pause and go on"),
        Style::Question => (10, "What if a workflow never forgot?"),
        Style::Number => (20, "3 ways to pause a workflow"),
    };
    tokio::time::sleep(Duration::from_millis(took)).await;
    Headline::update().options(text)
}

/// The vote of a judge who takes so long, and has a taste.
async fn vote(
    headline: View<Headline>,
    took: u64,
    likes: fn(&str) -> bool,
) -> NodeResult<HeadlineUpdate> {
    tokio::time::sleep(Duration::from_millis(took)).await;
    let liked = headline.options.iter().position(|option| likes(option));
    Ok(Headline::update().votes(liked.ok_or("nothing to like")?))
}

/// The most votes win; of equally many, the option that was asked for first.
async fn decide(headline: View<Headline>) -> NodeResult<HeadlineUpdate> {
    let mut votes: BTreeMap<usize, usize> = BTreeMap::new();
    for &vote in &headline.votes {
        *votes.entry(vote).or_default() += 1;
    }
    let best = votes.into_iter().rev().max_by_key(|&(_, votes)| votes);
    let (best, _) = best.ok_or("nobody has voted")?;
    Ok(Headline::update().best(headline.options[best].clone()))
}

fn best_of() -> Result<Graph<Headline>, CompileError> {
    const JUDGES: [&str; 3] = ["careful", "curious", "quick"];
    StateGraph::<Headline>::new("best of three")
        .add_worker(WRITE, write)
        .add_node("jury", async |_: View<Headline>| {})
        .add_node("quick", |options| {
            vote(options, 10, |text| text.contains("pause"))
        })
        .add_node("curious", |options| {
            vote(options, 40, |text| text.contains("Rust"))
        })
        .add_node("careful", |options| {
            vote(options, 60_000, |text| text.starts_with('3'))
        })
        .add_node("decide", decide)
        .add_conditional_edges(
            START,
            |_: &Headline| {
                [Style::Plain, Style::Question, Style::Number].map(|style| WRITE.send(style))
            },
            [WRITE],
        )
        .add_edge(WRITE, "jury")
        .add_edge("jury", JUDGES)
        .add_join(JUDGES, "decide", Join::quorum(2).cancel_rest())
        .compile()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let graph = best_of()?;
    let run = shown(graph.invoke(Headline::update().topic("superstep"))).await?;
    let headline = &run.state;
    for (number, option) in headline.options.iter().enumerate() {
        let votes = headline
            .votes
            .iter()
            .filter(|&&vote| vote == number)
            .count();
        println!("{} {option}", "*".repeat(votes) + &" ".repeat(3 - votes));
    }
    let best = headline.best.as_deref().unwrap_or_default();
    println!("\n{best}\n\n{}", run.timeline());

    assert_eq!(best, "Rust graphs that pause and go on");
    assert_eq!(headline.votes.len(), 2); // the third judge was not waited for
    Ok(())
}
