//! What must hold of a thread and of the ledger of those who worked at it.

use std::collections::{BTreeMap, BTreeSet};

use superstep::{Durability, Graph, MemoryCheckpointer, OnBusy, Snapshot, Source};
use tempfile::tempdir;

use crate::chance::Chance;
use crate::drive::{Driver, Place, THREAD};
use crate::ledger::{Event, Seen, events};
use crate::work::{Tools, Work, Workload};

/// A checkpoint but for its time, as text.
fn told(snapshot: &Snapshot<Work>) -> String {
    let values = serde_json::to_string(&snapshot.values).expect("a state is JSON");
    let next = match snapshot.finished.is_empty() {
        true => format!("{:?}", snapshot.next),
        false => "part of it".to_owned(),
    };
    format!(
        "{} after {:?}, step {}, {:?} {:?}, next {next}: {values}",
        snapshot.id, snapshot.parent, snapshot.step, snapshot.source, snapshot.ran
    )
}

/// The thread's checkpoints, oldest first, of which each follows the one before.
async fn history(graph: &Graph<Work, Tools>) -> Vec<Snapshot<Work>> {
    let history = graph.thread(THREAD).history().await;
    let mut history = history.expect("the history can be read");
    history.reverse();
    let mut before = None;
    for snapshot in &history {
        assert_eq!(snapshot.parent, before, "the history is one line");
        assert_ne!(snapshot.source, Source::Fork, "nobody asked for one");
        before = Some(snapshot.id);
    }
    history
}

/// The history of work that nobody disturbs.
pub(crate) struct Expected {
    checkpoints: Vec<String>,
    /// How many lines its ledger has.
    pub(crate) n_events: usize,
}

impl Expected {
    pub(crate) async fn of(work: Workload) -> Self {
        let folder = tempdir().expect("a folder");
        let place = Place::new(folder.path(), work);
        let graph = place.graph_on(MemoryCheckpointer::new());
        let mut driver = Driver {
            graph: graph.clone(),
            work,
            tools: place.tools(),
            on_busy: OnBusy::Reject,
            chance: Chance::of("undisturbed"),
        };
        driver.drive().await.expect("nobody disturbs it");
        Self {
            checkpoints: history(&graph).await.iter().map(told).collect(),
            n_events: events(&place.ledger()).len(),
        }
    }

    /// The thread has come some of the way that it would have come undisturbed,
    /// or all of it.
    pub(crate) async fn check(&self, graph: &Graph<Work, Tools>, is_done: bool) {
        let history = history(graph).await;
        for (number, snapshot) in history.iter().enumerate() {
            // The last shows more than was committed if tasks have finished.
            if snapshot.finished.is_empty() {
                assert_eq!(Some(&told(snapshot)), self.checkpoints.get(number));
            }
        }
        if is_done {
            assert_eq!(history.len(), self.checkpoints.len(), "all of it is there");
            let last = history.last().expect("there is a checkpoint");
            assert!(last.finished.is_empty(), "it is done");
        }
    }
}

/// What was counted, to be told.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    /// Bodies that came to their end.
    pub(crate) ends: usize,
    /// Of these, ended before, when their result was not there yet.
    pub(crate) again: usize,
    /// Results that outlived a process before their superstep ended.
    pub(crate) finished: usize,
    /// Effects of which the result did.
    pub(crate) kept: usize,
}

/// A ledger, read from its begin to its end.
struct Reading {
    work: Workload,
    seen: Seen,
    last_effect: BTreeMap<String, String>,
    started: BTreeSet<String>,
    ended: BTreeSet<String>,
    got: BTreeSet<String>,
    answered: BTreeSet<String>,
    counts: Counts,
}

/// Reads the ledger of a thread that is done.
pub(crate) fn check_ledger(place: &Place) -> Counts {
    let mut reading = Reading {
        work: place.work,
        seen: Seen::default(),
        last_effect: BTreeMap::new(),
        started: BTreeSet::new(),
        ended: BTreeSet::new(),
        got: BTreeSet::new(),
        answered: BTreeSet::new(),
        counts: Counts::default(),
    };
    for event in events(&place.ledger()) {
        reading.take(event);
    }
    for label in &reading.seen.recorded {
        let acted = place.work.edits && label.starts_with("work@");
        assert!(
            acted || reading.ended.contains(label),
            "{label} is there, and never ended"
        );
    }
    for effect in reading.last_effect.keys() {
        assert!(reading.got.contains(effect), "{effect} came to nothing");
    }
    reading.counts
}

