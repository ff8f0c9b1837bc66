//! What must hold of a thread and of the ledger of those who worked at it.

use std::collections::{BTreeMap, BTreeSet};

use superstep::{Durability, Graph, MemoryCheckpointer, OnBusy, Snapshot, Source};
use tempfile::tempdir;

use crate::chance::Chance;
use crate::drive::{Driver, Place, THREAD};
use crate::joined::Joins;
use crate::label::{Label, Parts};
use crate::ledger::{Came, Event, Seen, events};
use crate::races::{race_of, without_chance};
use crate::work::{Middle, Tools, Work, Workload};

/// A checkpoint but for its time, and what is a matter of chance, as text.
fn told(snapshot: &Snapshot<Work>) -> String {
    let values = without_chance(&snapshot.values);
    let values = serde_json::to_string(&values).expect("a state is JSON");
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
        let history = history(&graph).await;
        let log = history.last().map(|last| last.values.log.clone());
        let log = log.unwrap_or_default();
        let bodies: BTreeSet<&Label> = log.iter().collect();
        assert_eq!(log.len(), bodies.len(), "each body is there once");
        Self {
            checkpoints: history.iter().map(told).collect(),
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

/// What must have come of some kill.
impl Counts {
    pub(crate) fn any(self) -> bool {
        true
    }

    pub(crate) fn results(self) -> bool {
        self.finished > 0
    }

    pub(crate) fn effects(self) -> bool {
        self.kept > 0
    }

    pub(crate) fn both(self) -> bool {
        self.results() && self.effects()
    }
}

/// A ledger, read from its begin to its end.
struct Reading {
    work: Workload,
    /// Whether the store may do what a process asked for after that has died.
    is_late: bool,
    seen: Seen,
    last_effect: BTreeMap<String, String>,
    started: BTreeSet<Label>,
    ended: BTreeSet<Label>,
    got: BTreeSet<String>,
    answered: BTreeSet<String>,
    joins: Joins,
    now: Life,
    counts: Counts,
}

/// What the process at work has done.
#[derive(Debug, Default)]
struct Life {
    /// The attempts that have begun of those that count them.
    attempts: BTreeMap<Label, u32>,
    ended: BTreeSet<Label>,
}

/// Reads the ledger of a thread that is done.
pub(crate) fn check_ledger(place: &Place) -> Counts {
    let mut reading = Reading {
        work: place.work,
        is_late: place.store.most_late_claims() > 0,
        seen: Seen::default(),
        last_effect: BTreeMap::new(),
        started: BTreeSet::new(),
        ended: BTreeSet::new(),
        got: BTreeSet::new(),
        answered: BTreeSet::new(),
        joins: Joins::default(),
        now: Life::default(),
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
                self.check_begins(&label);
                self.started.insert(label);
            }
            Event::Attempt(label, attempt) => self.take_attempt(&label, attempt),
            Event::Fallback(label, n_attempts) => {
                self.check_begins(&label);
                let begun = self.now.attempts.get(&label);
                assert_eq!(begun, Some(&n_attempts), "attempts of {label}");
            }
            Event::End(label) => {
                self.counts.ends += 1;
                self.now.ended.insert(label.clone());
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
            Event::Told(label, told) => self.joins.tell(&label, &told),
            Event::Short => {
                self.seen.results.retain(|_, came| came.is_done());
                self.joins.fall_short();
                self.now.attempts.clear();
            }
            Event::Broken => self.now = Life::default(),
            Event::Seen(None) => {
                assert_eq!(self.seen, Seen::default(), "the thread was there before");
                self.take_seen(Seen::default());
            }
            Event::Seen(Some(seen)) => self.take_seen(seen),
            Event::Done(_) | Event::Lost(..) => panic!("this is no race"),
        }
    }

    /// What begins has not come to an end before.
    fn check_begins(&self, label: &Label) {
        assert!(
            !self.seen.recorded.contains(label) && !self.seen.results.contains_key(label),
            "{label} ran again, and its result was there"
        );
        assert!(
            !self.now.ended.contains(label),
            "{label} ran again, and had ended in the same process"
        );
        Joins::start(label, &self.seen.results);
    }

    /// Each process begins with the first attempt, and goes on with the next. A
    /// graph that is tried again lets what had not ended in it begin anew.
    fn take_attempt(&mut self, label: &Label, attempt: u32) {
        let before = self.now.attempts.insert(label.clone(), attempt);
        let begins_anew = attempt == 1 && Parts::of(label).is_inside();
        assert!(
            begins_anew || attempt == before.unwrap_or(0) + 1,
            "attempt {attempt} of {label} follows {before:?}"
        );
    }

    /// A process has died, and another has looked.
    fn take_seen(&mut self, mut seen: Seen) {
        if self.is_late && self.takes_back() {
            // What is to run again may be taken back after the look.
            seen.results.retain(|_, came| came.is_done());
        }
        let lost: Vec<_> = self.seen.recorded.difference(&seen.recorded).collect();
        assert!(lost.is_empty(), "{lost:?} were there before");
        assert!(self.seen.n_inputs <= seen.n_inputs, "an input is gone");
        for key in self.seen.kept.difference(&seen.kept) {
            let is_over = seen.recorded.contains(body_of(key));
            assert!(is_over, "{key} was there before");
        }
        for label in &seen.finished {
            let is_body = self.started.contains(label);
            let succeeded = seen.results.get(label).is_some_and(Came::is_done);
            assert!(
                !(is_body && succeeded) || seen.recorded.contains(label),
                "{label} has finished, and does not show"
            );
        }
        let again: Vec<_> = self.answered.intersection(&seen.open).collect();
        assert!(again.is_empty(), "the answers to {again:?} were lost");
        if self.work.durability == Durability::Sync {
            self.check_sync(&seen);
        }
        if self.work.durability != Durability::Exit {
            self.check_effects(&seen);
        }
        self.check_results(&seen);
        self.check_inside(&seen);
        self.joins.see(&seen);
        let before = &self.seen.results;
        let outlived = |label: &&Label| !before.contains_key(*label);
        self.counts.finished += seen.results.keys().filter(outlived).count();
        self.counts.kept += seen.kept.difference(&self.seen.kept).count();
        self.now = Life::default();
        self.seen = seen;
    }

    /// Whether what has not succeeded may be to run again.
    fn takes_back(&self) -> bool {
        self.work.middle == Middle::Rules
    }

    /// A result stays as it is until its superstep is over, and is then part of
    /// the state.
    fn check_results(&self, seen: &Seen) {
        for (label, came) in &self.seen.results {
            if self.seen.head != seen.head {
                let is_body = self.started.contains(label) && came.is_done();
                assert!(
                    !is_body || seen.recorded.contains(label),
                    "{label} had finished, and is gone"
                );
            } else if came.is_done() || !self.takes_back() {
                let now = seen.results.get(label);
                assert_eq!(now, Some(came), "what {label} had come to");
            }
        }
    }

    /// Where something of a superstep inside is there, all of those before it is.
    fn check_inside(&self, seen: &Seen) {
        let mut furthest: BTreeMap<String, u64> = BTreeMap::new();
        for label in seen.results.keys() {
            if let Some((graph, superstep)) = Parts::of(label).inside() {
                let furthest = furthest.entry(graph).or_default();
                *furthest = superstep.max(*furthest);
            }
        }
        for label in &self.started {
            let Some((graph, superstep)) = Parts::of(label).inside() else {
                continue;
            };
            let is_over = furthest.get(&graph).is_some_and(|&at| superstep < at);
            assert!(
                !is_over || seen.results.contains_key(label),
                "{label} was lost, and what follows it is there"
            );
        }
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
        let moment = |label: &Label| Parts::of(label).moment();
        let Some(newest) = self.started.iter().map(moment).max() else {
            return;
        };
        assert!(newest.0 <= seen.n_inputs as u64, "an input was lost");
        for label in &self.started {
            assert!(
                moment(label) == newest || seen.recorded.contains(label) || may_not_count(label),
                "{label} was lost, and what follows it had begun"
            );
        }
    }
}

/// Whether a body can come to something that is not part of the state.
fn may_not_count(label: &str) -> bool {
    let parts = Parts::of(label);
    let fails = ["bad", "late", "prompt", "stumble"].contains(&parts.node);
    race_of(&parts).is_some() || (fails && !parts.is_inside())
}

/// The label in an effect's key.
fn body_of(key: &str) -> &str {
    key.rsplit_once('/').map_or("", |(label, _)| label)
}
