//! Effects that happen once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{
    Approval, Graph, MemoryCheckpointer, Message, NodeError, ToolCtx, ToolError, ToolResult,
    Toolbox, tool,
};

use crate::common::{Chat, ChatUpdate, asks, call, kept, node_of, of, results};

#[derive(Default)]
struct Counts {
    charged: AtomicU32,
    failed: AtomicU32,
}

/// Charges.
#[tool]
async fn charge(ctx: ToolCtx<Counts>) -> u32 {
    ctx.charged.fetch_add(1, Ordering::Relaxed)
}

/// Fails for good at first, when the others are done.
#[tool]
async fn fail_once(ctx: ToolCtx<Counts>) -> Result<String, ToolError> {
    for _ in 0..9 {
        tokio::task::yield_now().await;
    }
    match ctx.failed.fetch_add(1, Ordering::Relaxed) {
        0 => Err(ToolError::fatal("not yet")),
        _ => Ok("at last".into()),
    }
}

#[tokio::test]
async fn a_node_that_is_tried_again_runs_no_call_twice() {
    let toolbox = Toolbox::<Counts, Chat>::new().add(charge).add(fail_once);
    let tools = node_of(toolbox);
    let retry = Retry::attempts(2).delay(Duration::ZERO);
    let graph = of(node(tools).retry(retry)).compile().unwrap();
    // Two calls have the same id, and two have none.
    let input = asks([
        ("a", "charge", ""),
        ("a", "charge", ""),
        ("", "charge", ""),
        ("", "charge", ""),
        ("#", "charge", ""),
        ("b", "fail_once", ""),
    ]);
    let counts = Arc::new(Counts::default());
    let run = graph
        .invoke(input)
        .context(Arc::clone(&counts))
        .await
        .unwrap();
    assert_eq!(
        results(&run.state),
        ["a: 0", "a: 1", ": 2", ": 3", "#: 4", "b: at last"]
    );
    assert_eq!(counts.charged.load(Ordering::Relaxed), 5);
    assert_eq!(counts.failed.load(Ordering::Relaxed), 2);
}

/// Charges in two steps, of which the second fails at first.
#[tool]
async fn in_steps(ctx: ToolCtx<Counts>) -> Result<String, ToolError> {
    let charge = async || {
        let number = ctx.charged.fetch_add(1, Ordering::Relaxed);
        Ok::<_, NodeError>(number)
    };
    let number = ctx.once("charge", charge).await?;
    if ctx.failed.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
        return Err("no paper".into());
    }
    let key = ctx.idempotency_key("charge").unwrap_or_default();
    Ok(format!("{number} {key}"))
}

#[tokio::test]
async fn a_call_that_is_tried_again_has_effects_of_its_own() {
    let retry = Retry::attempts(3).delay(Duration::ZERO);
    let toolbox = Toolbox::<Counts, Chat>::new()
        .add(tool(in_steps).retry(retry))
        .max_concurrency(1);
    let graph = kept(toolbox);
    let input = asks([("a", "in_steps", ""), ("b", "in_steps", "")]);
    let counts = Arc::new(Counts::default());
    let run = graph.invoke(input).thread("t").context(Arc::clone(&counts));
    let run = run.await.unwrap();
    // After each id comes what stands for the tool and the arguments.
    assert_eq!(
        results(&run.state),
        [
            "a: 0 t/1/0/tools/a-90f9fabe80d22792/charge",
            "b: 1 t/1/0/tools/b-90f9fabe80d22792/charge",
        ]
    );
    assert_eq!(counts.charged.load(Ordering::Relaxed), 2);
}

/// Charges so much, and asks for paper if it is much.
#[tool]
async fn charge_so_much(amount: u32, ctx: ToolCtx<Counts>) -> Result<String, ToolError> {
    let charged = ctx.once("charge", async || {
        ctx.charged.fetch_add(amount, Ordering::Relaxed);
        Ok::<_, NodeError>(amount)
    });
    let charged = charged.await?;
    if amount >= 100 {
        let paper: String = ctx.interrupt("which paper", amount)?;
        return Ok(format!("{charged} on {paper}"));
    }
    Ok(charged.to_string())
}

