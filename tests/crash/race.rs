//! Many processes that want one thread at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use superstep::prelude::*;
use superstep::{Graph, OnBusy, RunError, Source, Status, Unfinished};
use tempfile::tempdir;

use crate::chance::Chance;
use crate::drive::{THREAD, chain, test};
use crate::ledger::{Event, Ledger, events};
use crate::store::Store;
use crate::work::{Work, WorkUpdate};

const N_PROCESSES: usize = 8;
const N_RUNS: usize = 20;

/// Until one is close: on a machine with few processors all may come one by one.
const MOST_RACES: usize = 20;

const FOLDER: &str = "SUPERSTEP_RACE_FOLDER";
const RACER: &str = "SUPERSTEP_RACE_RACER";

/// What the run is known by, which its input set.
fn token(state: &Work) -> String {
    state.last.clone().unwrap_or_default()
}

async fn side(state: View<Work>, ctx: Ctx) -> WorkUpdate {
    let micros = ctx.node().len() as u64 * 1000;
    tokio::time::sleep(std::time::Duration::from_micros(micros)).await;
    Work::update().answers(format!("{} {}", ctx.node(), token(&state)))
}

async fn end(state: View<Work>) -> WorkUpdate {
    Work::update().log(token(&state)).total(1_u64)
}

async fn graph(store: &Store, folder: &Path) -> Graph<Work> {
    let graph = StateGraph::<Work>::new("race")
        .add_node("left", side)
        .add_node("right-hand", side)
        .add_node("end", end)
        .add_edge(START, ["left", "right-hand"])
        .add_edge(["left", "right-hand"], "end");
    store.open(folder, graph).await
}

/// Does nothing unless it was started by another test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_racer() {
    let (Some(folder), Ok(racer)) = (std::env::var_os(FOLDER), std::env::var(RACER)) else {
        return;
    };
    let folder = Path::new(&folder);
    let ledger = Arc::new(Ledger::open(&folder.join("ledger")));
    let graph = graph(&Store::told(), folder).await;
    let mut chance = Chance::of(&racer);
    for number in 0..N_RUNS {
        let token = format!("{racer}-{number}");
        // Who waits sleeps most of the time, and is in nobody's way.
        let on_busy = match chance.below(10) {
            0 => OnBusy::Wait,
            1..5 => OnBusy::Interrupt,
            _ => OnBusy::Reject,
        };
        let unfinished = match chance.one_in(2) {
            true => Unfinished::Keep,
            false => Unfinished::Discard,
        };
        let input = Work::update().inputs(token.clone()).last(token.clone());
        let run = graph.invoke(input).thread(THREAD);
        match run.on_busy(on_busy).unfinished(unfinished).await {
            Ok(run) => {
                assert_eq!(run.status, Status::Done);
                assert_eq!(run.state.log.last(), Some(&token));
                ledger.note(&Event::Done(token));
            }
            Err(error @ (RunError::ThreadBusy { .. } | RunError::Stale { .. })) => {
                assert!(
                    on_busy != OnBusy::Wait || error.code() == "stale",
                    "who waits is not turned away"
                );
                ledger.note(&Event::Lost(token, error.code().to_owned()));
            }
            Err(error) => panic!("{token}: {}", chain(&error)),
        }
    }
}

#[tokio::test]
async fn who_wins_is_there_once_and_who_loses_is_told() {
    check(&Store::File).await;
}

/// Lets processes race until some were faster than others.
pub(crate) async fn check(store: &Store) {
    for _ in 0..MOST_RACES {
        if was_race(store).await {
            return;
        }
    }
    panic!("nobody ever came too late");
}

/// Lets processes race, and looks at what came of it: whether somebody came too
/// late.
async fn was_race(store: &Store) -> bool {
    let folder = tempdir().expect("a folder");
    let start = |number: usize| {
        let mut child = test("race::a_racer");
        child
            .env(FOLDER, folder.path())
            .env(RACER, format!("racer-{number}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        store.tell(&mut child);
        child.spawn().expect("it starts")
    };
    let racers: Vec<_> = (0..N_PROCESSES).map(start).collect();
    for racer in racers {
        let output = racer.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
    check_history(&graph(store, folder.path()).await, folder.path()).await
}

#[expect(clippy::print_stderr, reason = "counts are for people")]
async fn check_history(graph: &Graph<Work>, folder: &Path) -> bool {
    let (mut done, mut lost) = (BTreeSet::new(), BTreeMap::new());
    for event in events(&folder.join("ledger")) {
        match event {
            Event::Done(token) => assert!(done.insert(token), "once"),
            Event::Lost(token, code) => drop(lost.insert(token, code)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(done.len() + lost.len(), N_PROCESSES * N_RUNS);
    let history = graph.thread(THREAD).history().await.expect("readable");
    let (mut before, mut n_inputs) = (None, 0);
    for snapshot in history.iter().rev() {
        assert_eq!(snapshot.parent, before, "the history is one line");
        before = Some(snapshot.id);
        n_inputs += usize::from(snapshot.source == Source::Input);
    }
    let values = &history.first().expect("there is a checkpoint").values;
    let log: BTreeSet<String> = values.log.iter().cloned().collect();
    assert_eq!(values.log.len(), log.len(), "nobody is there twice");
    assert_eq!(values.total, log.len() as u64);
    assert_eq!(log, done, "who reported success is there, and nobody else");
    assert_eq!(values.inputs.len(), n_inputs, "an input is taken once");
    for side in ["left", "right-hand"] {
        for token in &done {
            let answer = format!("{side} {token}");
            let n = values
                .answers
                .iter()
                .filter(|&said| *said == answer)
                .count();
            assert_eq!(n, 1, "{answer}");
        }
    }
    let count = |code: &str| lost.values().filter(|&lost| lost == code).count();
    let (n_busy, n_stale) = (count("thread-busy"), count("stale"));
    eprintln!("race: {} done, {n_busy} busy, {n_stale} stale", done.len());
    assert!(!done.is_empty(), "somebody gets through");
    !lost.is_empty()
}
