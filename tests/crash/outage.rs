//! A server that dies while a run is at work, and comes back: the run ends with
//! an error that says so, and what follows finishes it, through the same pool.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use superstep::{CheckpointError, OnBusy, RunError};
use tempfile::tempdir;

use crate::chance::{Chance, number, seed};
use crate::check::{Expected, check_ledger};
use crate::drive::{Driver, Place, chain, look};
use crate::kill::{MOST_MORE, pause};
use crate::ledger::Event;
use crate::server::Mortal;
use crate::store::{Store, watch};
use crate::work::{
    ASYNC, EFFECTS, FAN_OUT, INPUTS, LOOP, NESTED, QUESTIONS, RACES, SENDS, Workload,
};

/// How often the server dies.
const OUTAGES: u64 = 30;

const WORKS: [Workload; 9] = [
    LOOP, FAN_OUT, SENDS, EFFECTS, QUESTIONS, INPUTS, ASYNC, RACES, NESTED,
];

/// What no outage takes.
const TOO_LONG: Duration = Duration::from_secs(60);

/// Kills the server, now and then, and brings it back, until that is set;
/// returns how often.
fn haunt(server: &mut Mortal, chance: &mut Chance, is_over: &AtomicBool) -> u64 {
    let mut n_outages = 0;
    loop {
        pause(Duration::from_micros(chance.next() % 150_000));
        if is_over.load(Ordering::Relaxed) {
            return n_outages;
        }
        server.order(if chance.one_in(3) { "stop" } else { "kill" });
        pause(Duration::from_micros(chance.next() % 30_000));
        server.order("start");
        n_outages += 1;
    }
}

/// It says which server failed, and is no other's fault.
fn check_error(error: &RunError, server: &str) {
    let text = chain(error);
    assert!(
        matches!(
            error,
            RunError::Checkpoint {
                source: CheckpointError::Store { .. },
                ..
            }
        ),
        "{text}"
    );
    let failed = format!("Postgres at `{server}` failed");
    let not_reached = format!("Postgres at `{server}` cannot be reached");
    assert!(
        text.contains(&failed) || text.contains(&not_reached),
        "{text}"
    );
}

/// Notes what is there, as soon as the server can tell.
async fn note_seen(driver: &Driver, place: &Place) {
    let began = Instant::now();
    let seen = loop {
        match look(&driver.graph, place).await {
            Ok(seen) => break seen,
            Err(error) => assert!(began.elapsed() < TOO_LONG, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    driver.tools.ledger.note(&Event::Seen(seen));
}

/// Works until all is done, through one pool; returns how often an error said
/// that the server was gone.
async fn persist(driver: &mut Driver, place: &Place, server: &str) -> usize {
    let began = Instant::now();
    let mut n_errors = 0;
    note_seen(driver, place).await;
    while let Err(error) = driver.drive().await {
        check_error(&error, server);
        n_errors += 1;
        driver.tools.ledger.note(&Event::Broken);
        // The others find no server.
        if driver.chance.one_in(2) {
            note_seen(driver, place).await;
        }
        driver.on_busy = match driver.chance.one_in(2) {
            true => OnBusy::Wait,
            false => OnBusy::Interrupt,
        };
        assert!(began.elapsed() < TOO_LONG, "{} is stuck", place.work.name);
    }
    note_seen(driver, place).await;
    n_errors
}

#[expect(clippy::print_stderr, reason = "counts are for people")]
#[test]
fn a_run_ends_with_an_error_that_says_so_and_goes_on_when_the_server_is_back() {
    let Some(mut server) = Mortal::born() else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let began = Instant::now();
    let mut chance = Chance::of("outage");
    let (mut n_outages, mut n_errors, mut n_threads) = (0, 0, 0);
    let wanted = number("SUPERSTEP_OUTAGES", OUTAGES);
    let expected = WORKS.map(|work| runtime.block_on(Expected::of(work)));
    for work in WORKS.into_iter().cycle() {
        let folder = tempdir().expect("a folder");
        let (url, at) = (server.url(), server.place());
        runtime.block_on(watch(&url, folder.path()));
        let place = Place::on(Store::Schema(url), folder.path(), work);
        let expected = &expected[n_threads % WORKS.len()];
        let graph = runtime.block_on(place.graph());
        let mut driver = Driver {
            graph: graph.clone(),
            work,
            tools: place.tools(),
            on_busy: OnBusy::Wait,
            chance: Chance::of(work.name),
        };
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let haunted = scope.spawn(|| haunt(&mut server, &mut chance, &is_over));
            n_errors += runtime.block_on(persist(&mut driver, &place, &at));
            is_over.store(true, Ordering::Relaxed);
            n_outages += haunted.join().expect("it comes back");
        });
        runtime.block_on(expected.check(&graph, true));
        check_ledger(&place);
        n_threads += 1;
        let is_enough = n_outages >= wanted && n_threads >= WORKS.len();
        // On a machine that is busy with other things few outages may be in the way.
        if is_enough && (n_errors > 0 || n_outages >= MOST_MORE * wanted) {
            break;
        }
    }
    eprintln!(
        "outages, seed {}: {n_outages} of {n_threads} threads in {:.0?}, {n_errors} errors",
        seed(),
        began.elapsed()
    );
    assert!(n_errors > 0, "a run was at work");
}