fn update(results: Vec<ToolResult>) -> NodeResult<ChatUpdate> {
    let messages: Vec<Message> = results.into_iter().map(Message::tool).collect();
    Ok(Chat::update().messages(messages))
}

/// A node that runs calls of the same id, one after the other.
fn one_after_the_other(
    amounts: &'static [u32],
    toolbox: Toolbox<Counts, Chat>,
) -> Graph<Chat, Counts> {
    let node = move |chat: View<Chat>, ctx: Ctx<Counts>| {
        let toolbox = toolbox.clone();
        async move {
            let mut all = Vec::new();
            for amount in amounts {
                let arguments = format!(r#"{{"amount": {amount}}}"#);
                let call = call("call_0", "charge_so_much", &arguments);
                all.extend(toolbox.run([&call], &chat, &ctx).await?);
            }
            update(all)
        }
    };
    let graph = of(node).checkpointer(MemoryCheckpointer::new());
    graph.compile().expect("it is sound")
}

#[tokio::test]
async fn calls_of_one_id_are_others_if_their_arguments_are() {
    let graph = one_after_the_other(&[3, 4, 3], Toolbox::new().add(charge_so_much));
    let counts = Arc::new(Counts::default());
    let run = graph.invoke(Chat::update()).thread("t");
    let run = run.context(Arc::clone(&counts)).await.unwrap();
    assert_eq!(results(&run.state), ["call_0: 3", "call_0: 4", "call_0: 3"]);
    assert_eq!(counts.charged.load(Ordering::Relaxed), 7);
}

#[tokio::test]
async fn no_answer_holds_for_another_call_of_the_same_id() {
    let graph = one_after_the_other(&[100, 200, 3], Toolbox::new().add(charge_so_much));
    let counts = Arc::new(Counts::default());
    let run = graph.invoke(Chat::update()).thread("t");
    let run = run.context(Arc::clone(&counts)).await.unwrap();
    assert_eq!(run.interrupts()[0].id, "tools/0/call_0/which paper");
    let resume = |answer: &'static str| {
        let run = graph.resume(answer).thread("t");
        run.context(Arc::clone(&counts))
    };
    let run = resume("red").await.unwrap();
    let id = &*run.interrupts()[0].id;
    assert!(
        id.starts_with("tools/0/call_0-") && id.ends_with("/which paper"),
        "{id}"
    );
    assert_eq!(run.interrupts()[0].value, 200);
    let run = resume("blue").await.unwrap();
    assert_eq!(
        results(&run.state),
        ["call_0: 100 on red", "call_0: 200 on blue", "call_0: 3"]
    );
    assert_eq!(counts.charged.load(Ordering::Relaxed), 303);
}

#[tokio::test]
async fn an_approval_holds_for_the_call_that_was_shown() {
    static ASKED: AtomicU32 = AtomicU32::new(1);
    let toolbox = Toolbox::new().add(tool(charge_so_much).approve());
    // Asks for another amount each time that it runs.
    let node = move |chat: View<Chat>, ctx: Ctx<Counts>| {
        let toolbox = toolbox.clone();
        async move {
            let amount = ASKED.fetch_add(1, Ordering::Relaxed).min(2);
            let arguments = format!(r#"{{"amount": {amount}}}"#);
            let call = call("a", "charge_so_much", &arguments);
            update(toolbox.run([&call], &chat, &ctx).await?)
        }
    };
    let graph = of(node).checkpointer(MemoryCheckpointer::new());
    let graph = graph.compile().unwrap();
    let counts = Arc::new(Counts::default());
    let run = graph.invoke(Chat::update()).thread("t");
    let run = run.context(Arc::clone(&counts)).await.unwrap();
    assert_eq!(run.interrupts()[0].id, "tools/0/a/approve charge_so_much");
    let resume = || {
        let run = graph.resume(Approval::Yes).thread("t");
        run.context(Arc::clone(&counts))
    };
    let run = resume().await.unwrap();
    assert_eq!(run.interrupts()[0].value["arguments"]["amount"], 2);
    assert_eq!(counts.charged.load(Ordering::Relaxed), 0);
    let run = resume().await.unwrap();
    assert_eq!(results(&run.state), ["a: 2"]);
}
