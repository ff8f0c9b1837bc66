//! States that change their shape while threads are under way.

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Fields, Graph, MemoryCheckpointer, NodeError, Status};

use super::T;

mod v1 {
    use super::*;

    #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    pub(super) struct Person {
        name: String,
        #[reduce(Append)]
        visits: Vec<String>,
        #[reduce(Sum)]
        cents: u64,
    }

    pub(super) fn graph(store: &MemoryCheckpointer) -> Graph<Person> {
        StateGraph::<Person>::new("person")
            .add_node("asks", async |ctx: Ctx| {
                let _: String = ctx.interrupt("name", ())?;
                Ok::<_, NodeError>(())
            })
            .add_node("visit", async |_: View<Person>| {
                Person::update()
                    .visits("now")
                    .visits("again")
                    .cents(50)
                    .overwrite_name("Ada Byron")
            })
            .add_edge(START, ["asks", "visit"])
            .checkpointer(store.clone())
            .compile()
            .unwrap()
    }

    pub(super) fn input() -> PersonUpdate {
        Person::update()
            .name("Ada Lovelace")
            .visits("first")
            .cents(100)
    }
}

mod v3 {
    use super::*;

    /// The name in two pieces since 2, euros in place of cents since 3.
    #[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[state(version = 3, migrate = migrate)]
    pub(super) struct Person {
        pub(super) first: String,
        pub(super) last: String,
        #[reduce(Append)]
        pub(super) visits: Vec<String>,
        #[reduce(Sum)]
        pub(super) euros: f64,
    }

    fn migrate(from: u32, fields: &mut Fields) -> Result<(), String> {
        if from == 1
            && let Some(name) = fields.remove("name")
        {
            let (first, last) = name
                .as_str()
                .and_then(|name| name.split_once(' '))
                .ok_or("no name")?;
            fields.insert("first".into(), first.into());
            fields.insert("last".into(), last.into());
        }
        if from == 2
            && let Some(cents) = fields.remove("cents")
        {
            let cents = cents.as_f64().ok_or("cents are a number")?;
            fields.insert("euros".into(), (cents / 100.0).into());
        }
        Ok(())
    }

    pub(super) fn graph(store: &MemoryCheckpointer) -> Graph<Person> {
        StateGraph::<Person>::new("person")
            .add_node("asks", async |ctx: Ctx| {
                let answer: String = ctx.interrupt("name", ())?;
                Ok::<_, NodeError>(Person::update().visits(answer))
            })
            .add_node("visit", async |_: View<Person>| {})
            .add_edge(START, ["asks", "visit"])
            .checkpointer(store.clone())
            .compile()
            .unwrap()
    }
}

#[tokio::test]
async fn a_thread_under_way_goes_on_in_a_later_version() {
    let store = MemoryCheckpointer::new();
    v1::graph(&store)
        .invoke(v1::input())
        .thread(T)
        .await
        .unwrap();

    let graph = v3::graph(&store);
    let seen = graph.thread(T).state().await.unwrap();
    assert_eq!(
        seen.values,
        v3::Person {
            first: "Ada".into(),
            last: "Byron".into(),
            visits: vec!["first".into(), "now".into(), "again".into()],
            euros: 1.5,
        }
    );
    // What had finished, and is carried on, is made into this version too.
    let edited = graph.thread(T).update(v3::Person::update()).await.unwrap();
    assert_eq!(edited.values, seen.values);
    let run = graph.resume("answer").thread(T).await.unwrap();
    assert_eq!(run.status, Status::Done);
    assert_eq!((run.state.euros, run.state.visits.len()), (1.5, 4));
    // What is written now is read without a migration.
    let now = graph.thread(T).state().await.unwrap();
    assert_eq!(now.values, run.state);
    let history = graph.thread(T).history().await.unwrap();
    assert_eq!(
        (history[2].values.euros, history[2].values.last.as_str()),
        (1.0, "Lovelace")
    );

    // The old program does not take it for one of its own.
    let error = v1::graph(&store).thread(T).state().await.unwrap_err();
    assert_eq!(
        crate::common::chain(&error)[1..],
        [
            "the state of checkpoint 3 cannot be read",
            "it was written by version 3 of the state, and this is version 1",
        ]
    );
}

#[tokio::test]
async fn a_migration_that_fails_says_which_and_why_and_changes_nothing() {
    let store = MemoryCheckpointer::new();
    let input = v1::input();
    let nameless = serde_json::from_value(serde_json::json!({ "name": "Ada" })).unwrap();
    v1::graph(&store).invoke(nameless).thread(T).await.unwrap();
    let error = v3::graph(&store).resume("x").thread(T).await.unwrap_err();
    assert_eq!(
        crate::common::chain(&error)[1..],
        [
            "the state of checkpoint 1 cannot be read",
            "it could not be made from version 1 into version 2: no name",
        ]
    );
    assert_eq!(
        v1::graph(&store)
            .resume("x")
            .thread(T)
            .await
            .unwrap()
            .status,
        Status::Done
    );
    drop(input);
}

#[tokio::test]
async fn a_renamed_node_is_found_by_its_alias_and_a_gone_one_has_a_way_out() {
    use crate::common::{Trace, sound};
    let store = MemoryCheckpointer::new();
    let build = |name: &str, aliases: &[&str]| {
        let asks = node(async |ctx: Ctx| {
            let answer: String = ctx.interrupt("what", ())?;
            Ok::<_, NodeError>(Trace::update().log(answer))
        });
        sound(
            StateGraph::<Trace>::new("test")
                .add_node(name, asks.aliases(aliases))
                .add_node("other", async |_: View<Trace>| Trace::update().log("other"))
                .add_node("end", async |_: View<Trace>| Trace::update().log("end"))
                .add_edge(START, [name, "other"])
                .add_edge([name, "other"], "end")
                .checkpointer(store.clone()),
        )
    };
    build("old", &[])
        .invoke(Trace::update())
        .thread(T)
        .await
        .unwrap();
    build("old", &[]).thread(T).copy("u").await.unwrap();

    let renamed = build("new", &["older", "old"]);
    let snapshot = renamed.thread(T).state().await.unwrap();
    assert_eq!(snapshot.interrupts[0].id, "new/0/what");
    let run = renamed.resume("yes").thread(T).await.unwrap();
    assert_eq!(run.state.log, ["yes", "other", "end"]);

    let gone = build("new", &[]);
    let snapshot = gone.thread("u").state().await.unwrap();
    assert_eq!(snapshot.next, ["old"], "whoever looks sees it");
    let error = gone.proceed().thread("u").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "thread `u` waits at `old`, which is not a node of this graph"
    );
    assert!(
        error.help().contains("aliases([\"old\"])"),
        "{}",
        error.help()
    );
    let acted = gone
        .thread("u")
        .update(Trace::update().log("by hand"))
        .as_node("new")
        .await;
    let acted = acted.unwrap();
    assert_eq!(
        acted.values.log,
        ["by hand", "other"],
        "what had finished is kept"
    );
    let run = gone.proceed().thread("u").await.unwrap();
    assert_eq!(run.state.log, ["by hand", "other", "end"]);
}
