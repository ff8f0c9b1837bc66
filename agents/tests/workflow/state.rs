//! The session as a state: what is kept of it, and how.

use serde_json::json;
use superstep::prelude::*;
use superstep::{
    Change, CustomAgent, MemoryCheckpointer, ParallelAgent, SequentialAgent, Session, Values,
};

use crate::common::graph;

fn node(name: &'static str, change: fn() -> superstep::SessionUpdate) -> CustomAgent {
    CustomAgent::new(name, move |_: View<Session>| std::future::ready(change()))
}

#[test]
fn values_are_an_object_without_what_is_temporary() {
    let values: Values = [("a", json!(1)), ("temp:b", json!(2)), ("user:c", json!(3))].into();
    let text = serde_json::to_string(&values).expect("it is JSON");
    assert_eq!(text, r#"{"a":1,"user:c":3}"#);
    let read: Values = serde_json::from_str(&text).expect("it is read");
    assert_eq!(read.get::<i32>("a"), Some(1));
    assert_eq!(read.get::<String>("a"), None);
    assert_eq!(read.iter().count(), 2);
}

#[test]
fn updates_are_read_as_they_are_written() {
    let updates = [
        Session::update().values(("a", 1)),
        Session::update().values(Change::add("a", 1)),
        Session::ask("hello").values([("a", json!([1])), ("temp:b", json!(2))]),
        Session::update()
            .values(Change::append("user:a", "x"))
            .values(Change::add("b", 0.5)),
        Session::escalate(superstep::Escalate::Named("outer".into())),
    ];
    for update in updates {
        let text = serde_json::to_string(&update).expect("it is JSON");
        let read: superstep::SessionUpdate = serde_json::from_str(&text).expect("it is read");
        assert_eq!(serde_json::to_string(&read).expect("it is JSON"), text);
        assert!(!text.contains("temp:"), "{text}");
    }
}

#[tokio::test]
async fn numbers_are_added_and_lists_grow() {
    let agents = [
        node("a", || {
            Session::update()
                .values(Change::add("n", 2))
                .values(Change::add("x", 0.5))
        }),
        node("b", || {
            Session::update()
                .values(Change::add("n", -5))
                .values(Change::add("x", 1))
        }),
        node("c", || {
            Session::update()
                .values(Change::append("l", "i"))
                .values(Change::append("l", 2))
        }),
    ];
    let run = graph(SequentialAgent::new("all", agents).build())
        .invoke(Session::ask("go"))
        .await;
    let state = run.expect("it runs").state;
    assert_eq!((state.get("n"), state.get("x")), (Some(-3), Some(1.5)));
    assert_eq!(state.values.json("l"), Some(&json!(["i", 2])));
}

#[tokio::test]
async fn what_is_no_number_is_not_added_to() {
    let agent = node("a", || {
        Session::update()
            .values(("n", "one"))
            .values(Change::add("n", 1))
    });
    let error = graph(agent.build())
        .invoke(Session::ask("go"))
        .await
        .unwrap_err();
    let chain = crate::common::chain(&error).join(": ");
    assert!(
        chain.contains("`values`") && chain.contains("no number"),
        "{chain}"
    );
}

#[tokio::test]
async fn what_has_no_name_is_not_written_and_the_thread_stays() {
    let writes = CustomAgent::new("writes", async |session: View<Session>| {
        let key: String = session.get("key").unwrap_or_default();
        Session::update().values((key, 5))
    });
    let graph = writes.build().expect("it is sound");
    let graph = graph
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .expect("it is sound");
    let fails = async |input: superstep::SessionUpdate| {
        let run = graph.invoke(input).thread("ann");
        let run = run.unfinished(superstep::Unfinished::Discard).await;
        run.expect_err("it has no name").to_string()
    };
    let error = fails(Session::ask("go")).await;
    assert!(
        error.contains("`writes`") && error.contains("`` is no key"),
        "{error}"
    );
    let error = fails(Session::ask("go").values(("", "x"))).await;
    assert!(error.contains("`` is no key"), "{error}");

    let input = Session::ask("go").values(("key", "n"));
    let again = graph.invoke(input).thread("ann");
    let again = again.unfinished(superstep::Unfinished::Discard).await;
    assert_eq!(again.expect("it runs").state.get("n"), Some(5));
    let kept = graph.thread("ann").state().await.expect("it is read");
    assert_eq!(kept.values.get("n"), Some(5));
}

#[tokio::test]
async fn what_is_temporary_lasts_for_a_turn_and_is_in_no_checkpoint() {
    let agents = [
        node("a", || {
            Session::update().values(("temp:x", 1)).values(("y", 2))
        }),
        CustomAgent::new("b", async |session: View<Session>| {
            Session::update().values(("seen", session.get::<i32>("temp:x")))
        }),
    ];
    let threads = MemoryCheckpointer::new();
    let graph = SequentialAgent::new("all", agents)
        .build()
        .expect("it is sound");
    let graph = graph.checkpointer(threads).compile().expect("it is sound");
    let run = graph
        .invoke(Session::ask("go"))
        .thread("ann")
        .await
        .expect("it runs");
    assert_eq!(run.state.get("seen"), Some(1));
    assert_eq!(run.state.get("temp:x"), Some(1));
    let text = graph.thread("ann").export().await.expect("it is there");
    assert!(text.contains("seen") && !text.contains("temp:"), "{text}");

    // The next turn begins without.
    let looks = CustomAgent::new("a", async |session: View<Session>| {
        assert_eq!(session.get::<i32>("temp:x"), None);
        Session::update().values(("temp:x", 1))
    });
    let graph = looks.build().expect("it is sound");
    let graph = graph
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .expect("it is sound");
    for _ in 0..3 {
        let run = graph
            .invoke(Session::ask("go"))
            .thread("ann")
            .await
            .expect("it runs");
        assert_eq!(run.state.get("temp:x"), Some(1));
    }
}

#[tokio::test]
async fn what_branches_have_that_is_temporary_is_in_no_checkpoint() {
    let build = || {
        let begins = node("begins", || Session::update().values(("temp:x", "secret")));
        let writes = |name| node(name, || Session::update().values(("temp:y", "secret")));
        let asks = CustomAgent::new("asks", async |session: View<Session>, ctx: Ctx| {
            let seen = ["temp:x", "temp:y"].map(|key| session.get::<String>(key).is_some());
            let _: bool = ctx.interrupt("on", json!(seen))?;
            let seen = ["temp:x", "temp:y"].map(|key| session.get::<String>(key).is_some());
            Ok::<_, superstep::NodeError>(Session::update().values(("seen", json!(seen))))
        });
        let left = SequentialAgent::new("left", [writes("writes"), asks]);
        let right = SequentialAgent::new(
            "right",
            [node("other", || {
                Session::update()
                    .values(("temp:z", "secret"))
                    .values(Change::add("n", 1))
            })],
        );
        let both = ParallelAgent::new("both", [left, right]);
        let agent = SequentialAgent::new("all", (begins, both));
        agent.build().expect("it is sound")
    };
    let threads = MemoryCheckpointer::new();
    let graph = || build().checkpointer(threads.clone()).compile();
    let one = graph().expect("it is sound");
    let run = one.invoke(Session::ask("go")).thread("t").await;
    let run = run.expect("it runs");
    assert_eq!(run.interrupts()[0].value, json!([true, true]));
    let text = one.thread("t").export().await.expect("it is there");
    assert!(!text.contains("secret"), "{text}");
    // Who goes on has none, and what is not temporary.
    let other = graph().expect("it is sound");
    let run = other.resume(true).thread("t").await.expect("it goes on");
    assert_eq!(run.state.get("seen"), Some([false, false]));
    assert_eq!(run.state.get("n"), Some(1));
    let text = other.thread("t").export().await.expect("it is there");
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn what_was_kept_is_read_in_another_process() {
    let agents = [
        node("a", || {
            Session::update()
                .values(Change::add("user:n", 1))
                .values(("x", json!({ "y": [1] })))
        }),
        node("b", || {
            Session::update().messages(superstep::Message::assistant("hi"))
        }),
    ];
    let threads = MemoryCheckpointer::new();
    let open = |agents: [CustomAgent; 2]| {
        let graph = SequentialAgent::new("all", agents)
            .build()
            .expect("it is sound");
        graph
            .checkpointer(threads.clone())
            .compile()
            .expect("it is sound")
    };
    let first = open(agents);
    let run = first
        .invoke(Session::ask("go"))
        .thread("ann")
        .await
        .expect("it runs");
    let nothing = || ["a", "b"].map(|name| node(name, Session::update));
    let read = open(nothing())
        .thread("ann")
        .state()
        .await
        .expect("it is there");
    assert_eq!(read.values, run.state);
}
