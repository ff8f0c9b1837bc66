//! Threads that earlier versions wrote are read for ever.
//!
//! A file of `tests/golden/format-N` is what `Thread::export` gave in the first
//! version that wrote format N. `SUPERSTEP_GOLDEN=DIR` writes those of the
//! present format to a folder; files that are there already are never changed.

use std::path::Path;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::testing::check_compatible;
use superstep::{Graph, MemoryCheckpointer, NodeError, OnFailure};

use super::T;

#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Trip {
    #[reduce(Append)]
    log: Vec<String>,
    #[reduce(Sum)]
    cost: f64,
    #[reduce(Merge)]
    facts: std::collections::BTreeMap<String, u32>,
    #[state(ephemeral)]
    hint: Option<String>,
    note: String,
}

const BOOK: Worker<(String, u32)> = Worker::new("book");

/// A superstep in which one has finished with a command and a send, one asks
/// twice, after an effect, one fails, and sends wait; a join is half full.
fn trip() -> Graph<Trip> {
    StateGraph::<Trip>::new("trip")
        .add_node("early", async |_: View<Trip>| {
            Trip::update().log("early").hint("soon")
        })
        .add_node("plan", async |_: View<Trip>| {
            Command::update(
                Trip::update()
                    .log(["a", "b"])
                    .log("c")
                    .cost(1.5)
                    .overwrite_note("n"),
            )
            .goto("late")
            .send(BOOK.send(("sent".to_owned(), 7)))
        })
        .add_node("asks", async |ctx: Ctx| {
            let paid: u32 = ctx.once("pay", || async { Ok::<_, NodeError>(5) }).await?;
            let (sure, how) = (ctx.interrupt("sure", paid), ctx.interrupt("how", ()));
            let (sure, how): (bool, String) = (sure?, how?);
            Ok::<_, NodeError>(Trip::update().log(format!("{sure} {how}")))
        })
        .add_node("fails", async |_: View<Trip>| {
            Err::<(), _>(NodeError::msg("not today"))
        })
        .add_worker(BOOK, async |(name, n): (String, u32)| {
            Trip::update().facts((name.as_str(), n))
        })
        .add_node("late", async |_: View<Trip>| {})
        .add_node("end", async |_: View<Trip>| {})
        .add_edge(START, "early")
        .add_edge("early", ["plan", "asks", "fails"])
        .add_conditional_edges("early", |_: &Trip| BOOK.send(("first".to_owned(), 1)), BOOK)
        .add_edge(["early", "late"], "end")
        .on_failure(OnFailure::Finish)
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .unwrap()
}

async fn write(folder: &Path) {
    let graph = trip();
    let input = Trip::update().note("\u{e9}\"\n").facts(("in", 1));
    graph.invoke(input).thread(T).await.unwrap_err();
    let stored = graph.thread(T).export().await.unwrap();
    let file = folder.join("half-done.json");
    if !file.exists() {
        std::fs::write(file, stored).unwrap();
    }
}

#[tokio::test]
async fn every_format_that_was_ever_written_is_read() {
    if let Some(folder) = std::env::var_os("SUPERSTEP_GOLDEN") {
        write(Path::new(&folder)).await;
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut n_read = 0;
    for format in std::fs::read_dir(golden).unwrap() {
        let file = format.unwrap().path().join("half-done.json");
        let stored = std::fs::read_to_string(file).unwrap();
        check_compatible(&trip(), &stored).unwrap();
        n_read += 1;
    }
    assert_eq!(n_read, 1);
}

#[tokio::test]
async fn all_that_a_graph_cannot_go_on_with_is_told() {
    #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    struct Other {
        log: u32,
    }
    const BOOK: Worker<u32> = Worker::new("book");
    let other = StateGraph::<Other>::new("other")
        .add_node("asks", async |_: View<Other>| {})
        .add_worker(BOOK, async |_: u32| {})
        .add_edge(START, "asks")
        .add_conditional_edges("asks", |_: &Other| BOOK.send(1), BOOK)
        .compile()
        .unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format-1/half-done.json");
    let stored = std::fs::read_to_string(file).unwrap();
    let error = check_compatible(&other, &stored).unwrap_err();
    expect_test::expect![[r#"
        graph `other` cannot go on with the thread, for 5 reasons
          field `log` of checkpoint 2 cannot be read: invalid type: sequence, expected u32
          it waits at `fails`, which is not a node of this graph
          it waits at `plan`, which is not a node of this graph
          what was sent to `book` is not what it takes: invalid type: sequence, expected u32 at line 1 column 0
          it waits at `end`, which is not a node of this graph"#]].assert_eq(&format!("{error:?}"));
    let error = check_compatible(&other, &stored.replace("early", "earl")).unwrap_err();
    assert!(error.findings()[0].contains("checksum"), "{error:?}");
    let error = check_compatible(&other, "{}").unwrap_err();
    assert_eq!(error.findings().len(), 1);
    let newer = stored.replace(r#"{\"format\":1"#, r#"{\"format\":2"#);
    let error = check_compatible(&other, &newer).unwrap_err();
    assert_eq!(
        error.findings(),
        [
            "checkpoint 2 cannot be read: its format is 2, and this version of superstep reads up to 1"
        ]
    );
}
