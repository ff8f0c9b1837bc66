//! Processes that are killed at moments of chance, and begun anew until their
//! work is done.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::chance::{Chance, number, seed};
use crate::check::{Counts, Expected, check_ledger};
use crate::drive::Place;
use crate::ledger::events;
use crate::work::{self, ALL, Workload};

/// How often all tests together kill.
const KILLS: u64 = 450;

/// So many times as often it kills at the most, until that came which it is about:
/// on a machine that is busy with other things few kills may.
pub(crate) const MOST_MORE: u64 = 20;

/// After so many, a thread is left to come to its end.
const MOST_KILLS_OF_A_THREAD: usize = 60;

/// What no life takes.
const TOO_LONG: Duration = Duration::from_secs(60);

/// When a process is killed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Doom {
    Never,
    /// So long after its birth.
    After(Duration),
    /// When the ledger has so many lines more, and so long after that.
    AtLine(usize, Duration),
}

impl Doom {
    pub(crate) fn by(chance: &mut Chance, n_events: usize) -> Self {
        let moment = Duration::from_micros(chance.next() % 2500);
        match chance.below(4) {
            0 => Self::After(Duration::from_micros(chance.next() % 80_000)),
            _ => Self::AtLine(1 + chance.below(n_events / 3 + 1), moment),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "who kills a process waits by the clock, outside of any runtime"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Waits until it is to be killed, and kills it; false if it ended before.
pub(crate) fn lives(mut child: Child, doom: Doom, place: &Place, luck: u64) -> bool {
    let birth = Instant::now();
    let n_before = events(&place.ledger()).len();
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            let said = fs::read_to_string(place.folder.join("said")).unwrap_or_default();
            assert!(status.success(), "{}: {said}", place.work.name);
            return false;
        }
        let is_time = match doom {
            Doom::Never => false,
            Doom::After(time) => birth.elapsed() >= time,
            Doom::AtLine(line, time) => {
                let is_there = events(&place.ledger()).len() >= n_before + line;
                if is_there {
                    pause(time);
                }
                is_there
            }
        };
        if is_time {
            return place.store.kill(child, &place.folder, luck);
        }
        assert!(birth.elapsed() < TOO_LONG, "{} is stuck", place.work.name);
        pause(Duration::from_micros(300));
    }
}

pub(crate) fn born(mut command: Command, place: &Place) -> Child {
    let said = fs::File::create(place.folder.join("said")).expect("a file");
    let same = said.try_clone().expect("a file");
    command.stdout(said).stderr(same).stdin(Stdio::null());
    command.spawn().expect("it starts")
}

/// Lets processes work at a thread, and kills one after the other, until it is
/// done; returns how many.
fn torment(place: &Place, expected: &Expected, chance: &mut Chance) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut n_kills = 0;
    loop {
        let doom = match n_kills < MOST_KILLS_OF_A_THREAD {
            true => Doom::by(chance, expected.n_events),
            false => Doom::Never,
        };
        let luck = chance.next();
        let child = born(place.child(luck), place);
        let was_killed = lives(child, doom, place, luck);
        n_kills += usize::from(was_killed);
        // Now and then somebody else opens the file, and closes it in order.
        if !was_killed || chance.one_in(4) {
            runtime.block_on(async {
                expected.check(&place.graph().await, !was_killed).await;
            });
        }
        if !was_killed {
            // It sees that there is nothing left to do.
            let last = born(place.child(0), place);
            assert!(!lives(last, Doom::Never, place, 0));
            return n_kills;
        }
    }
}

fn check(work: Workload, came: fn(Counts) -> bool) {
    check_on(work, wanted(), came, |folder| Place::new(folder, work));
}

/// How often one test kills.
pub(crate) fn wanted() -> u64 {
    number("SUPERSTEP_KILLS", KILLS).div_ceil(ALL.len() as u64)
}

/// Kills so many processes at places like that, each in a folder of its own, and
/// more if that has not come yet which must come of some kill.
#[expect(clippy::print_stderr, reason = "counts are for people")]
pub(crate) fn check_on(
    work: Workload,
    wanted: u64,
    came: fn(Counts) -> bool,
    place: impl Fn(&Path) -> Place,
) {
    let began = Instant::now();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let expected = runtime.block_on(Expected::of(work));
    let mut chance = Chance::of(work.name);
    let (mut n_kills, mut n_threads) = (0, 0);
    let mut sum = Counts::default();
    while n_kills < wanted || (n_kills < MOST_MORE * wanted && !came(sum)) {
        let folder = tempdir().expect("a folder");
        let place = place(folder.path());
        n_kills += torment(&place, &expected, &mut chance) as u64;
        n_threads += 1;
        let counts = check_ledger(&place);
        sum.ends += counts.ends;
        sum.again += counts.again;
        sum.finished += counts.finished;
        sum.kept += counts.kept;
    }
    eprintln!(
        "{}, seed {}: {n_kills} kills of {n_threads} threads in {:.0?}; of {} bodies that ended {} \
         had to again, {} results and {} effects outlived their process",
        work.name,
        seed(),
        began.elapsed(),
        sum.ends,
        sum.again,
        sum.finished,
        sum.kept
    );
    assert!(came(sum), "{sum:?}");
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
fn failures_take_nothing_with_them() {
    check(work::FAILURES, Counts::results);
}

#[test]
fn writes_from_outside_are_kept() {
    check(work::EDITS, Counts::any);
}

#[test]
fn inputs_are_taken_once() {
    check(work::INPUTS, Counts::any);
}

#[test]
fn what_is_written_late_is_whole() {
    check(work::ASYNC, Counts::any);
}

#[test]
fn what_is_written_at_the_end_is_whole() {
    check(work::EXIT, Counts::any);
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
