//! What is told of a run that goes on, where there is no terminal.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{Kinds, Progress, Watcher};

use crate::common::{Trace, TraceUpdate, marks, oops, sound};

/// A place to write to that tests can read.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Page {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().expect("nobody panics with it")
    }

    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.bytes().clone()).expect("it is text");
        text.lines().map(str::to_owned).collect()
    }
}

async fn slow(_: View<Trace>, ctx: Ctx) -> NodeResult<TraceUpdate> {
    tokio::time::sleep(Duration::from_millis(1500)).await;
    match ctx.attempt() {
        1 => Err("reset\n\x1b[2Jby peer".into()),
        _ => Ok(Trace::update().n(1)),
    }
}

#[tokio::test(start_paused = true)]
async fn supersteps_and_ends_of_tasks_are_a_line_each() {
    let retry = Retry::attempts(2).delay(Duration::from_secs(2));
    let graph = sound(
        marks(["a", "z"])
            .add_node("slow", node(slow).retry(retry))
            .add_edge(START, ["a", "slow"])
            .add_edge(["a", "slow"], "z"),
    );
    let page = Page::default();
    let progress = Progress::to(page.clone());
    let run = graph.invoke(Trace::update()).run_id("seven");
    run.watch(progress).await.unwrap();
    assert_eq!(
        page.lines(),
        [
            "[seven] superstep 1, 2 tasks",
            "[seven] a: done in 0 ms",
            "[seven] slow: attempt 1 failed, the next comes in 2.0 s: reset [2Jby peer",
            "[seven] slow: done in 5.0 s, at attempt 2",
            "[seven] superstep 2, 1 task",
            "[seven] z: done in 0 ms",
            "[seven] done after 5.0 s: 2 supersteps, 3 tasks",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn failures_and_those_that_they_cancel_are_told() {
    let fail = async |_: View<Trace>| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Err::<TraceUpdate, _>(oops())
    };
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("bad", fail)
            .add_node("slow", slow)
            .add_edge(START, ["bad", "slow"]),
    );
    let page = Page::default();
    let run = graph.invoke(Trace::update()).run_id("seven");
    run.watch(Progress::to(page.clone())).await.unwrap_err();
    assert_eq!(
        page.lines(),
        [
            "[seven] superstep 1, 2 tasks",
            "[seven] bad: failed after 1.0 s: oops",
            "[seven] slow: cancelled after 1.0 s",
            "[seven] failed after 1.0 s: 1 superstep, 2 tasks: \
             node `bad` failed in superstep 1, attempt 1: oops",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_inside_a_task_is_told_with_its_path() {
    let inner = sound(marks(["draft"]).add_edge(START, "draft"));
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("review", inner)
            .add_edge(START, "review"),
    );
    let page = Page::default();
    let run = graph.invoke(Trace::update()).run_id("seven");
    run.watch(Progress::to(page.clone())).await.unwrap();
    assert_eq!(
        page.lines(),
        [
            "[seven] superstep 1, 1 task",
            "[seven] review/0: superstep 1, 1 task",
            "[seven] review/0/draft: done in 0 ms",
            "[seven] review: done in 0 ms",
            "[seven] done after 0 ms: 1 superstep, 2 tasks",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_question_is_told_with_the_path_to_answer_it_by() {
    let ask = async |_: View<Trace>, ctx: Ctx| -> NodeResult<TraceUpdate> {
        let n: i64 = ctx.interrupt("limit", serde_json::json!({ "total": 900 }))?;
        Ok(Trace::update().n(n))
    };
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("approve", ask)
            .add_edge(START, "approve")
            .checkpointer(superstep::MemoryCheckpointer::new()),
    );
    let page = Page::default();
    let run = graph.invoke(Trace::update()).run_id("seven");
    let run = run.thread("t").watch(Progress::to(page.clone()));
    run.await.unwrap();
    assert_eq!(
        page.lines(),
        [
            "[seven] superstep 1, 1 task",
            "[seven] approve: waits for an answer",
            "[seven] approve: asks `approve/0/limit`: {\"total\":900}",
            "[seven] interrupted after 0 ms: 1 superstep, 1 task",
        ]
    );
}

struct Broken;

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_does_not_fail_for_its_progress() {
    let graph = sound(marks(["a"]).add_edge(START, "a"));
    let run = graph.invoke(Trace::update()).watch(Progress::to(Broken));
    assert_eq!(run.await.unwrap().state.log, ["a"]);
}

#[test]
fn a_hidden_one_wants_nothing() {
    let wants = |progress: Progress| Watcher::<Trace>::wants(&progress);
    assert_eq!(wants(Progress::hidden()), Kinds::NONE);
    assert_eq!(wants(Progress::plain()), Kinds::TASKS | Kinds::PROGRESS);
    assert!(!Progress::plain().is_live());
}
