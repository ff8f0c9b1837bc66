//! The events of a run as lines of JSON.

use std::io::{self, Write};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};
use superstep::JsonLines;
use superstep::prelude::*;

use crate::common::{Trace, TraceUpdate, marks, sound};

/// A file that tells what was written to it, at each flush, and takes so many
/// bytes.
struct File {
    unflushed: String,
    flushed: mpsc::Sender<String>,
    room: usize,
}

impl File {
    fn with_room(room: usize) -> (Self, mpsc::Receiver<String>) {
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
        self.unflushed += std::str::from_utf8(bytes).unwrap();
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
