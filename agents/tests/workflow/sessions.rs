//! Sessions of users, and what they share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use superstep::prelude::*;
use superstep::{
    Change, CustomAgent, LlmAgent, LoopAgent, MemoryCheckpointer, Reply, ScriptedModel,
    SequentialAgent, Session, SessionError, SessionUpdate, Sessions, Status,
};

use crate::common::systems;

fn sessions(node: impl Fn(View<Session>) -> SessionUpdate + Send + Sync + 'static) -> Sessions {
    let agent = CustomAgent::new("a", move |session: View<Session>| {
        std::future::ready(node(session))
    });
    let graph = agent.build().expect("it is sound");
    Sessions::new("app", graph, MemoryCheckpointer::new()).expect("it compiles")
}

/// Adds one to a key of each scope.
fn counting() -> Sessions {
    sessions(|_| {
        let keys = ["n", "user:n", "app:n", "temp:n"].into_iter();
        keys.fold(Session::update(), |update, key| {
            update.values(Change::add(key, 1))
        })
    })
}

async fn counts(sessions: &Sessions, user: &str, name: &str) -> [Option<i64>; 4] {
    let run = sessions
        .session(user, name)
        .send("go")
        .await
        .expect("it runs");
    ["n", "user:n", "app:n", "temp:n"].map(|key| run.state.get(key))
}

#[tokio::test]
async fn each_scope_is_shared_by_those_it_says() {
    let sessions = counting();
    assert_eq!(counts(&sessions, "ann", "1").await, [1, 1, 1, 1].map(Some));
    assert_eq!(counts(&sessions, "ann", "1").await, [2, 2, 2, 1].map(Some));
    assert_eq!(counts(&sessions, "ann", "2").await, [1, 3, 3, 1].map(Some));
    assert_eq!(counts(&sessions, "bob", "1").await, [1, 1, 4, 1].map(Some));
    // A name with a slash is a name.
    assert_eq!(
        counts(&sessions, "ann/1", "x").await,
        [1, 1, 5, 1].map(Some)
    );
    assert_eq!(
        counts(&sessions, "ann", "1/x").await,
        [1, 4, 6, 1].map(Some)
    );
}

#[tokio::test]
async fn a_turn_in_which_nothing_is_said_has_no_answer() {
    let model = ScriptedModel::new()
        .on("anything else", Reply::call("exit_loop", json!({})))
        .otherwise("Tea.");
    let agent = LlmAgent::new("a").can_exit_loop().model(model.model());
    let graph = LoopAgent::new("loop", [agent]).max_iterations(1).build();
    let graph = graph.expect("it is sound");
    let sessions = Sessions::new("app", graph, MemoryCheckpointer::new()).expect("it compiles");
    let session = sessions.session("ann", "1");
    let run = session.send("what is there?").await.expect("it runs");
    assert_eq!(run.state.answer(), "Tea.");
    let run = session.send("anything else?").await.expect("it runs");
    assert_eq!(run.state.answer(), "");
}

#[tokio::test]
async fn sessions_at_the_same_time_lose_nothing() {
    let sessions = Arc::new(counting());
    let mut at_work = Vec::new();
    for name in 0..10 {
        let sessions = Arc::clone(&sessions);
        at_work.push(tokio::spawn(async move {
            for _ in 0..3 {
                let session = sessions.session("ann", name.to_string());
                session.send("go").await.expect("it runs");
            }
        }));
    }
    for one in at_work {
        one.await.expect("it does not panic");
    }
    let [_, user, app, _] = counts(&sessions, "ann", "last").await;
    assert_eq!((user, app), (Some(31), Some(31)));
}

