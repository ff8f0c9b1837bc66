//! What must hold of joins: who had come when a process died has come, and who
//! was not waited for any more does not run again.

use std::collections::{BTreeMap, BTreeSet};

use crate::label::{Label, Parts};
use crate::ledger::{Came, Seen};
use crate::races::race_of;

/// What has become known of sources and targets.
#[derive(Debug, Default)]
pub(crate) struct Joins {
    /// What targets were told.
    told: BTreeMap<Label, String>,
    /// What tasks came to, as they are known, and at which checkpoint.
    came: BTreeMap<String, (u64, Came)>,
}

/// Each source that came, and what it came to.
fn sources(told: &str) -> impl Iterator<Item = (&str, &str)> {
    let sources = told.split(", ");
    sources.map(|source| source.split_once(' ').expect("a source came to something"))
}

/// How many of a race have won, of those that have left results.
fn n_winners(results: &BTreeMap<Label, Came>, racer: &Parts<'_>) -> usize {
    let is_beside = |label: &Label| {
        let other = Parts::of(label);
        let race = |parts: &Parts<'_>| race_of(parts).map(|(race, _)| race);
        (other.around == racer.around && other.place == racer.place) && race(&other) == race(racer)
    };
    let results = results.iter();
    results
        .filter(|(label, came)| came.is_done() && is_beside(label))
        .count()
}

impl Joins {
    /// A body begins: it has not lost.
    pub(crate) fn start(label: &str, results: &BTreeMap<Label, Came>) {
        let parts = Parts::of(label);
        if let Some((_, n_wins)) = race_of(&parts) {
            let is_open = n_winners(results, &parts) < n_wins;
            assert!(is_open, "{label} ran, and others had won");
        }
    }

    /// A target begins.
    pub(crate) fn tell(&mut self, target: &str, told: &str) {
        let parts = Parts::of(target);
        let mut n_done = 0;
        for (task, how) in sources(told) {
            n_done += usize::from(how == "done");
            if let Some((_, came)) = self.came.get(&parts.beside(task)) {
                assert_eq!(came.how, how, "{task}, as {target} was told");
            }
        }
        let wanted = match parts.node {
            "pick" => 1,
            "count" => 3,
            "decide" => 2,
            _ => n_done,
        };
        assert_eq!(n_done, wanted, "{target} was told {told}");
        let is_inside = parts.is_inside();
        let before = self.told.insert(target.to_owned(), told.to_owned());
        // Inside a graph it may begin while what it was told is on its way.
        if let Some(before) = before.filter(|_| !is_inside) {
            assert_eq!(before, told, "it is told the same again");
        }
    }

    /// What has not succeeded is to run again.
    pub(crate) fn fall_short(&mut self) {
        self.came.retain(|_, (_, came)| came.is_done());
    }

    /// Another process has looked.
    pub(crate) fn see(&mut self, seen: &Seen) {
        let recorded: BTreeSet<String> = seen
            .recorded
            .iter()
            .map(|label| Parts::of(label).known_as())
            .collect();
        for (target, told) in &seen.told {
            assert_eq!(self.told.get(target), Some(told), "{target} was told");
            for (task, how) in sources(told) {
                let is_there = recorded.contains(&Parts::of(target).beside(task));
                assert_eq!(how == "done", is_there, "{task}, as {target} was told");
            }
        }
        // A process that died may have taken it back.
        let is_kept = |head: u64, came: &Came| came.is_done() || head != seen.head;
        self.came.retain(|_, (head, came)| is_kept(*head, came));
        let mut places = BTreeSet::new();
        for (label, came) in &seen.results {
            let parts = Parts::of(label);
            if let Some((race, n_wins)) = race_of(&parts) {
                let n_won = n_winners(&seen.results, &parts);
                assert!(n_won <= n_wins, "{n_won} have won {race}");
            }
            // A time is over between two of them.
            if let Some(place) = came.place.filter(|_| came.how != "timed out") {
                let is_free =
                    places.insert((parts.around.clone(), parts.supersteps.clone(), place));
                assert!(is_free, "{label} and another came at the same time");
            }
            self.came
                .insert(parts.known_as(), (seen.head, came.clone()));
        }
    }
}
