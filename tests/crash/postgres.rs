//! The same in Postgres, which outlives the processes that are killed: a server
//! may still be at work for one of them when the next begins.

use std::cell::{Cell, RefCell};
use std::path::Path;

use crate::chance::number;
use crate::check::Counts;
use crate::drive::Place;
use crate::kill::check_on;
use crate::race;
use crate::server::{runtime, server};
use crate::store::{Store, check_watched, schema_of, watch};
use crate::work::{self, Workload};

/// How often all tests together kill.
const KILLS: u64 = 275;

/// How many of them there are.
const N_TESTS: u64 = 11;

fn check(work: Workload, came: fn(Counts) -> bool) {
    let Some(server) = server() else { return };
    let url = server.url();
    let wanted = number("SUPERSTEP_KILLS", KILLS).div_ceil(N_TESTS);
    let (is_watched, watched) = (Cell::new(true), RefCell::new(Vec::new()));
    let place = |folder: &Path| {
        // Every other schema is made by those who are killed.
        if is_watched.replace(!is_watched.get()) {
            runtime().block_on(watch(&url, folder));
            watched.borrow_mut().push(schema_of(folder));
        }
        Place::on(Store::Schema(url.clone()), folder, work)
    };
    check_on(work, wanted, came, place);
    for schema in watched.take() {
        runtime().block_on(check_watched(&url, &schema));
    }
}

#[test]
fn a_loop_loses_no_superstep() {
    check(work::LOOP, Counts::any);
}

#[test]
fn branches_that_have_finished_do_not_run_again() {
    check(work::FAN_OUT, Counts::results);
}

#[test]
fn sends_that_have_finished_do_not_run_again() {
    check(work::SENDS, Counts::results);
}

#[test]
fn effects_that_are_kept_do_not_happen_again() {
    check(work::EFFECTS, Counts::effects);
}

#[test]
fn questions_and_answers_are_kept() {
    check(work::QUESTIONS, Counts::results);
}

#[test]
fn what_is_written_late_is_whole() {
    check(work::ASYNC, Counts::any);
}

#[test]
fn attempts_begin_anew_and_come_to_the_same() {
    check(work::POLICIES, Counts::both);
}

#[test]
fn who_had_won_a_race_has_won() {
    check(work::RACES, Counts::results);
}

#[test]
fn who_had_won_a_race_inside_a_graph_has_won() {
    check(work::RACES_INSIDE, Counts::results);
}

#[test]
fn failures_that_joins_wait_for_stay_what_they_were() {
    check(work::RULES, Counts::results);
}

#[test]
fn what_has_finished_inside_graphs_does_not_run_again() {
    check(work::NESTED, Counts::both);
}

#[tokio::test]
async fn who_wins_is_there_once_and_who_loses_is_told() {
    if let Some(server) = server() {
        race::check(&Store::Schema(server.url())).await;
    }
}
