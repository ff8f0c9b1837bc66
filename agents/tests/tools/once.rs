//! Effects that happen once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{NodeError, ToolCtx, ToolError, Toolbox, tool};

use crate::common::{Chat, asks, kept, node_of, of, results};

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
    assert_eq!(
        results(&run.state),
        ["a: 0 t/1/0/tools/a/charge", "b: 1 t/1/0/tools/b/charge"]
    );
    assert_eq!(counts.charged.load(Ordering::Relaxed), 2);
}
