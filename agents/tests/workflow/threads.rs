//! Agents on threads: pauses, failures, and other processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use superstep::prelude::*;
use superstep::{
    Change, CustomAgent, Graph, LlmAgent, LoopAgent, MemoryCheckpointer, ModelErrorKind,
    ParallelAgent, Reply, ScriptedModel, SequentialAgent, Session, StateGraph, Status,
};

use crate::common::said;

fn kept(graph: StateGraph<Session>, threads: &MemoryCheckpointer) -> Graph<Session> {
    let graph = graph.checkpointer(threads.clone());
    graph.compile().expect("the graph is sound")
}

/// A branch that writes, speaks and then asks, beside another.
fn asking() -> StateGraph<Session> {
    let writes = CustomAgent::new("writes", async |_: View<Session>| {
        Session::update()
            .values(("x", 1))
            .values(Change::add("n", 1))
            .values(("user:y", 2))
    });
    let asks = CustomAgent::new("asks", async |session: View<Session>, ctx: Ctx| {
        let x: i64 = session.get("x").unwrap_or_default();
        let name: String = ctx.interrupt("name", json!(x))?;
        Ok::<_, superstep::NodeError>(Session::update().values(("name", name)))
    });
    let model = ScriptedModel::new()
        .on_node("speaks", "left")
        .on_node("right", "right");
    let speaks = LlmAgent::new("speaks");
    let left = SequentialAgent::new(
        "left",
        (writes.writes(["x"]), speaks, asks.writes(["name"])),
    );
    let both = ParallelAgent::new("both", (left, LlmAgent::new("right").output_key("r")));
    let last = CustomAgent::new("last", async |_: View<Session>| ());
    let agent = SequentialAgent::new("all", (both, last)).model(model.model());
    agent.build().expect("the agents are sound")
}

#[tokio::test]
async fn a_branch_asks_and_goes_on_in_another_process() {
    let threads = MemoryCheckpointer::new();
    let run = kept(asking(), &threads)
        .invoke(Session::ask("go"))
        .thread("ann")
        .await;
    let run = run.expect("it runs");
    assert_eq!(run.status, Status::Interrupted);
    assert_eq!(run.interrupts()[0].id, "both/0/left/0/asks/0/name");
    assert_eq!(run.interrupts()[0].value, json!(1));

    // Nothing of the first process is there but what was kept.
    let run = kept(asking(), &threads)
        .resume("Ann")
        .thread("ann")
        .await
        .expect("it goes on");
    assert_eq!(run.status, Status::Done);
    let state = run.state;
    assert_eq!(
        said(&state)[1..],
        ["assistant (speaks): left", "assistant (right): right"]
    );
    assert_eq!(
        (state.get("x"), state.get("n"), state.get("user:y")),
        (Some(1), Some(1), Some(2))
    );
    assert_eq!(state.get::<String>("name").as_deref(), Some("Ann"));
    assert_eq!(state.get::<String>("r").as_deref(), Some("right"));
}

#[tokio::test]
async fn after_a_failure_only_what_is_left_is_asked_again() {
    let model = ScriptedModel::new()
        .on_node("a", "one")
        .on_node(
            "b",
            Reply::attempts([Reply::from(ModelErrorKind::Transport)]),
        )
        .on_node("c", "three");
    let build = |model: &ScriptedModel| {
        let agents = ["a", "b", "c"].map(|name| LlmAgent::new(name).output_key(name));
        let agent = SequentialAgent::new("all", agents).model(model.model());
        agent.build().expect("the agents are sound")
    };
    let threads = MemoryCheckpointer::new();
    kept(build(&model), &threads)
        .invoke(Session::ask("go"))
        .thread("t")
        .await
        .unwrap_err();
    let mended = ScriptedModel::new().otherwise("fine");
    let run = kept(build(&mended), &threads)
        .proceed()
        .thread("t")
        .await
        .expect("it goes on");
    assert_eq!(run.state.get::<String>("a").as_deref(), Some("one"));
    assert_eq!(run.state.get::<String>("c").as_deref(), Some("fine"));
    assert_eq!(mended.calls().len(), 2);
}

#[tokio::test]
async fn a_loop_goes_on_with_the_round_in_which_it_paused() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&asked);
    let asks = CustomAgent::new("asks", move |session: View<Session>, ctx: Ctx| {
        counts.fetch_add(1, Ordering::Relaxed);
        async move {
            let round: i64 = session.get("round").unwrap_or_default();
            if round == 1 {
                let _: String = ctx.interrupt("go", json!("on?"))?;
            }
            Ok::<_, superstep::NodeError>(Session::update().values(Change::add("round", 1)))
        }
    });
    let agent = LoopAgent::new("three", [asks]).max_iterations(3);
    let graph = kept(
        agent.build().expect("it is sound"),
        &MemoryCheckpointer::new(),
    );
    let run = graph
        .invoke(Session::ask("go"))
        .thread("t")
        .await
        .expect("it runs");
    assert_eq!(run.status, Status::Interrupted);
    let run = graph.resume("yes").thread("t").await.expect("it goes on");
    assert_eq!(run.state.get("round"), Some(3));
    assert_eq!(asked.load(Ordering::Relaxed), 4); // one of them twice
}
