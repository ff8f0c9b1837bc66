//! What chains cost: beside a graph of the same work, and a thousand at once.

use std::hint::black_box;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{
    Chain, FnModel, Graph, Model, ModelResponse, parallel, passthrough, prompt, system, text, user,
};
use tokio::task::JoinSet;

use crate::measure::{Plan, Row, alternate};

/// How long a model takes whose calls are counted.
const LATENCY: Duration = Duration::from_millis(200);

/// The prompts, models and parsers of one run of the chain.
const STEPS: usize = 12;

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Topic {
    topic: String,
    summary: String,
    questions: String,
    terms: String,
    answer: String,
}

fn instant() -> Model {
    Model::new(FnModel::new(|_| async {
        Ok(ModelResponse::text("an answer"))
    }))
}

fn slow() -> Model {
    Model::new(FnModel::new(|_| async {
        tokio::time::sleep(LATENCY).await;
        Ok(ModelResponse::text("an answer"))
    }))
}

/// Three questions at once, and a fourth about their answers.
fn chain(model: &Model) -> Chain<&'static str, String> {
    let ask = |words: &str| prompt([system(words), user("{topic}")]) | model | text();
    let branches = parallel! {
        summary: ask("Summarize:"),
        questions: ask("Questions:"),
        terms: ask("Terms:"),
        topic: passthrough(),
    };
    let synthesis = prompt([system("{summary} {questions} {terms}"), user("{topic}")]);
    branches | synthesis | model | text()
}

/// The same as nodes that ask by hand.
fn graph() -> Graph<Topic, Model> {
    StateGraph::<Topic, Model>::new("topic")
        .add_node("summary", async |state: View<Topic>, ctx: Ctx<Model>| {
            let answer = asked(&ctx, "Summarize:".to_owned(), &state.topic).await?;
            NodeResult::Ok(Topic::update().summary(answer))
        })
        .add_node("questions", async |state: View<Topic>, ctx: Ctx<Model>| {
            let answer = asked(&ctx, "Questions:".to_owned(), &state.topic).await?;
            NodeResult::Ok(Topic::update().questions(answer))
        })
        .add_node("terms", async |state: View<Topic>, ctx: Ctx<Model>| {
            let answer = asked(&ctx, "Terms:".to_owned(), &state.topic).await?;
            NodeResult::Ok(Topic::update().terms(answer))
        })
        .add_node("answer", async |state: View<Topic>, ctx: Ctx<Model>| {
            let words = format!("{} {} {}", state.summary, state.questions, state.terms);
            let answer = asked(&ctx, words, &state.topic).await?;
            NodeResult::Ok(Topic::update().answer(answer))
        })
        .add_edge(START, ["summary", "questions", "terms"])
        .add_edge(["summary", "questions", "terms"], "answer")
        .compile()
        .expect("the graph is sound")
}

async fn asked(model: &Model, words: String, topic: &str) -> NodeResult<String> {
    use superstep::Message;

    Ok(model
        .ask([Message::system(words), Message::user(topic)])
        .await?)
}

/// What the steps of a chain cost, beside a graph of the same calls.
pub(crate) async fn steps(repetitions: usize) -> Row {
    let plan = Plan {
        repetitions,
        runs: 200,
        units: STEPS,
    };
    let model = instant();
    let (graph, chain) = (graph(), chain(&model));
    let (floor_ns, median_ns) = alternate(
        plan,
        async || {
            let run = graph
                .invoke(Topic::update().topic("space"))
                .context(model.clone());
            black_box(run.await.expect("the run ends").state.answer);
        },
        async || {
            black_box(chain.invoke("space").await.expect("the chain ends"));
        },
    )
    .await;
    Row {
        workload: "chain of 12 steps, model that answers at once",
        median_ns,
        floor: "graph",
        floor_ns,
        ratio: median_ns / floor_ns,
        target: 1.0,
        at_most: true,
        unit: "ns/step",
    }
}

/// A thousand chains at once, each with two calls of 200 ms after each other.
pub(crate) async fn thousand() -> Row {
    let plan = Plan {
        repetitions: 5,
        runs: 1,
        units: 1,
    };
    let chain = chain(&slow());
    let (floor_ns, median_ns) = alternate(
        plan,
        async || tokio::time::sleep(LATENCY * 2).await,
        async || {
            let mut runs = JoinSet::new();
            for _ in 0..1000 {
                let chain = chain.clone();
                runs.spawn(async move { chain.invoke("space").await });
            }
            while let Some(run) = runs.join_next().await {
                black_box(run.expect("no panic").expect("the chain ends"));
            }
        },
    )
    .await;
    Row {
        workload: "1000 of these chains at once, calls of 200 ms",
        median_ns,
        floor: "two calls",
        floor_ns,
        ratio: median_ns / floor_ns,
        target: 1.125,
        at_most: true,
        unit: "ns",
    }
}
