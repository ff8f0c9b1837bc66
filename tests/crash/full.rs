//! A disk without room in the middle of a run: the run ends with an error that
//! says so, and goes on when there is room.

use std::path::Path;
use std::process::Stdio;

use superstep::{CheckpointError, Graph, OnBusy, RunError, Sqlite};
use tempfile::tempdir;

use crate::chance::Chance;
use crate::check::{Expected, check_ledger};
use crate::drive::{Driver, Place, chain, look};
use crate::ledger::Event;
use crate::work::{EFFECTS, FAN_OUT, LOOP, SENDS, Tools, Work, Workload};

fn driver(place: &Place, graph: Graph<Work, Tools>) -> Driver {
    Driver {
        graph,
        work: place.work,
        tools: place.tools(),
        on_busy: OnBusy::Wait,
        chance: Chance::fixed(),
    }
}

/// Works on a file that may have so many bytes.
async fn live(place: &Place, most: u64) -> Result<(), RunError> {
    let file = Sqlite::options(place.file()).max_bytes(most).open().await;
    let graph = place.graph_on(file.expect("it opens"));
    let mut driver = driver(place, graph);
    let seen = look(&driver.graph, place).await.expect("it can be read");
    driver.tools.ledger.note(&Event::Seen(seen));
    driver.drive().await
}

fn check_error(error: &RunError, file: &Path) {
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
    let said = format!("the disk has no room left for `{}`", file.display());
    assert!(text.contains(&said), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_without_room_goes_on_when_there_is_some() {
    for (work, n_bytes) in [
        (LOOP, 10_000),
        (FAN_OUT, 10_000),
        (SENDS, 800),
        (EFFECTS, 10_000),
    ] {
        let work = Workload { n_bytes, ..work };
        let expected = Expected::of(work).await;
        let folder = tempdir().expect("a folder");
        let place = Place::new(folder.path(), work);
        let mut n_full = 0;
        let mut most = 120_000;
        loop {
            let lived = live(&place, most).await;
            expected.check(&place.graph().await, lived.is_ok()).await;
            match lived {
                Ok(()) => break,
                Err(error) => check_error(&error, &place.file()),
            }
            n_full += 1;
            most += 100_000;
        }
        assert!(n_full > 1, "{} was never without room", work.name);
        check_ledger(&place);
    }
}

/// The system takes no more of a file than that, as it does on a full disk.
#[cfg(unix)]
#[test]
fn a_process_on_a_full_disk_ends_with_an_error_that_says_so() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let expected = runtime.block_on(Expected::of(FAN_OUT));
    let folder = tempdir().expect("a folder");
    let place = Place::new(folder.path(), FAN_OUT);
    let command = place.child(0);
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 300; exec \"$@\"", "sh"]);
    limited
        .arg(command.get_program())
        .args(command.get_args())
        .envs(
            command
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        );
    let output = limited.stdin(Stdio::null()).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it had room: {said}");
    let said_so = format!("`{}` cannot be written", place.file().display());
    assert!(said.contains(&said_so), "{said}");
    runtime.block_on(async {
        expected.check(&place.graph().await, false).await;
        let graph = place.graph().await;
        let mut driver = driver(&place, graph.clone());
        let seen = look(&graph, &place).await.expect("it can be read");
        driver.tools.ledger.note(&Event::Seen(seen));
        driver.drive().await.expect("there is room");
        expected.check(&graph, true).await;
    });
    check_ledger(&place);
}
