//! Which events there are, in which order, and what filters show of them.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use superstep::prelude::*;
use superstep::{Event, EventKind, RunError, Status};
use tokio::time::sleep;

use super::{line, lines};
use crate::common::{Alive, Trace, TraceUpdate, mark, marks, oops, sound};
use crate::limits::Log;
use crate::limits::cache::{Shelf, by_n, doubling};

const SENT: Worker<u32> = Worker::new("sent");

#[tokio::test(start_paused = true)]
async fn a_superstep_tells_of_its_tasks_then_of_its_values() {
    let graph = sound(
        marks(["a", "b", "c"])
            .add_edge(START, ["a", "b"])
            .add_edge(["a", "b"], "c"),
    );
    let mut events = graph.invoke(Trace::update()).stream();
    assert_eq!(
        lines(&mut events).await,
        [
            "0 run_started",
            "0 superstep_finished",
            "1 superstep_started",
            "1 a task_started",
            "1 a task_finished",
            "1 b task_started",
            "1 b task_finished",
            "1 superstep_finished",
            "2 superstep_started",
            "2 c task_started",
            "2 c task_finished",
            "2 superstep_finished",
            "0 run_finished",
        ]
    );
    assert_eq!(events.finish().await.unwrap().state.log, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn events_are_numbered_and_name_their_run() {
    let graph = sound(marks(["a"]).add_edge(START, "a"));
    let mut events = graph.invoke(Trace::update()).run_id("seven").stream();
    let mut number = 0;
    while let Some(event) = events.next().await {
        assert_eq!(event.sequence(), number);
        assert_eq!(*event.run(), "seven");
        assert_eq!(event.path(), "");
        number += 1;
    }
    assert_eq!(number, 7);
}

#[tokio::test(start_paused = true)]
async fn two_runs_have_two_names() {
    let graph = sound(marks(["a"]).add_edge(START, "a"));
    let mut names = Vec::new();
    for _ in 0..2 {
        let mut events = graph.invoke(Trace::update()).stream();
        names.push(events.next().await.unwrap().run().clone());
    }
    assert!(names[0].starts_with("test-"), "{names:?}");
    assert_ne!(names[0], names[1]);
}

#[tokio::test(start_paused = true)]
async fn a_loop_of_plain_nodes_tells_the_same_as_any_other() {
    let graph = || {
        marks(["a", "b"])
            .add_edge(START, "a")
            .add_conditional_edges(
                "a",
                |state: &Trace| [["b"], [END]][state.log.len() / 3],
                ["b", END],
            )
            .add_edge("b", "a")
    };
    let mut quick = sound(graph()).invoke(Trace::update()).stream();
    // A limit on tasks keeps the run from its short way.
    let mut slow = sound(graph())
        .invoke(Trace::update())
        .max_concurrency(1)
        .stream();
    let expected = lines(&mut slow).await;
    assert_eq!(lines(&mut quick).await, expected);
    assert_eq!(
        expected
            .iter()
            .filter(|line| line.ends_with("routed"))
            .count(),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn routes_and_sends_tell_where_they_go() {
    let graph = sound(
        marks(["a", "b"])
            .add_worker(SENT, async |_: u32| {})
            .add_edge(START, "a")
            .add_conditional_edges(
                "a",
                |_: &Trace| {
                    let sends = [1, 2].map(|n| SENT.send(n).into());
                    sends
                        .into_iter()
                        .chain([superstep::Target::from("b")])
                        .collect::<Vec<_>>()
                },
                ["sent", "b"],
            ),
    );
    let mut events = graph.invoke(Trace::update()).stream();
    let mut routed = Vec::new();
    while let Some(event) = events.next().await {
        if let EventKind::Routed { to, sends } = &event.kind {
            routed.push(format!("{} {to} {sends}", event.task().unwrap()));
        }
    }
    assert_eq!(routed, ["a sent 2", "a b 0"]);
}

#[tokio::test(start_paused = true)]
async fn values_show_the_state_after_each_merge() {
    let graph = sound(
        marks(["a", "c"])
            .add_node("b", async |_: View<Trace>| {})
            .add_edge(START, "a")
            .add_edge("a", "b")
            .add_edge("b", "c"),
    );
    let events = graph.invoke(Trace::update().n(7)).stream().values();
    let seen: Vec<_> = events
        .map(|event| {
            let state = event.state().unwrap();
            (event.superstep(), state.n, state.log.len())
        })
        .collect()
        .await;
    // `b` wrote nothing.
    assert_eq!(seen, [(0, 7, 0), (1, 7, 1), (3, 7, 2)]);
}

#[tokio::test(start_paused = true)]
async fn updates_come_as_tasks_finish() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("fast", mark)
            .add_node("slow", mark)
            .add_node("a_slow_one", async |_: View<Trace>| {
                sleep(Duration::from_secs(1)).await;
                Trace::update().n(1)
            })
            .add_edge(START, ["fast", "a_slow_one", "slow"]),
    );
    let mut events = graph.invoke(Trace::update()).stream().updates();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        let update = serde_json::to_value(event.update().unwrap()).unwrap();
        seen.push((event.node().unwrap().to_string(), update, event.elapsed()));
    }
    let none = Duration::ZERO;
    let expected: [(&str, Value, Duration); 3] = [
        ("fast", json!({ "log": ["fast"] }), none),
        ("slow", json!({ "log": ["slow"] }), none),
        ("a_slow_one", json!({ "n": 1 }), Duration::from_secs(1)),
    ];
    assert_eq!(
        seen,
        expected.map(|(name, update, at)| (name.to_owned(), update, at))
    );
}

#[tokio::test(start_paused = true)]
async fn filters_add_up() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", async |ctx: Ctx| -> NodeResult<()> {
                ctx.emit_token("to")?;
                ctx.emit(1_u32)?;
                ctx.emit("text")?;
                ctx.emit_token("ken")?;
                Ok(())
            })
            .add_edge(START, "a"),
    );
    let run = || graph.invoke(Trace::update()).stream();
    assert_eq!(lines(&mut run().tokens()).await, ["1 a token", "1 a token"]);
    assert_eq!(
        lines(&mut run().tokens().custom::<u32>()).await,
        ["1 a token", "1 a custom", "1 a token"]
    );
    assert_eq!(lines(&mut run().custom::<u64>()).await.len(), 0);
    assert_eq!(
        lines(&mut run().custom::<u32>().custom::<&str>().updates()).await,
        ["1 a custom", "1 a custom", "1 a task_finished"]
    );
    assert_eq!(
        lines(&mut run().tasks()).await,
        ["1 a task_started", "1 a task_finished"]
    );
    assert_eq!(lines(&mut run().debug()).await, lines(&mut run()).await);
    let text: Vec<String> = run()
        .tokens()
        .filter_map(async |event| event.token().map(String::from))
        .collect()
        .await;
    assert_eq!(text, ["to", "ken"]);
}

