//! Subgraphs that change while threads wait inside them.

use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Fields, Graph, MemoryCheckpointer, Status, subgraph};

use super::threads::{Calls, asks, counted};
use crate::common::{Trace, chain, sound};

/// Three levels of graphs, whose nodes have these names: the two that are graphs,
/// one that has run, one that asks and one that comes then.
fn three_levels(
    store: &MemoryCheckpointer,
    names: [&'static str; 5],
    aliases: [&str; 5],
) -> Graph<Trace, Calls> {
    let [outer, section, first, ask, last] = names;
    let chapter = StateGraph::<Trace, Calls>::new("chapter")
        .add_node(
            first,
            node(move |ctx: Ctx<Calls>| async move {
                Command::update(counted(ctx).await).goto([ask, last])
            })
            .destinations([ask, last])
            .aliases([aliases[2]]),
        )
        .add_node(ask, node(asks).aliases([aliases[3]]))
        .add_node(last, node(counted).aliases([aliases[4]]))
        .add_edge(START, first);
    let book = StateGraph::<Trace, Calls>::new("book")
        .add_node("before", counted)
        .add_node(section, node(sound(chapter)).aliases([aliases[1]]))
        .add_edge(START, "before")
        .add_edge("before", section);
    let shelf = StateGraph::<Trace, Calls>::new("shelf")
        .add_node(outer, node(sound(book)).aliases([aliases[0]]))
        .add_edge(START, outer)
        .checkpointer(store.clone());
    sound(shelf)
}

#[tokio::test]
async fn nodes_of_every_level_are_found_by_their_aliases() {
    const OLD: [&str; 5] = ["outer", "section", "first", "ask", "last"];
    const NEW: [&str; 5] = ["around", "chapter", "one", "question", "two"];
    let (store, calls) = (MemoryCheckpointer::new(), Calls::default());
    let run = three_levels(&store, OLD, OLD)
        .invoke(Trace::update())
        .context(calls.clone());
    let run = run.thread("t").await.unwrap();
    assert_eq!(run.interrupts()[0].id, "outer/0/section/0/ask/0/what");
    let log = run.state.log;
    assert_eq!(calls.get(), 3);

    let graph = three_levels(&store, NEW, OLD);
    let open = graph.thread("t").state().await.unwrap().interrupts;
    assert_eq!(open[0].id, "around/0/chapter/0/question/0/what");
    let resumed = graph.resume("yes").context(calls.clone()).thread("t");
    let run = resumed.await.unwrap();
    assert_eq!((run.status, calls.get()), (Status::Done, 3));
    assert!(log.is_empty(), "{log:?}");
    assert_eq!(run.state.log, ["before", "first", "yes", "last"]);
}

mod last_year {
    use super::*;

    #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    pub(super) struct Bill {
        #[reduce(Sum)]
        pub(super) euros: u64,
    }

    pub(super) fn graph() -> Graph<Bill, Calls> {
        super::graph(async |ctx: Ctx<Calls>| {
            ctx.0.fetch_add(1, Ordering::SeqCst);
            Bill::update().euros(3_u64)
        })
    }
}

mod today {
    use super::*;

    /// Cents in place of euros.
    #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    #[state(version = 3, migrate = migrate)]
    pub(super) struct Bill {
        #[reduce(Sum)]
        pub(super) cents: u64,
    }

    fn migrate(from: u32, fields: &mut Fields) -> Result<(), &'static str> {
        if from == 2
            && let Some(euros) = fields.remove("euros")
        {
            let euros = euros.as_u64().ok_or("euros are a number")?;
            fields.insert("cents".into(), (euros * 100).into());
        }
        Ok(())
    }

    pub(super) fn graph() -> Graph<Bill, Calls> {
        super::graph(async |ctx: Ctx<Calls>| {
            ctx.0.fetch_add(1, Ordering::SeqCst);
            Bill::update().cents(300_u64)
        })
    }
}

/// `price`, and then `ask`.
fn graph<S, F, Fut>(price: F) -> Graph<S, Calls>
where
    S: State,
    F: Fn(Ctx<Calls>) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
    Fut::Output: superstep::IntoOutcome<S>,
{
    let ask = async |ctx: Ctx<Calls>| -> NodeResult<()> {
        let _: String = ctx.interrupt("what", ())?;
        Ok(())
    };
    let graph = StateGraph::<S, Calls>::new("bill")
        .add_node("price", price)
        .add_node("ask", ask)
        .add_edge(START, "price")
        .add_edge("price", "ask");
    sound(graph)
}

/// The same as node `bill` of a graph whose state has always been the same.
fn shop<S: State>(
    store: &MemoryCheckpointer,
    bill: Graph<S, Calls>,
    total: impl Fn(&S) -> u64 + Send + Sync + 'static,
) -> Graph<Trace, Calls> {
    let bill = subgraph(
        bill,
        |_: &Trace| S::Update::default(),
        move |bill: &S| Trace::update().sum(total(bill)),
    );
    let graph = StateGraph::<Trace, Calls>::new("shop")
        .add_node("bill", bill)
        .add_edge(START, "bill");
    sound(graph.checkpointer(store.clone()))
}

#[tokio::test]
async fn results_inside_are_made_into_this_version_of_their_state() {
    let (store, calls) = (MemoryCheckpointer::new(), Calls::default());
    let before = shop(&store, last_year::graph(), |bill| bill.euros);
    let after = || shop(&store, today::graph(), |bill| bill.cents);
    let invoked = before.invoke(Trace::update()).context(calls.clone());
    invoked.thread("t").await.unwrap();
    // Carried on by an edit, they are what they were.
    let edited = after().thread("t").update(Trace::update().sum(1_u64));
    edited.await.unwrap();
    let resumed = after().resume("yes").context(calls.clone()).thread("t");
    let run = resumed.await.unwrap();
    assert_eq!((run.state.sum, calls.get()), (301, 1));

    // What is written now says so, and is read as it is.
    let invoked = after().invoke(Trace::update()).context(calls.clone());
    invoked.thread("u").await.unwrap();
    after().thread("u").copy("v").await.unwrap();
    let resumed = after().resume("yes").context(calls.clone()).thread("u");
    assert_eq!(resumed.await.unwrap().state.sum, 300);

    // The program of last year does not know it, and a test can tell.
    #[cfg(feature = "testing")]
    {
        use superstep::testing::check_compatible;

        let stored = after().thread("v").export().await.unwrap();
        check_compatible(&after(), &stored).unwrap();
        let error = check_compatible(&before, &stored).unwrap_err();
        assert!(error.findings()[0].contains("version 3"), "{error:?}");
    }
    let error = before.resume("yes").context(calls).thread("v");
    let error = error.await.unwrap_err();
    let told = chain(&error).join(": ");
    let why = "the result of task `price`, which was written down, cannot be read: it was written \
               by version 3 of the state, and this is version 1";
    assert!(told.ends_with(why), "{told}");
}