impl Reading {
    fn take(&mut self, event: Event) {
        match event {
            Event::Start(label) => {
                assert!(
                    !self.seen.recorded.contains(&label),
                    "{label} ran again, and its result was there"
                );
                self.started.insert(label);
            }
            Event::End(label) => {
                self.counts.ends += 1;
                if !self.ended.insert(label) {
                    self.counts.again += 1;
                }
            }
            Event::Effect(key, receipt) => {
                assert!(
                    !self.seen.kept.contains(&key),
                    "{key} happened again, and what it came to was there"
                );
                self.last_effect.insert(key, receipt);
            }
            Event::Got(key, receipt) => {
                assert_eq!(
                    Some(&receipt),
                    self.last_effect.get(&key),
                    "what {key} came to is what it came to last"
                );
                self.got.insert(key);
            }
            Event::Answered(key) => {
                self.answered.insert(key);
            }
            Event::Seen(None) => {
                assert_eq!(self.seen, Seen::default(), "the thread was there before");
                self.take_seen(Seen::default());
            }
            Event::Seen(Some(seen)) => self.take_seen(seen),
            Event::Done(_) | Event::Lost(..) => panic!("this is no race"),
        }
    }

    /// A process has died, and another has looked.
    fn take_seen(&mut self, seen: Seen) {
        let lost: Vec<_> = self.seen.recorded.difference(&seen.recorded).collect();
        assert!(lost.is_empty(), "{lost:?} were there before");
        assert!(self.seen.n_inputs <= seen.n_inputs, "an input is gone");
        for key in self.seen.kept.difference(&seen.kept) {
            let is_over = seen.recorded.contains(body_of(key));
            assert!(is_over, "{key} was there before");
        }
        assert!(
            seen.finished.is_subset(&seen.recorded),
            "what has finished shows"
        );
        let again: Vec<_> = self.answered.intersection(&seen.open).collect();
        assert!(again.is_empty(), "the answers to {again:?} were lost");
        if self.work.durability == Durability::Sync {
            self.check_sync(&seen);
        }
        if self.work.durability != Durability::Exit {
            self.check_effects(&seen);
        }
        self.counts.finished += seen.finished.difference(&self.seen.finished).count();
        self.counts.kept += seen.kept.difference(&self.seen.kept).count();
        self.seen = seen;
    }

    /// What a body got from an effect was written before.
    fn check_effects(&self, seen: &Seen) {
        for key in &self.got {
            let is_there = seen.kept.contains(key) || seen.recorded.contains(body_of(key));
            assert!(is_there, "what {key} came to was lost");
        }
    }

    /// A superstep is there before the next begins, and an input before the
    /// first.
    fn check_sync(&self, seen: &Seen) {
        let Some(newest) = self.started.iter().map(|label| moment(label)).max() else {
            return;
        };
        assert!(newest.0 <= seen.n_inputs as u64, "an input was lost");
        for label in &self.started {
            assert!(
                moment(label) == newest || seen.recorded.contains(label),
                "{label} was lost, and what follows it had begun"
            );
        }
    }
}

/// The label in an effect's key.
fn body_of(key: &str) -> &str {
    key.rsplit_once('/').map_or("", |(label, _)| label)
}

/// The superstep in which a body runs: the run, the round, and where in it.
fn moment(label: &str) -> (u64, u64, u64) {
    let (task, place) = label.split_once('@').expect("a label has a place");
    let (run, round) = place.split_once('.').expect("a place has a round");
    let number = |text: &str| text.parse::<u64>().expect("it is a number");
    let (within, round) = match task {
        "tick" => (0, number(round) + 1),
        "then" => (2, number(round)),
        "work" => (3, number(round)),
        _ => (1, number(round)),
    };
    (number(run), round, within)
}