#[tokio::test(start_paused = true)]
async fn retries_failures_and_cancelled_siblings_are_told() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node(
                "bad",
                node(async |_: View<Trace>| -> NodeResult<()> { Err(oops()) })
                    .retry(Retry::attempts(2).delay(Duration::from_secs(1))),
            )
            .add_node("good", async |_: View<Trace>| {
                sleep(Duration::from_secs(9)).await;
            })
            .add_edge(START, ["bad", "good"]),
    );
    let mut events = graph.invoke(Trace::update()).stream();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        let what = match &event.kind {
            EventKind::TaskRetried { error, delay } => format!(": {error}, {delay:?}"),
            EventKind::TaskFailed { error } | EventKind::RunFailed { error } => {
                format!(": {error}")
            }
            _ => String::new(),
        };
        seen.push(line(&event) + &what);
    }
    assert_eq!(
        seen,
        [
            "0 run_started",
            "0 superstep_finished",
            "1 superstep_started",
            "1 bad task_started",
            "1 bad task_retried: oops, 1s",
            "1 good task_started",
            "1 bad#2 task_started",
            "1 bad#2 task_failed: oops",
            "1 good task_cancelled",
            "0 run_failed: node `bad` failed in superstep 1, attempt 2: oops",
        ]
    );
    assert!(events.finish().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn why_a_fallback_is_called_is_told_before_it_starts() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node(
                "a",
                node(async |_: View<Trace>| -> NodeResult<()> { Err(oops()) })
                    .on_error(async |_: View<Trace>| {}),
            )
            .add_edge(START, "a"),
    );
    let mut events = graph.invoke(Trace::update()).stream().tasks();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        let json = serde_json::to_value(&event).unwrap();
        let error = json.get("error").map(|error| format!(": {error}"));
        seen.push(line(&event) + &error.unwrap_or_default());
    }
    assert_eq!(
        seen,
        [
            "1 a task_started",
            "1 a task_fallback: \"oops\"",
            "1 a task_started",
            "1 a task_finished",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_told_as_a_failure_of_its_task() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("bad", async |_: View<Trace>| {
                if true {
                    panic!("oh no");
                }
            })
            .add_edge(START, "bad"),
    );
    let mut events = graph.invoke(Trace::update()).stream().tasks();
    assert_eq!(
        lines(&mut events).await,
        ["1 bad task_started", "1 bad task_failed"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_alone_is_told_when_it_ends() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", async |_: View<Trace>| {
                sleep(Duration::from_secs(1)).await;
            })
            .add_edge(START, "a"),
    );
    let mut events = graph.invoke(Trace::update()).stream().tasks();
    assert_eq!(
        lines(&mut events).await,
        ["1 a task_started", "1 a task_finished"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_is_one_line_of_json() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", async |ctx: Ctx| -> NodeResult<TraceUpdate> {
                ctx.emit(json!({ "percent": 5 }))?;
                Ok(Trace::update().n(1))
            })
            .add_edge(START, "a"),
    );
    let mut events = graph.invoke(Trace::update()).run_id("r").stream();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        seen.push(serde_json::to_string(&event).unwrap());
    }
    let head = |event: &str, sequence: u32, superstep: u32| {
        format!(
            r#"{{"event":"{event}","run":"r","sequence":{sequence},"elapsed_us":0,"superstep":{superstep}"#
        )
    };
    let state = |n: u32| format!(r#","state":{{"n":{n},"log":[],"sum":0}}}}"#);
    let task = r#","task":"a","attempt":1"#;
    assert_eq!(
        seen,
        [
            head("run_started", 0, 0) + "}",
            head("superstep_finished", 1, 0) + &state(0),
            head("superstep_started", 2, 1) + r#","tasks":1}"#,
            head("task_started", 3, 1) + task + "}",
            head("custom", 4, 1) + task + r#","value":{"percent":5}}"#,
            head("task_finished", 5, 1) + task + r#","update":{"n":1}}"#,
            head("superstep_finished", 6, 1) + &state(1),
            head("run_finished", 7, 0) + r#","status":"done"}"#,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn finish_runs_what_nobody_has_read() {
    let graph = sound(marks(["a", "b"]).add_edge(START, "a").add_edge("a", "b"));
    let run = graph
        .invoke(Trace::update())
        .stream()
        .finish()
        .await
        .unwrap();
    assert_eq!(run.state.log, ["a", "b"]);
    let mut events = graph.invoke(Trace::update()).stream();
    assert!(matches!(
        events.next().await.unwrap().kind,
        EventKind::RunStarted
    ));
    assert_eq!(events.finish().await.unwrap().status, Status::Done);
}

#[tokio::test(start_paused = true)]
async fn emitting_where_nobody_watches_does_nothing() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", async |ctx: Ctx| -> NodeResult<()> {
                for n in 0..10_000_u32 {
                    ctx.emit(n)?.await;
                }
                Ok(())
            })
            .add_edge(START, "a"),
    );
    assert!(graph.invoke(Trace::update()).await.is_ok());
    // Somebody watches, and wants something else.
    assert!(
        graph
            .invoke(Trace::update())
            .stream()
            .values()
            .count()
            .await
            > 0
    );
}

