//! Nodes: every shape and everything that they may return.

use std::sync::Arc;

use superstep::prelude::*;
use superstep::{SendTo, Target};

use super::{WORK, work};
use crate::common::{Alive, Trace, TraceUpdate, marks, sound};

#[tokio::test]
async fn nodes_of_all_shapes_return_all_kinds_of_outcomes() {
    fn says(what: &str) -> TraceUpdate {
        Trace::update().log(what)
    }
    async fn of_view(_: View<Trace>) -> TraceUpdate {
        says("function of a view")
    }
    async fn of_ctx(ctx: Ctx<String>) -> TraceUpdate {
        says(&format!("function of {}", *ctx))
    }
    async fn of_both(_: View<Trace>, ctx: Ctx<String>) -> Result<TraceUpdate, std::io::Error> {
        Ok(says(&format!("function of both and {}", ctx.as_str())))
    }
    let graph = StateGraph::<Trace, String>::new("shapes")
        .add_node("01", of_view)
        .add_node("02", of_ctx)
        .add_node("03", of_both)
        .add_node("04", async |_: View<Trace>| {})
        .add_node("05", async |_: View<Trace>| Some(says("some update")))
        .add_node("06", async |_: View<Trace>| None::<TraceUpdate>)
        .add_node("07", async |_: View<Trace>| {
            Command::<Trace>::update(says("a command"))
        })
        .add_node("08", async |_: View<Trace>| {
            Some(Command::<Trace>::update(says("some command")))
        })
        .add_node(
            "09",
            async |_: View<Trace>| -> NodeResult<Option<TraceUpdate>> {
                Ok(Some(says(&format!("parsed {}", "12".parse::<u8>()?))))
            },
        )
        .add_node("10", async |_: View<Trace>| -> NodeResult<Command<Trace>> {
            Ok(Command::update(says("a result of a command")))
        })
        .add_node(
            "11",
            async |_: View<Trace>| -> Result<(), std::fmt::Error> { Ok(()) },
        )
        .add_node("12", |_: View<Trace>| std::future::ready(says("ready")))
        .add_node(
            "13",
            node(async |_: Ctx<String>| says("with policies")).defer(),
        )
        .add_edge(
            START,
            (1..=13).map(|i| format!("{i:02}")).collect::<Vec<_>>(),
        );
    let run = sound(graph)
        .invoke(Trace::update())
        .context("context".to_owned())
        .await
        .unwrap();
    assert_eq!(
        run.state.log,
        [
            "function of a view",
            "function of context",
            "function of both and context",
            "some update",
            "a command",
            "some command",
            "parsed 12",
            "a result of a command",
            "ready",
            "with policies"
        ]
    );
}

#[tokio::test]
async fn the_context_is_shared_by_all_tasks_and_by_the_caller() {
    let graph = StateGraph::<Trace, Alive>::new("context")
        .add_worker(WORK, async |_: u32, ctx: Ctx<Alive>| drop(ctx.enter()))
        .add_node("a", async |ctx: Ctx<Alive>| drop(ctx.context().enter()))
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| [WORK.send(1), WORK.send(2)], [WORK]);
    let alive = Arc::new(Alive::default());
    let graph = sound(graph);
    for _ in 0..2 {
        let run = graph.invoke(Trace::update()).context(Arc::clone(&alive));
        run.await.unwrap();
    }
    assert_eq!(alive.ever(), 6);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[tokio::test]
async fn a_task_knows_where_in_its_run_it_stands() {
    let tell = async |ctx: Ctx| {
        let place = (ctx.node().as_str(), ctx.superstep(), ctx.attempt());
        Trace::update().log(format!("{place:?}"))
    };
    let graph = StateGraph::<Trace>::new("places")
        .add_node("a", tell)
        .add_node("b", tell)
        .add_edge(START, "a")
        .add_edge("a", "b");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, [r#"("a", 1, 1)"#, r#"("b", 2, 1)"#]);
}

#[tokio::test]
async fn a_command_mixes_names_and_sends() {
    let go = async |_: View<Trace>| {
        let sends: Vec<SendTo> = vec![WORK.send(1)];
        let mixed: Vec<Target> = vec!["a".into(), WORK.send(2).into(), "b".to_owned().into()];
        Command::update(Trace::update().log("go"))
            .send(sends)
            .goto(mixed)
    };
    let graph = marks(["a", "b"])
        .add_worker(WORK, work)
        .add_node("go", go)
        .add_edge(START, "go");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, ["go", "a", "b", "work 1", "work 2"]);
}
