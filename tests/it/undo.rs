//! An update and its undo leave the state as it was, and at little cost.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use superstep::Update;
use superstep::prelude::*;

use crate::common::cases;

/// A field for each stock reducer, and for each type that `Append` takes.
#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Stock {
    replace: u8,
    #[reduce(Last)]
    last: String,
    #[reduce(Append)]
    list: Vec<u8>,
    #[reduce(Append)]
    queue: VecDeque<u8>,
    #[reduce(Append)]
    text: String,
    #[reduce(Sum)]
    sum: u64,
    #[reduce(Max)]
    max: i32,
    #[reduce(Min)]
    min: i32,
    #[reduce(Merge)]
    map: BTreeMap<u8, u8>,
    #[reduce(Merge)]
    set: BTreeSet<u8>,
    #[reduce(Any)]
    any: bool,
    #[reduce(All)]
    all: bool,
}

/// Writes one field, by its reducer or past it.
fn write(update: StockUpdate, field: usize, past: bool, value: u8, more: &[u8]) -> StockUpdate {
    let (number, yes) = (i32::from(value), value.is_multiple_of(2));
    let text: String = more.iter().copied().map(char::from).collect();
    match (field, past) {
        (0, false) => update.replace(value),
        (0, true) => update.overwrite_replace(value),
        (1, false) => update.last(text),
        (1, true) => update.overwrite_last(text),
        (2, false) => update.list(more.to_vec()),
        (2, true) => update.overwrite_list(more.to_vec()),
        (3, false) => update.queue(more.to_vec()),
        (3, true) => update.overwrite_queue(VecDeque::from(more.to_vec())),
        (4, false) => update.text(text),
        (4, true) => update.overwrite_text(text),
        (5, false) => update.sum(u64::from(value)),
        (5, true) => update.overwrite_sum(u64::from(value)),
        (6, false) => update.max(number),
        (6, true) => update.overwrite_max(number),
        (7, false) => update.min(number),
        (7, true) => update.overwrite_min(number),
        (8, false) => update.map([(value, value)]),
        (8, true) => update.overwrite_map([(value, value)]),
        (9, false) => update.set([value]),
        (9, true) => update.overwrite_set([value]),
        (10, false) => update.any(yes),
        (10, true) => update.overwrite_any(yes),
        (11, false) => update.all(yes),
        _ => update.overwrite_all(yes),
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn an_update_and_its_undo_change_nothing(
        filled in vec((any::<u8>(), vec(any::<u8>(), 1..4)), 12),
        writes in vec((0_usize..12, prop::bool::weighted(0.2), any::<u8>(), vec(any::<u8>(), 0..4)), 1..30),
        later in (any::<u8>(), vec(any::<u8>(), 0..4)),
    ) {
        let (mut before, mut at) = (Stock::default(), 0);
        for (field, (value, more)) in filled.iter().enumerate() {
            let mut update = write(Stock::update(), field, true, *value, more);
            Update::apply(&mut update, &mut before, &mut at);
        }
        let mut update = Stock::update();
        for (field, past, value, more) in &writes {
            update = write(update, *field, *past, *value, more);
        }
        let undo = Update::undo(&update, &before);
        let mut after = before.clone();
        Update::apply(&mut update.clone(), &mut after, &mut at);
        Update::apply(&mut undo.clone(), &mut after, &mut at);
        prop_assert_eq!(&after, &before);
        // What is written after the undo adds to what was there before.
        for field in 0..12 {
            let (value, more) = &later;
            let undone = write(undo.clone(), field, false, *value, more);
            let mut after = before.clone();
            Update::apply(&mut update.clone(), &mut after, &mut at);
            Update::apply(&mut undone.clone(), &mut after, &mut at);
            let mut expected = before.clone();
            let mut only = write(Stock::update(), field, false, *value, more);
            Update::apply(&mut only, &mut expected, &mut at);
            let written = writes.iter().any(|(written, ..)| *written == field);
            prop_assert!(!written || after == expected);
        }
    }
}

/// Counts how often it is cloned.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Line(u32);

thread_local! {
    static CLONES: Cell<usize> = const { Cell::new(0) };
}

impl Clone for Line {
    fn clone(&self) -> Self {
        CLONES.set(CLONES.get() + 1);
        Self(self.0)
    }
}

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Lines {
    #[reduce(Append)]
    lines: Vec<Line>,
}

#[test]
fn to_undo_an_append_the_log_is_not_cloned() {
    let mut log = Lines {
        lines: (0..100).map(Line).collect(),
    };
    let mut update = Lines::update().lines(Line(100)).lines(Line(101));
    let mut undo = Update::undo(&update, &log);
    Update::apply(&mut update, &mut log, &mut 0);
    Update::apply(&mut undo, &mut log, &mut 0);
    assert_eq!((log.lines.len(), CLONES.get()), (100, 0));
    let update = Lines::update().overwrite_lines(Vec::new());
    drop(Update::undo(&update, &log));
    assert_eq!(CLONES.get(), 100);
}

#[test]
fn what_undoes_an_append_cannot_be_written_out() {
    let update = Lines::update().lines(Line(1));
    let undo = Update::undo(&update, &Lines::default());
    let error = serde_json::to_string(&undo).unwrap_err().to_string();
    assert_eq!(
        error,
        "what undoes a write of `lines` cannot be written out"
    );
}