#[tokio::test(start_paused = true)]
async fn watchers_see_all_and_the_reader_what_it_asked_for() {
    let graph = sound(marks(["a"]).add_edge(START, "a"));
    let (log, logged) = std::sync::mpsc::channel();
    let mut events = graph
        .invoke(Trace::update())
        .watch(move |event: &Event<Trace>| drop(log.send(line(event))))
        .stream()
        .updates();
    assert_eq!(lines(&mut events).await, ["1 a task_finished"]);
    events.finish().await.unwrap();
    assert_eq!(logged.iter().count(), 7);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_stream_cancels_its_run() {
    let alive = Alive::default();
    let graph = sound(
        StateGraph::<Trace, Alive>::new("test")
            .add_node("a", async |ctx: Ctx<Alive>| {
                let _guard = ctx.enter();
                std::future::pending::<()>().await;
            })
            .add_node("b", async |ctx: Ctx<Alive>| {
                let _guard = ctx.enter();
                std::future::pending::<()>().await;
            })
            .add_edge(START, ["a", "b"]),
    );
    let mut events = graph
        .invoke(Trace::update())
        .context(alive.clone())
        .stream()
        .tasks();
    assert!(events.next().await.is_some());
    assert!(events.next().await.is_some());
    drop(events);
    tokio::task::yield_now().await;
    assert_eq!((alive.ever(), alive.now()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_known_has_not_started_and_tells_what_it_writes() {
    let graph = sound(doubling(by_n()).cache(Shelf::default()));
    let stream = || {
        let run = graph.invoke(Trace::update().n(3)).context(Log::new());
        run.stream()
    };
    let first = lines(&mut stream()).await;
    let told = ["1 double task_started", "1 double task_finished"];
    assert_eq!(first[3..5], told);
    let second = lines(&mut stream()).await;
    assert_eq!(second[3], "1 double#0 task_cached");
    assert_eq!((&first[..3], &first[5..]), (&second[..3], &second[4..]));
    let updates = stream().updates();
    let told: Vec<_> = updates
        .map(|event| (event.kind.name(), json!(event.update())))
        .collect()
        .await;
    let written = [json!({ "sum": 6 }), json!({ "log": ["next"] })];
    let [known, ran] = written;
    assert_eq!(told, [("task_cached", known), ("task_finished", ran)]);
}

#[tokio::test(start_paused = true)]
async fn what_no_watcher_wants_is_not_made() {
    struct Tasks(std::sync::mpsc::Sender<String>);

    impl superstep::Watcher<Trace> for Tasks {
        fn wants(&self) -> superstep::Kinds {
            superstep::Kinds::TASKS
        }

        fn see(&mut self, event: &Event<Trace>) {
            drop(self.0.send(line(event)));
        }
    }

    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", async |ctx: Ctx| -> NodeResult<()> {
                for n in 0..5000_u32 {
                    ctx.emit(n)?;
                }
                Ok(())
            })
            .add_edge(START, "a"),
    );
    let (log, seen) = std::sync::mpsc::channel();
    graph
        .invoke(Trace::update())
        .watch(Tasks(log))
        .await
        .unwrap();
    assert_eq!(
        seen.iter().collect::<Vec<_>>(),
        ["1 a task_started", "1 a task_finished"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_panics_ends_the_run_and_nothing_more_is_seen() {
    let slow = async |ctx: Ctx<Alive>| {
        let _alive = ctx.enter();
        sleep(Duration::from_secs(9)).await;
    };
    let quick = async |_: Ctx<Alive>| sleep(Duration::from_secs(1)).await;
    let graph = StateGraph::<Trace, Alive>::new("watched")
        .add_node("quick", quick)
        .add_node("slow", slow)
        .add_edge(START, ["quick", "slow"]);
    let (graph, alive) = (sound(graph), Alive::default());
    let (log, seen) = std::sync::mpsc::channel();
    let run = graph.invoke(Trace::update()).context(alive.clone());
    let run = run
        .watch(|event: &Event<Trace>| assert_ne!(event.kind.name(), "task_finished"))
        .watch(move |event: &Event<Trace>| drop(log.send(line(event))));
    let mut events = run.stream();
    let read = lines(&mut events).await;
    assert_eq!(read[3..], ["1 quick task_started", "1 slow task_started"]);
    assert_eq!(seen.iter().collect::<Vec<_>>(), read);
    let error = events.finish().await.unwrap_err();
    assert!(
        matches!(
            &error,
            RunError::Watcher {
                event: "task_finished",
                superstep: 1,
                ..
            }
        ),
        "{error}"
    );
    tokio::task::yield_now().await;
    assert_eq!((alive.now(), alive.ever()), (0, 1));
}