#[tokio::test]
async fn what_is_told_twice_counts_once() {
    let sessions = counting();
    let session = sessions.session("ann", "1");
    let run = session
        .turn("go")
        .await
        .expect("it is read")
        .await
        .expect("it runs");
    assert_eq!(run.state.get("user:n"), Some(1));
    let (one, other) = tokio::join!(session.share(), session.share());
    one.and(other).expect("it is told");
    session.share().await.expect("there is nothing to be told");
    let [_, user, _, _] = counts(&sessions, "ann", "2").await;
    assert_eq!(user, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_tells_late_what_another_has_told_tells_nothing() {
    let sessions = Arc::new(counting());
    let mut at_work = Vec::new();
    for _ in 0..8 {
        let sessions = Arc::clone(&sessions);
        at_work.push(tokio::spawn(async move {
            let session = sessions.session("ann", "1");
            for _ in 0..5 {
                let turn = session.turn("go").await.expect("it is read");
                let turn = turn.on_busy(superstep::OnBusy::Wait).await;
                turn.expect("it runs");
                session.share().await.expect("it is told");
            }
        }));
    }
    for one in at_work {
        one.await.expect("it does not panic");
    }
    assert_eq!(counts(&sessions, "ann", "2").await[1], Some(41));
}

#[tokio::test]
async fn what_was_not_told_is_told_with_the_next_turn() {
    let sessions = counting();
    let session = sessions.session("ann", "1");
    session
        .turn("go")
        .await
        .expect("it is read")
        .await
        .expect("it runs");
    // Nobody knows of it yet, but the session itself.
    assert_eq!(counts(&sessions, "ann", "2").await[1], Some(1));
    assert_eq!(counts(&sessions, "ann", "1").await[1], Some(3));
    assert_eq!(counts(&sessions, "ann", "2").await[1], Some(4));
}

#[tokio::test]
async fn what_a_failed_run_has_kept_is_not_lost() {
    let fails = Arc::new(AtomicBool::new(true));
    let add = CustomAgent::new("add", async |_: View<Session>| {
        Session::update().values(Change::add("user:n", 1))
    });
    let fail = CustomAgent::new("fail", move |_: View<Session>| {
        let fails = fails.swap(false, Ordering::Relaxed);
        async move { if fails { Err("no") } else { Ok(()) } }
    });
    let graph = SequentialAgent::new("all", [add, fail])
        .build()
        .expect("it is sound");
    let sessions = Sessions::new("app", graph, MemoryCheckpointer::new()).expect("it compiles");
    let session = sessions.session("ann", "1");
    session.send("go").await.unwrap_err();
    let run = session.proceed().await.expect("it goes on");
    assert_eq!(run.state.get("user:n"), Some(1));
    let run = sessions
        .session("ann", "2")
        .send("go")
        .await
        .expect("it runs");
    assert_eq!(run.state.get("user:n"), Some(2));
}

#[tokio::test]
async fn of_two_values_the_later_is_kept_and_what_does_not_fit_is_replaced() {
    let sessions = sessions(
        |session| match session.messages.last().map(|said| said.text()) {
            Some(text) if text == "add" => Session::update().values(Change::add("user:x", 1)),
            Some(text) => Session::update().values(("user:x", text)),
            None => Session::update(),
        },
    );
    let (one, two) = (sessions.session("ann", "1"), sessions.session("ann", "2"));
    // Both begin before either tells what it did.
    let first = one.turn("text").await.expect("it is read");
    let second = two.turn("add").await.expect("it is read");
    first.await.expect("it runs");
    second.await.expect("it runs");
    one.share().await.expect("it is told");
    two.share()
        .await
        .expect("it is told, although nothing can be added to a text");
    let run = sessions
        .session("ann", "3")
        .send("add")
        .await
        .expect("it runs");
    assert_eq!(run.state.get("user:x"), Some(2));
}

#[tokio::test]
async fn a_question_is_answered_in_the_session() {
    let asks = CustomAgent::new("asks", async |_: View<Session>, ctx: Ctx| {
        let name: String = ctx.interrupt("name", json!("who is it?"))?;
        Ok::<_, superstep::NodeError>(Session::update().values(("user:name", name)))
    });
    let model = ScriptedModel::new().otherwise(Reply::from("Hello."));
    let greets = LlmAgent::new("greets")
        .instruction("Greet {user:name}.")
        .model(model.model());
    let agent = SequentialAgent::new("all", (asks.writes(["user:name"]), greets));
    let graph = agent.build().expect("it is sound");
    let sessions = Sessions::new("app", graph, MemoryCheckpointer::new()).expect("it compiles");
    let session = sessions.session("7", "1");
    let run = session.send("hi").await.expect("it runs");
    assert_eq!(run.status, Status::Interrupted);
    let run = session.resume("Ann").await.expect("it goes on");
    assert_eq!(run.state.answer(), "Hello.");
    assert_eq!(systems(&model, "greets"), ["Greet Ann."]);
    assert_eq!(session.thread(), "app/7/1");
}

#[tokio::test]
async fn a_run_that_cannot_be_shared_is_not_lost() {
    let adds = CustomAgent::new("adds", async |session: View<Session>, ctx: Ctx| {
        if session.messages[0].text() == "ask first" {
            let _: bool = ctx.interrupt("on", json!("on?"))?;
        }
        Ok::<_, superstep::NodeError>(Session::update().values(Change::add("user:x", 1.5e308)))
    });
    let graph = adds.build().expect("it is sound");
    let sessions = Sessions::new("app", graph, MemoryCheckpointer::new()).expect("it compiles");
    let (one, two) = (sessions.session("ann", "1"), sessions.session("ann", "2"));
    let run = one.send("ask first").await.expect("it runs");
    assert_eq!(run.status, Status::Interrupted);
    two.send("go").await.expect("it runs");
    // What both have added is no number.
    let error = one.resume(true).await.unwrap_err();
    assert!(std::error::Error::source(&error).is_some());
    let SessionError::Unshared { run, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(run.status, Status::Done);
    assert_eq!(run.state.get("user:x"), Some(1.5e308));
    // Which is no number today is none tomorrow: it is not forgotten.
    one.share().await.unwrap_err();
}
