//! Time travel must not change what is there: whatever runs did, what is read
//! is what was there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use superstep::MemoryCheckpointer;
use superstep::prelude::*;

use super::T;

/// Fields of all sorts.
#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sorts {
    text: String,
    #[reduce(Append)]
    joined: String,
    #[reduce(Append)]
    list: Vec<(u32, String)>,
    #[reduce(Append)]
    queue: VecDeque<u32>,
    #[reduce(Merge)]
    map: BTreeMap<String, Vec<u32>>,
    #[reduce(Merge)]
    set: BTreeSet<i32>,
    #[reduce(Sum)]
    sum: f64,
    #[reduce(Max)]
    max: Option<u32>,
    #[reduce(Any)]
    any: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    maybe: Option<u32>,
    #[serde(rename = "other-name")]
    renamed: u32,
    #[reduce(Append)]
    #[serde(rename = "Log")]
    renamed_list: Vec<u32>,
    #[state(ephemeral)]
    flash: Option<u32>,
    #[serde(skip)]
    unkept: u32,
}

/// What superstep `n` writes.
fn update(n: u32) -> SortsUpdate {
    let mut update = Sorts::update();
    if n.is_multiple_of(2) {
        update = update
            .text(format!("text \"{n}\"\n"))
            .joined(format!("é\\{n}"));
    }
    if n.is_multiple_of(3) {
        update = update.list([(n, "a".to_owned()), (n + 1, "\u{1F600}".to_owned())]);
        update = update.list((n, String::new()));
        update = update.queue(n).queue([n, n]);
    }
    if n % 5 == 1 {
        let empty: [(u32, String); 0] = [];
        update = update
            .list(empty)
            .map([(format!("k{}", n % 4), vec![n])])
            .set([n.cast_signed()]);
    }
    if n % 7 == 2 {
        update = update
            .overwrite_list(Vec::new())
            .overwrite_joined("new")
            .maybe(n);
    }
    if n % 7 == 4 {
        update = update
            .overwrite_maybe(None::<u32>)
            .overwrite_map(BTreeMap::new());
    }
    update = update
        .sum(f64::from(n) / 10.0)
        .max(n % 10)
        .any(n == 6)
        .renamed(n)
        .renamed_list(n);
    if n % 4 == 3 { update.flash(n) } else { update }
}

#[tokio::test]
async fn every_checkpoint_reads_as_it_was_written() {
    let graph = StateGraph::<Sorts>::new("all")
        .add_node("a", async |_: View<Sorts>, ctx: Ctx| {
            update(u32::try_from(ctx.superstep()).unwrap())
        })
        .add_conditional_edges(
            "a",
            |state: &Sorts| if state.renamed < 60 { "a" } else { END },
            ["a", END],
        )
        .add_edge(START, "a")
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .unwrap();
    let run = graph
        .invoke(Sorts::update().text("begin"))
        .thread(T)
        .await
        .unwrap();
    let history = graph.thread(T).history().await.unwrap();
    assert_eq!(history.len(), 61);
    // The same run without a thread, its state after each superstep.
    let plain = StateGraph::<Sorts>::new("all")
        .add_node("a", async |_: View<Sorts>, ctx: Ctx| {
            update(u32::try_from(ctx.superstep()).unwrap())
        })
        .add_conditional_edges(
            "a",
            |state: &Sorts| if state.renamed < 60 { "a" } else { END },
            ["a", END],
        )
        .add_edge(START, "a")
        .compile()
        .unwrap();
    let mut expected = plain
        .invoke(Sorts::update().text("begin"))
        .await
        .unwrap()
        .state;
    expected.unkept = 0;
    assert_eq!(run.state, expected);
    for (supersteps, snapshot) in history.iter().rev().enumerate().skip(1) {
        let supersteps = supersteps as u32;
        let upto = StateGraph::<Sorts>::new("all")
            .add_node("a", async |_: View<Sorts>, ctx: Ctx| {
                update(u32::try_from(ctx.superstep()).unwrap())
            })
            .add_conditional_edges(
                "a",
                move |state: &Sorts| if state.renamed < supersteps { "a" } else { END },
                ["a", END],
            )
            .add_edge(START, "a")
            .compile()
            .unwrap();
        let expected = upto
            .invoke(Sorts::update().text("begin"))
            .await
            .unwrap()
            .state;
        assert_eq!(snapshot.values, expected, "after {supersteps}");
    }
}
