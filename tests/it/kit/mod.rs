//! The kit finds nothing wrong with the checkpointer in memory, and something
//! with each that has a fault.

mod fault;
mod faulty;

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::thread;

use superstep::MemoryCheckpointer;
use superstep::testing::{checkpointer_kit, kit};

use fault::{FAULTS, Fault};
use faulty::Faulty;

checkpointer_kit!(memory, async { MemoryCheckpointer::new() });

const N_SHARES: usize = 5;

/// Says what the case finds wrong with one that has the fault. What panics
/// fails too, in whichever way.
fn judged(fault: Fault, case: &kit::Case<Faulty>) -> Result<(), String> {
    let judged = catch_unwind(|| kit::judge(async { Faulty::new(fault) }, case.1));
    judged.unwrap_or_else(|_| Err("it panics".to_owned()))
}

#[test]
fn every_fault_is_found_by_the_case_that_is_about_it() {
    let missed = |share: usize| {
        let cases = kit::cases::<Faulty>();
        let missed = FAULTS.iter().skip(share).step_by(N_SHARES);
        let missed = missed.filter(|(fault, name)| {
            let case = cases.iter().find(|case| case.0 == *name);
            judged(*fault, case.expect("there is such a case")).is_ok()
        });
        missed.collect::<Vec<_>>()
    };
    // Some wait for leases that never end: not one after the other.
    let missed = thread::scope(|scope| {
        let shares = (0..N_SHARES).map(|share| scope.spawn(move || missed(share)));
        let shares: Vec<_> = shares.collect();
        let missed = shares
            .into_iter()
            .map(|share| share.join().expect("no panic"));
        missed.flatten().collect::<Vec<_>>()
    });
    assert!(missed.is_empty(), "nothing is found wrong: {missed:?}");
}

#[test]
fn without_a_fault_there_is_nothing_to_find() {
    let cases = kit::cases::<Faulty>();
    let wrong = cases
        .iter()
        .filter_map(|case| judged(Fault::None, case).err());
    assert_eq!(wrong.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn there_are_many_cases_each_with_a_name_of_its_own() {
    let cases = kit::cases::<MemoryCheckpointer>();
    let names: BTreeSet<_> = cases.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), cases.len());
    assert!(cases.len() >= 100, "{} cases", cases.len());
}

#[test]
fn a_verdict_says_what_is_wrong_and_where_it_was_seen() {
    let cases = kit::cases::<Faulty>();
    let name = "listing::checkpoints_are_listed_newest_first";
    let case = cases.iter().find(|case| case.0 == name);
    let verdict = judged(Fault::ListsOldestFirst, case.expect("there is such a case"));
    let verdict = verdict.expect_err("the order is wrong");
    assert!(
        verdict.starts_with("the list is not as it must be\n found: ["),
        "{verdict}"
    );
    assert!(verdict.contains("kit/listing.rs:"), "{verdict}");
}
