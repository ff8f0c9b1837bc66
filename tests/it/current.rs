//! What code finds out of the task that it is called in, and what tasks have
//! used.

use std::time::Duration;

use superstep::prelude::*;
use superstep::{CurrentTask, EventKind, Usage, blocking};

use crate::common::{Trace, TraceUpdate, oops, sound};

/// Somewhere in a library: says which task it is called in, and uses a token.
fn called() -> String {
    let Some(task) = CurrentTask::get() else {
        return "nobody".to_owned();
    };
    task.used(Usage::new().tokens(1).calls(1));
    let (path, superstep) = (task.path(), task.superstep());
    format!("{path}:{}@{superstep}", task.task())
}

async fn says() -> TraceUpdate {
    let before = called();
    tokio::task::yield_now().await;
    let after = called();
    assert_eq!(before, after);
    Trace::update().log(after)
}

async fn node_says(_: View<Trace>) -> TraceUpdate {
    says().await
}

const WORK: Worker<u32> = Worker::new("work");

/// All ways in which a body can be polled.
fn graph() -> StateGraph<Trace> {
    let inside = StateGraph::<Trace>::new("inside")
        .add_node("x", node_says)
        .add_node("y", async |_: View<Trace>| Trace::update().log(called()))
        .add_edge(START, ["x", "y"]);
    StateGraph::<Trace>::new("test")
        .add_node("first", async |_: View<Trace>| {
            Trace::update().log(called())
        })
        .add_node("a", node_says)
        .add_node("b", node(node_says).retry(Retry::attempts(2)))
        .add_node(
            "c",
            blocking(|_: View<Trace>| Trace::update().log(called())),
        )
        .add_worker(WORK, async |_: u32| says().await)
        .add_node("inside", sound(inside))
        .add_edge(START, "first")
        .add_edge("first", ["a", "b", "c", "inside"])
        .add_conditional_edges("a", |_: &Trace| [WORK.send(1), WORK.send(2)], [WORK])
}

const SAID: [&str; 8] = [
    ":first@1",
    ":a@2",
    ":b@2",
    ":c@2",
    "inside/0:x@1",
    "inside/0:y@1",
    ":work/0@3",
    ":work/1@3",
];

#[tokio::test(start_paused = true)]
async fn every_body_knows_of_its_task() {
    let run = sound(graph()).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, SAID);
    assert_eq!(called(), "nobody");
    let used: Vec<(&str, u64)> = run
        .usage()
        .tasks()
        .map(|(t, used)| (t, used.tokens))
        .collect();
    let expected = [
        ("a", 2),
        ("b", 2),
        ("c", 1),
        ("first", 1),
        ("inside/0/x", 2),
        ("inside/0/y", 1),
        ("work/0", 2),
        ("work/1", 2),
    ];
    assert_eq!(used, expected);
    assert_eq!(run.usage().of("inside").tokens, 3);
    assert_eq!(run.usage().of("work").calls, 4);
    assert_eq!(run.usage().of("wor").tokens, 0);
    assert_eq!(run.usage().total().tokens, 13);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_so_on_several_threads_watched_or_not() {
    for _ in 0..20 {
        let run = sound(graph()).invoke(Trace::update()).await.unwrap();
        assert_eq!(run.state.log, SAID);
        let watched = sound(graph()).invoke(Trace::update()).stream();
        assert_eq!(watched.finish().await.unwrap().state.log, SAID);
    }
}

#[tokio::test(start_paused = true)]
async fn in_eager_graphs_too() {
    let run = sound(graph().eager())
        .invoke(Trace::update())
        .await
        .unwrap();
    assert_eq!(run.state.log, SAID);
}

#[tokio::test(start_paused = true)]
async fn what_failed_or_was_cancelled_has_used_it_all_the_same() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node(
                "bad",
                node(async |_: View<Trace>| -> NodeResult<()> {
                    called();
                    Err(oops())
                })
                .retry(Retry::attempts(3))
                .on_error(async |_: View<Trace>| drop(called())),
            )
            .add_node(
                "slow",
                node(async |_: View<Trace>| {
                    called();
                    tokio::time::sleep(Duration::from_secs(9)).await;
                })
                .timeout(Duration::from_secs(1))
                .on_error(async |_: View<Trace>| ()),
            )
            .add_edge(START, ["bad", "slow"]),
    );
    let run = graph.invoke(Trace::update()).await.unwrap();
    assert_eq!(run.usage().of("bad").calls, 4);
    assert_eq!(run.usage().of("slow").calls, 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_body_spawns_knows_of_it_if_it_is_told() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", async |_: View<Trace>| {
                let task = CurrentTask::get().expect("a body is called in its task");
                let told = tokio::spawn(task.scope(async { called() }));
                let alone = tokio::spawn(async { called() });
                Trace::update().log([told.await.unwrap(), alone.await.unwrap()])
            })
            .add_edge(START, "a"),
    );
    let run = graph.invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, [":a@1", "nobody"]);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_told_as_the_tasks() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", async |_: View<Trace>| {
                let task = CurrentTask::get().expect("a body is called in its task");
                assert!(task.wants_tokens());
                task.emit_token("hello").unwrap().await;
            })
            .add_edge(START, "a"),
    );
    let mut events = graph.invoke(Trace::update()).stream().tokens();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        assert!(matches!(event.kind, EventKind::Token { .. }));
        seen.push(format!(
            "{}: {}",
            event.node().unwrap(),
            event.token().unwrap()
        ));
    }
    assert_eq!(seen, ["a: hello"]);
}

#[tokio::test]
async fn tokens_say_of_which_part_of_a_task_they_are() {
    async fn tells(text: &str) {
        let task = CurrentTask::get().expect("a body is called in its task");
        task.emit_token(text).unwrap().await;
    }
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", async |_: View<Trace>, ctx: Ctx| {
                let part = |name: &str| CurrentTask::get().expect("it is a task").in_part(name);
                let inner = async {
                    part("inner").scope(tells("deep")).await;
                    ctx.emit_token("outer").unwrap().await;
                };
                tokio::join!(part("one").scope(inner), part("two").scope(tells("other")));
                tells("whole").await;
            })
            .add_edge(START, "a"),
    );
    let mut events = graph.invoke(Trace::update()).stream().tokens();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        let part = event.part().unwrap_or("-").to_owned();
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["part"].as_str().unwrap_or("-"), part);
        seen.push(format!("{part}: {}", event.token().unwrap()));
    }
    seen.sort();
    assert_eq!(
        seen,
        ["-: whole", "one/inner: deep", "one: outer", "two: other"]
    );
}
