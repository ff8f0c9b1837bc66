//! Calls that somebody agrees to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use superstep::prelude::*;
use superstep::{Approval, ApprovalRequest, Run, Status, ToolCtx, ToolError, Toolbox, tool};

use crate::common::{Chat, ChatUpdate, asks, graph, kept, results};

/// Counts what has happened.
#[derive(Default)]
struct World {
    paid: AtomicU32,
    looked: AtomicU32,
}

/// Pays.
#[tool(approve)]
async fn pay(amount: u32, world: ToolCtx<World>) -> String {
    world.paid.fetch_add(amount, Ordering::Relaxed);
    format!("paid {amount}")
}

/// Looks.
#[tool]
async fn look(world: ToolCtx<World>) -> u32 {
    world.looked.fetch_add(1, Ordering::Relaxed)
}

fn input() -> ChatUpdate {
    asks([
        ("p1", "pay", r#"{"amount": 1}"#),
        ("l", "look", ""),
        ("p2", "pay", r#"{"amount": 20}"#),
        ("p3", "pay", r#"{"amount": "x"}"#),
    ])
}

fn toolbox() -> Toolbox<World, Chat> {
    Toolbox::new().add(pay).add(look)
}

fn ids(run: &Run<Chat>) -> Vec<&str> {
    let ids = run.interrupts().iter().map(|interrupt| &*interrupt.id);
    ids.collect()
}

#[tokio::test]
async fn each_call_is_asked_about_and_happens_once() {
    let (graph, world) = (kept(toolbox()), Arc::new(World::default()));
    let run = graph
        .invoke(input())
        .thread("t")
        .context(Arc::clone(&world));
    let run = run.await.unwrap();
    assert_eq!(run.status, Status::Interrupted);
    assert_eq!(
        ids(&run),
        ["tools/0/p1/approve pay", "tools/0/p2/approve pay"]
    );
    let shown = json!({ "call": "p2", "tool": "pay", "arguments": { "amount": 20 } });
    assert_eq!(run.interrupts()[1].value, shown);
    let request: ApprovalRequest = serde_json::from_value(shown).unwrap();
    assert_eq!(request.tool, "pay");
    // What needs no approval has run, and nothing else.
    assert_eq!(world.looked.load(Ordering::Relaxed), 1);
    assert_eq!(world.paid.load(Ordering::Relaxed), 0);

    // One answer at a time: the other call waits on.
    let answer = [("tools/0/p2/approve pay", Approval::Yes)];
    let run = graph
        .resume_with(answer)
        .thread("t")
        .context(Arc::clone(&world));
    let run = run.await.unwrap();
    assert_eq!(ids(&run), ["tools/0/p1/approve pay"]);
    assert_eq!(world.paid.load(Ordering::Relaxed), 20);

    let answer = Approval::No("too dear".into());
    let run = graph.resume(answer).thread("t").context(Arc::clone(&world));
    let run = run.await.unwrap();
    assert_eq!(run.status, Status::Done);
    let expected = [
        "p1! the call was not approved: too dear",
        "l: 0",
        "p2: paid 20",
        "p3! wrong arguments for `pay`: `amount`: invalid type: string \"x\", expected u32; it \
         takes `amount` (integer)",
    ];
    assert_eq!(results(&run.state), expected);
    assert_eq!(world.paid.load(Ordering::Relaxed), 20);
    assert_eq!(world.looked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn arguments_can_be_edited_and_have_to_fit() {
    let graph = kept(toolbox());
    let input = asks([("p", "pay", r#"{"amount": 9}"#)]);
    let run = graph.invoke(input).thread("t").context(World::default());
    assert_eq!(run.await.unwrap().status, Status::Interrupted);
    let edit = |arguments| graph.resume(Approval::Edit(arguments)).thread("t");
    let run = edit(json!({ "amount": -1 }))
        .context(World::default())
        .await
        .unwrap();
    assert_eq!(ids(&run), ["tools/0/p/approve pay#2"]);
    let value = &run.interrupts()[0].value;
    let problem = value["problem"].as_str().unwrap();
    assert!(
        problem.contains("`amount`: invalid value: integer `-1`"),
        "{problem}"
    );
    let run = edit(json!({ "amount": 3 }))
        .context(World::default())
        .await
        .unwrap();
    assert_eq!(results(&run.state), ["p: paid 3"]);
}

#[tokio::test]
async fn without_a_thread_nobody_can_be_asked() {
    let input = asks([("p", "pay", r#"{"amount": 9}"#)]);
    let world = Arc::new(World::default());
    let run = graph(toolbox()).invoke(input).context(Arc::clone(&world));
    let error = run.await.unwrap_err();
    let why = crate::common::chain(&error)[1].clone();
    assert!(why.contains("cannot be asked without a thread"), "{why}");
    assert_eq!(world.paid.load(Ordering::Relaxed), 0);
}

/// Asks by itself, and would swallow that nobody has answered.
#[tool]
async fn seat(ctx: ToolCtx<World>) -> Result<String, ToolError> {
    let seat: Result<String, _> = ctx.interrupt("which seat", ());
    let seat = seat.map_err(|_| "nobody answers")?;
    Ok(format!("seat {seat}, {}", ctx.call().id))
}

#[tokio::test]
async fn a_tool_can_ask_by_itself() {
    let graph = kept(Toolbox::new().add(seat).add(look));
    let world = Arc::new(World::default());
    let input = asks([("a", "seat", ""), ("l", "look", ""), ("b", "seat", "")]);
    let run = graph.invoke(input).thread("t").context(Arc::clone(&world));
    let run = run.await.unwrap();
    assert_eq!(ids(&run), ["tools/0/a/which seat", "tools/0/b/which seat"]);
    let answers = [
        ("tools/0/b/which seat", "4D"),
        ("tools/0/a/which seat", "1A"),
    ];
    let run = graph
        .resume_with(answers)
        .thread("t")
        .context(Arc::clone(&world));
    let run = run.await.unwrap();
    assert_eq!(
        results(&run.state),
        ["a: seat 1A, a", "l: 0", "b: seat 4D, b"]
    );
    assert_eq!(world.looked.load(Ordering::Relaxed), 1);
}

/// Asks, and fails after the answer.
#[tool]
async fn ask_and_fail(ctx: ToolCtx<World>) -> Result<String, ToolError> {
    let answer: String = ctx.interrupt("what", ())?;
    match ctx.paid.fetch_add(1, Ordering::Relaxed) {
        0 => Err("the first attempt fails".into()),
        _ => Ok(answer),
    }
}

#[tokio::test]
async fn an_answer_holds_for_all_attempts_of_a_call() {
    let retry = Retry::attempts(2).delay(std::time::Duration::ZERO);
    let graph = kept(Toolbox::new().add(tool(ask_and_fail).retry(retry)));
    let world = Arc::new(World::default());
    let input = asks([("a", "ask_and_fail", "")]);
    let run = graph.invoke(input).thread("t").context(Arc::clone(&world));
    assert_eq!(ids(&run.await.unwrap()), ["tools/0/a/what"]);
    let run = graph.resume("that").thread("t").context(Arc::clone(&world));
    assert_eq!(results(&run.await.unwrap().state), ["a: that"]);
    assert_eq!(world.paid.load(Ordering::Relaxed), 2);
}

/// Pays, if somebody has agreed in the test.
#[tokio::test]
async fn a_tool_that_asks_can_be_called_in_a_test() {
    let ctx = ToolCtx::new(World::default()).with_answer("which seat", "2C");
    assert_eq!(seat(ctx).await.unwrap(), "seat 2C, test");
}

/// A node of one's own can ask for approval in a test, too.
#[tokio::test]
async fn approvals_can_be_answered_in_a_test() {
    let ctx = Ctx::new(World::default()).with_answer("p/approve pay", Approval::Yes);
    let calls = [crate::common::call("p", "pay", r#"{"amount": 2}"#)];
    let told = Toolbox::new()
        .add(pay)
        .run(&calls, &View::new(()), &ctx)
        .await;
    assert_eq!(told.unwrap()[0].content, "paid 2");
}

/// Fails for good, the first time.
#[tool]
async fn lose_key(world: ToolCtx<World>) -> Result<u32, ToolError> {
    match world.looked.fetch_add(1, Ordering::Relaxed) {
        0 => Err(ToolError::fatal("the key is wrong")),
        n => Ok(n),
    }
}

/// Pays if somebody agrees and the key is right.
#[tool(approve)]
async fn pay_by_key(world: ToolCtx<World>) -> Result<u32, ToolError> {
    match world.paid.fetch_add(1, Ordering::Relaxed) {
        0 => Err(ToolError::fatal("the key is wrong")),
        n => Ok(n),
    }
}

#[tokio::test]
async fn what_is_fatal_is_told_before_anything_is_asked() {
    let graph = kept(Toolbox::new().add(pay).add(lose_key).add(seat));
    let world = Arc::new(World::default());
    let input = asks([
        ("s", "seat", ""),
        ("p", "pay", r#"{"amount": 1}"#),
        ("k", "lose_key", ""),
    ]);
    let run = graph.invoke(input).thread("t").context(Arc::clone(&world));
    let why = crate::common::chain(&run.await.unwrap_err());
    assert_eq!(why[1..], ["tool `lose_key` failed", "the key is wrong"]);
    assert_eq!(world.looked.load(Ordering::Relaxed), 1);
    let snapshot = graph.thread("t").state().await.unwrap();
    assert!(snapshot.interrupts.is_empty());
    let run = graph.proceed().thread("t").context(Arc::clone(&world));
    let run = run.await.unwrap();
    assert_eq!(ids(&run), ["tools/0/p/approve pay", "tools/0/s/which seat"]);
}

#[tokio::test]
async fn what_is_fatal_after_an_answer_is_told_while_another_is_open() {
    let graph = kept(Toolbox::new().add(pay).add(pay_by_key));
    let world = Arc::new(World::default());
    let input = asks([("p", "pay", r#"{"amount": 9}"#), ("k", "pay_by_key", "")]);
    let run = graph.invoke(input).thread("t").context(Arc::clone(&world));
    assert_eq!(run.await.unwrap().interrupts().len(), 2);
    let answer = [("tools/0/k/approve pay_by_key", Approval::Yes)];
    let run = graph.resume_with(answer).thread("t");
    let run = run.context(Arc::clone(&world));
    let why = crate::common::chain(&run.await.unwrap_err());
    assert_eq!(why[1..], ["tool `pay_by_key` failed", "the key is wrong"]);
    assert_eq!(world.paid.load(Ordering::Relaxed), 1);
}
