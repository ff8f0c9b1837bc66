//! The events of a run as lines of JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};
use superstep::prelude::*;
use superstep::{JsonLines, LogError, SpanOutcome, Timeline};

use crate::common::{Trace, TraceUpdate, chain, marks, oops, sound};

/// A file that tells what was written to it, at each flush, and takes so many
/// bytes.
pub(crate) struct File {
    unflushed: String,
    flushed: mpsc::Sender<String>,
    room: usize,
}

impl File {
    pub(crate) fn with_room(room: usize) -> (Self, mpsc::Receiver<String>) {
        let (flushed, reader) = mpsc::channel();
        let unflushed = String::new();
        (
            Self {
                unflushed,
                flushed,
                room,
            },
            reader,
        )
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.room -= bytes.len();
        self.unflushed += std::str::from_utf8(bytes).expect("JSON is text");
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.flushed.send(std::mem::take(&mut self.unflushed));
        Ok(())
    }
}

async fn slow(_: View<Trace>) -> TraceUpdate {
    tokio::time::sleep(Duration::from_millis(20)).await;
    Trace::update().n(1)
}

fn graph() -> superstep::Graph<Trace> {
    sound(
        marks(["a"])
            .add_node("slow", slow)
            .add_edge(START, "a")
            .add_edge("a", "slow"),
    )
}

