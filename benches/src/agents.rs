//! What agents cost over the graphs that they are, with models that answer at
//! once.

use std::time::{Duration, Instant};

use superstep::prelude::*;
use superstep::{
    AgentHistory, FnModel, Graph, LlmAgent, MemoryCheckpointer, Message, Model, ModelRequest,
    ModelResponse, ParallelAgent, SequentialAgent, Session,
};

use crate::measure::{Plan, Row, alternate, median};

/// How many agents are one after another.
const AGENTS: usize = 100;

pub(crate) async fn rows(repetitions: usize) -> Vec<Row> {
    let mut rows = vec![over_bare(repetitions).await, branches().await];
    rows.extend(late_turns().await);
    rows
}

fn instant() -> Model {
    Model::new(FnModel::new(|_| async { Ok(ModelResponse::text("fine")) }))
}

fn names() -> impl Iterator<Item = String> {
    (0..AGENTS).map(|index| format!("a{index:03}"))
}

/// The same calls, written by hand as nodes.
fn bare() -> Graph<Session> {
    let mut graph = StateGraph::<Session>::new("bare").recursion_limit(1000);
    let mut before = START.to_owned();
    for name in names() {
        let (model, says) = (instant(), name.clone());
        let ask = move |session: View<Session>| {
            let (model, says) = (model.clone(), says.clone());
            async move {
                let asked = session.messages.first().cloned();
                let said = [Some(Message::system("Be brief.")), asked];
                let request = ModelRequest::new(said.into_iter().flatten().collect());
                let message = model.generate(request).await?.message;
                let text = message.text();
                let update = Session::update().messages(message.named(&*says));
                NodeResult::Ok(update.values((says, text)))
            }
        };
        graph = graph.add_node(&*name, ask).add_edge(&*before, &*name);
        before = name;
    }
    graph.compile().expect("the graph is sound")
}

fn agents() -> Graph<Session> {
    let agents = names().map(|name| {
        let agent = LlmAgent::new(name.clone()).instruction("Be brief.");
        agent.history(AgentHistory::None).output_key(name)
    });
    let agent = SequentialAgent::new("agents", agents.collect::<Vec<_>>()).model(instant());
    let graph = agent.build().expect("the agents are sound");
    graph.compile().expect("the graph is sound")
}

async fn over_bare(repetitions: usize) -> Row {
    let plan = Plan {
        repetitions,
        runs: 20,
        units: AGENTS,
    };
    let (bare, agents) = (bare(), agents());
    let run = async |graph: &Graph<Session>| {
        let run = graph.invoke(Session::ask("go")).await;
        drop(run.expect("nothing fails"));
    };
    let (floor, ours) =
        alternate(plan, async || run(&bare).await, async || run(&agents).await).await;
    Row {
        workload: "agent: over its bare graph, a node",
        median_ns: ours,
        floor: "a node by hand; the ratio is in µs over",
        floor_ns: floor,
        ratio: (ours - floor) / 1000.0,
        target: 2.0,
        at_most: true,
        unit: "ns/node",
    }
}

/// The same conversation, written by hand as a node.
fn bare_turns() -> Graph<Session> {
    let model = instant();
    let ask = move |session: View<Session>| {
        let model = model.clone();
        async move {
            let asked = session.messages.last().cloned();
            let message = model
                .generate(asked.into_iter().collect::<Vec<_>>())
                .await?;
            NodeResult::Ok(Session::update().messages(message.message.named("a")))
        }
    };
    kept(
        StateGraph::<Session>::new("bare")
            .add_node("a", ask)
            .add_edge(START, "a"),
    )
}

fn turns(history: AgentHistory) -> Graph<Session> {
    let agent = LlmAgent::new("a").history(history).model(instant());
    kept(agent.build().expect("the agent is sound"))
}

fn kept(graph: StateGraph<Session>) -> Graph<Session> {
    let graph = graph.checkpointer(MemoryCheckpointer::new());
    graph.compile().expect("the graph is sound")
}

/// What turns 10 and 200 of a session take.
async fn early_and_late(graph: impl Fn() -> Graph<Session>) -> (f64, f64) {
    let (mut early, mut late) = (Vec::new(), Vec::new());
    for _ in 0..11 {
        let graph = graph();
        let mut took = Vec::new();
        for _ in 0..210 {
            let begin = Instant::now();
            let run = graph.invoke(Session::ask("go on")).thread("ann").await;
            drop(run.expect("nothing fails"));
            took.push(begin.elapsed().as_secs_f64() * 1e9);
        }
        early.push(median(took[5..15].to_vec()));
        late.push(median(took[195..205].to_vec()));
    }
    (median(early), median(late))
}

/// Late turns cost what they do by hand: a run hands out the whole state. What is
/// sent to the model is more, if it is all that was said.
async fn late_turns() -> Vec<Row> {
    let (_, floor) = early_and_late(bare_turns).await;
    let (early, late) = early_and_late(|| turns(AgentHistory::None)).await;
    let (_, whole) = early_and_late(|| turns(AgentHistory::Branch)).await;
    let row = |workload, floor, floor_ns, median_ns: f64, target| Row {
        workload,
        median_ns,
        floor,
        floor_ns,
        ratio: median_ns / floor_ns,
        target,
        at_most: true,
        unit: "ns",
    };
    vec![
        row(
            "agent: turn 200, without history",
            "by hand",
            floor,
            late,
            1.3,
        ),
        row(
            "agent: turn 200, with all that was said",
            "by hand, without",
            floor,
            whole,
            3.0,
        ),
        row(
            "agent: growth of a turn without history",
            "turn 10",
            early,
            late,
            6.0,
        ),
    ]
}

/// Three branches and a merge, 200 ms a call.
async fn branches() -> Row {
    let slow = Model::new(FnModel::new(|_| async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        Ok(ModelResponse::text("fine"))
    }));
    let branches = ["a", "b", "c"].map(|name| LlmAgent::new(name).output_key(name));
    let merge = LlmAgent::new("merge").instruction("{a} {b} {c}");
    let agents = (ParallelAgent::new("three", branches), merge);
    let agent = SequentialAgent::new("all", agents).model(slow);
    let graph = agent.build().expect("the agents are sound");
    let graph = graph.compile().expect("the graph is sound");
    let mut took = Vec::new();
    for _ in 0..5 {
        let begin = Instant::now();
        drop(
            graph
                .invoke(Session::ask("go"))
                .await
                .expect("nothing fails"),
        );
        took.push(begin.elapsed().as_secs_f64() * 1e9);
    }
    let took = median(took);
    Row {
        workload: "agent: three branches and a merge of 200 ms",
        median_ns: took,
        floor: "400 ms",
        floor_ns: 4e8,
        ratio: took / 4e8,
        target: 1.0075,
        at_most: true,
        unit: "ns",
    }
}
