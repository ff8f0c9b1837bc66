//! States that serde writes in other ways than they are declared.

#![expect(
    clippy::disallowed_types,
    reason = "users' own fields may be hash maps, and are written in order"
)]

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Checkpointer, Durability, FieldKind, MemoryCheckpointer};

use super::T;

#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Odd {
    #[serde(skip_serializing_if = "Option::is_none")]
    sometimes_there: Option<String>,
    #[serde(rename = "memo", skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[reduce(Append)]
    chat_messages: Vec<String>,
    #[serde(flatten)]
    extra: BTreeMap<String, u32>,
    #[reduce(Merge)]
    big_numbers: BTreeMap<String, u128>,
    hashed_numbers: HashMap<String, i128>,
    #[reduce(Append)]
    more_numbers: Vec<u128>,
}

/// What a superstep writes, and takes away again.
fn update(n: u64) -> OddUpdate {
    let there = n % 2 == 1;
    let extra = |n: u32| BTreeMap::from([(format!("extra{n}"), n)]);
    Odd::update()
        .sometimes_there(there.then(|| "yes".to_owned()))
        .note(there.then(|| "secret".to_owned()))
        .chat_messages(n.to_string())
        .extra(extra(u32::try_from(n % 3).unwrap()))
        .big_numbers((format!("k{}", n % 2), u128::MAX - u128::from(n)))
        .hashed_numbers(HashMap::from([
            ("a".to_owned(), i128::MIN),
            ("b".to_owned(), 1),
        ]))
        .more_numbers(u128::MAX)
        .more_numbers(u128::from(n))
}

#[tokio::test]
async fn what_is_read_is_what_was_there() {
    for durability in [Durability::Sync, Durability::Async, Durability::Exit] {
        let store = MemoryCheckpointer::new();
        let graph = StateGraph::<Odd>::new("odd")
            .add_node("a", async |_: View<Odd>, ctx: Ctx| update(ctx.superstep()))
            .add_node("b", async |_: View<Odd>, ctx: Ctx| update(ctx.superstep()))
            .add_edge(START, "a")
            .add_edge("a", "b")
            .checkpointer(store.clone())
            .compile()
            .unwrap();
        for _ in 0..4 {
            let run = graph.invoke(Odd::update()).thread(T).durability(durability);
            let state = run.await.unwrap().state;
            let read = graph.thread(T).state().await.unwrap().values;
            assert_eq!(read, state, "{durability:?}");
        }
        let newest = store.load(&T.into(), None).await.unwrap().unwrap();
        let added = newest
            .fields
            .iter()
            .filter(|record| record.kind == FieldKind::Extend);
        let mut added: Vec<_> = added.map(|record| record.field.as_str()).collect();
        added.dedup();
        assert_eq!(added, ["bigNumbers", "chatMessages", "moreNumbers"]);
    }
}

#[test]
fn the_schema_knows_the_names_that_serde_writes() {
    let keys: Vec<_> = Odd::schema().fields.iter().map(|field| field.key).collect();
    assert_eq!(
        keys,
        [
            "sometimesThere",
            "memo",
            "chatMessages",
            "extra",
            "bigNumbers",
            "hashedNumbers",
            "moreNumbers"
        ]
    );
}