#[tokio::test(start_paused = true)]
async fn each_event_is_a_line_flushed_with_its_superstep() {
    let (file, flushed) = File::with_room(usize::MAX);
    let run = graph().invoke(Trace::update()).run_id("seven");
    run.watch(JsonLines::new(file)).await.unwrap();
    let flushed: Vec<Vec<Value>> = flushed
        .iter()
        .map(|lines| {
            assert!(lines.is_empty() || lines.ends_with('\n'));
            let lines = lines
                .lines()
                .map(|line| serde_json::from_str(line).unwrap());
            lines.collect()
        })
        .collect();
    let names: Vec<Vec<&str>> = flushed
        .iter()
        .map(|lines| {
            lines
                .iter()
                .map(|line| line["event"].as_str().unwrap())
                .collect()
        })
        .collect();
    let superstep = vec![
        "superstep_started",
        "task_started",
        "task_finished",
        "superstep_finished",
    ];
    assert_eq!(
        names,
        [
            vec!["run_started", "superstep_finished"],
            superstep.clone(),
            superstep,
            vec!["run_finished"],
            vec![],
        ]
    );
    let began = flushed[0][0]["began_ms"].as_u64().unwrap();
    assert!(began > 1_700_000_000_000, "{began}");
    assert_eq!(
        flushed[2][2],
        json!({
            "event": "task_finished",
            "run": "seven",
            "sequence": 8,
            "elapsed_us": flushed[2][2]["elapsed_us"].as_u64().filter(|us| *us >= 20_000),
            "superstep": 2,
            "task": "slow",
            "attempt": 1,
            "update": { "n": 1 },
        })
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_dropped_run_has_told_is_flushed() {
    let (file, flushed) = File::with_room(usize::MAX);
    let run = graph().invoke(Trace::update()).watch(JsonLines::new(file));
    let ended = tokio::time::timeout(Duration::from_millis(1), run).await;
    assert!(ended.is_err());
    let last = flushed.iter().last().unwrap();
    assert!(
        last.lines().last().unwrap().contains("task_started"),
        "{last}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_does_not_fail_for_its_log_and_the_first_error_is_told() {
    let (file, flushed) = File::with_room(600);
    let (errors, told) = mpsc::channel();
    let log = JsonLines::new(file).on_error(move |error| errors.send(error.kind()).unwrap());
    let run = graph().invoke(Trace::update()).watch(log).await.unwrap();
    assert_eq!(run.state.n, 1);
    let told: Vec<_> = told.iter().collect();
    assert_eq!(told, [io::ErrorKind::StorageFull]);
    let names = flushed.iter().collect::<String>();
    assert_eq!(names.lines().count(), 2, "{names}");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_no_json_is_told_as_such_and_the_log_goes_on() {
    let odd = async |ctx: Ctx| -> NodeResult<TraceUpdate> {
        ctx.emit(BTreeMap::from([((1, 2), 3)]))?;
        ctx.emit("fine")?;
        Ok(Trace::update().n(1))
    };
    let graph = marks([]).add_node("odd", odd).add_edge(START, "odd");
    let (file, flushed) = File::with_room(usize::MAX);
    let log = JsonLines::new(file).on_error(|error| panic!("{error}"));
    let run = sound(graph).invoke(Trace::update()).watch(log);
    run.await.unwrap();
    let log: String = flushed.iter().collect();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut custom = lines.iter().filter(|line| line["event"] == "custom");
    let first = custom.next().unwrap();
    assert_eq!(first["error"], "key must be a string");
    assert_eq!((&first["task"], first.get("value")), (&json!("odd"), None));
    assert_eq!(custom.next().unwrap()["value"], "fine");
    assert_eq!(lines.last().unwrap()["event"], "run_finished");
}

/// What is seen of a timeline, but for what made tasks ready.
pub(crate) fn spans(timeline: &Timeline) -> Vec<String> {
    let line = |span: &superstep::Span| {
        let phases = span.phases.iter();
        let phases: Vec<_> = phases
            .map(|phase| (phase.kind, phase.start, phase.end))
            .collect();
        let times = (span.ready, span.start, span.end);
        format!(
            "{} {} {:?} {times:?} {phases:?}",
            span.superstep,
            span.name(),
            span.outcome
        )
    };
    let mut lines: Vec<String> = timeline.spans().iter().map(line).collect();
    lines.sort();
    lines
}

/// A task that fails once, two others, and one inside a third.
fn varied() -> superstep::Graph<Trace> {
    let flaky = async |_: View<Trace>, ctx: Ctx| {
        tokio::time::sleep(Duration::from_millis(10)).await;
        match ctx.attempt() {
            1 => Err(oops()),
            _ => Ok(Trace::update().sum(1_u64)),
        }
    };
    let retry = Retry::attempts(2).delay(Duration::from_millis(5));
    let inner = StateGraph::<Trace>::new("inner").add_node("draft", slow);
    sound(
        marks(["z"])
            .add_node("flaky", node(flaky).retry(retry))
            .add_node("inner", sound(inner.add_edge(START, "draft")))
            .add_edge(START, ["flaky", "inner"])
            .add_edge(["flaky", "inner"], "z"),
    )
}

#[tokio::test(start_paused = true)]
async fn a_timeline_can_be_read_from_a_log() {
    let (file, flushed) = File::with_room(usize::MAX);
    let run = varied().invoke(Trace::update()).run_id("seven");
    let run = run.watch(JsonLines::new(file)).await.unwrap();
    let log: String = flushed.iter().collect();
    let timeline = Timeline::from_json_lines(&log).unwrap();
    assert_eq!(timeline.graph(), "seven");
    assert_eq!(spans(&timeline), spans(&run.timeline()));
    assert_eq!(timeline.total(), Duration::from_millis(25));
}

#[tokio::test(start_paused = true)]
async fn a_log_may_end_anywhere() {
    let (file, flushed) = File::with_room(usize::MAX);
    let run = varied().invoke(Trace::update()).run_id("seven");
    run.watch(JsonLines::new(file)).await.unwrap();
    let log: String = flushed.iter().collect();
    for end in 0..log.len() {
        let timeline = Timeline::from_json_lines(&log[..end]);
        let timeline = timeline.unwrap_or_else(|error| panic!("cut at {end}: {error}"));
        let done = |span: &&superstep::Span| span.outcome == SpanOutcome::Done;
        let finished = log[..end].matches("\"task_finished\"").count();
        let n_done = timeline.spans().iter().filter(done).count();
        assert!(n_done == finished || n_done + 1 == finished, "cut at {end}");
    }
}

#[test]
fn what_is_no_log_is_told() {
    let line = |run: &str| {
        format!("{{\"event\":\"x\",\"run\":\"{run}\",\"elapsed_us\":0,\"superstep\":0}}\n")
    };
    let error = Timeline::from_json_lines(&format!("{}{{}}\n", line("one"))).unwrap_err();
    let chain = chain(&error);
    assert_eq!(chain[0], "line 2 is not an event");
    assert!(chain[1].starts_with("missing field `event`"), "{chain:?}");
    let error = Timeline::from_json_lines(&(line("one") + &line("two"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2 is of run `two`, and those before it are of `one`"
    );
    assert!(matches!(error, LogError::AnotherRun { line: 2, .. }));
}
