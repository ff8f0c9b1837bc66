//! How many calls are at work at once, for how long, and how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{
    FnModel, Model, ModelError, ModelErrorKind, ModelResponse, Retryable, Tool, ToolCtx, ToolError,
    Toolbox, tool,
};
use tokio::time::{Instant, sleep};

use crate::common::{Chat, asks, graph, results};

/// Sees how many calls there are at once.
#[derive(Default)]
struct Crowd {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Takes a while.
#[tool]
async fn take(seconds: u64, crowd: ToolCtx<Crowd>) -> u64 {
    let now = crowd.now.fetch_add(1, Ordering::Relaxed) + 1;
    crowd.most.fetch_max(now, Ordering::Relaxed);
    sleep(Duration::from_secs(seconds)).await;
    crowd.now.fetch_sub(1, Ordering::Relaxed);
    seconds
}

fn three() -> crate::common::ChatUpdate {
    asks([
        ("a", "take", r#"{"seconds": 3}"#),
        ("b", "take", r#"{"seconds": 1}"#),
        ("c", "take", r#"{"seconds": 2}"#),
    ])
}

#[tokio::test(start_paused = true)]
async fn calls_of_a_message_overlap_and_keep_their_order() {
    let graph = graph(Toolbox::new().add(take));
    let start = Instant::now();
    let crowd = Arc::new(Crowd::default());
    let run = graph.invoke(three()).context(Arc::clone(&crowd));
    let run = run.await.unwrap();
    assert_eq!(results(&run.state), ["a: 3", "b: 1", "c: 2"]);
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(crowd.most.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_at_work_than_may_be() {
    let graph = graph(Toolbox::new().add(take).max_concurrency(2));
    let start = Instant::now();
    let crowd = Arc::new(Crowd::default());
    let run = graph.invoke(three()).context(Arc::clone(&crowd));
    let run = run.await.unwrap();
    assert_eq!(results(&run.state), ["a: 3", "b: 1", "c: 2"]);
    assert_eq!(crowd.most.load(Ordering::Relaxed), 2);
    assert_eq!(start.elapsed().as_secs(), 3); // a, beside b and then c
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_told_and_holds_up_no_other() {
    let toolbox = Toolbox::new().add(tool(take).timeout(Duration::from_secs(2)));
    let input = asks([
        ("a", "take", r#"{"seconds": 9}"#),
        ("b", "take", r#"{"seconds": 1}"#),
    ]);
    let start = Instant::now();
    let run = graph(toolbox).invoke(input).context(Crowd::default());
    let run = run.await.unwrap();
    let expected = ["a! it took longer than its timeout of 2s", "b: 1"];
    assert_eq!(results(&run.state), expected);
    assert_eq!(start.elapsed().as_secs(), 2);
}

#[derive(Debug)]
struct Busy(bool);

impl std::fmt::Display for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("busy")
    }
}

impl std::error::Error for Busy {}

impl Retryable for Busy {
    fn is_retryable(&self) -> bool {
        self.0
    }
}

/// Fails as often as it is told to.
fn flaky(fails: u32, retryable: bool) -> Tool<AtomicU32, Chat> {
    Tool::new(
        "flaky",
        "Fails.",
        move |(): (), calls: ToolCtx<AtomicU32>| async move {
            let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
            if call <= fails {
                return Err(ToolError::from(Busy(retryable)));
            }
            Ok(call)
        },
    )
}

#[track_caller]
fn check(tool: Tool<AtomicU32, Chat>, expected: &str, seconds: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("it needs nothing");
    let graph = graph(Toolbox::new().add(tool));
    let (told, took) = runtime.block_on(async {
        let start = Instant::now();
        let input = asks([("1", "flaky", "null")]);
        let run = graph.invoke(input).context(AtomicU32::default()).await;
        (
            results(&run.expect("it ends well").state),
            start.elapsed().as_secs(),
        )
    });
    assert_eq!(told, [expected]);
    assert_eq!(took, seconds);
}

#[test]
fn a_call_is_tried_again_as_its_policy_says() {
    let retry = || Retry::attempts(3).delay(Duration::from_secs(4)).factor(1.0);
    check(flaky(0, true).retry(retry()), "1: 1", 0);
    check(flaky(2, true).retry(retry()), "1: 3", 8);
    check(flaky(3, true).retry(retry()), "1! busy", 8);
    check(flaky(1, true), "1! busy", 0);
    let classified = retry().classify::<Busy>();
    check(flaky(1, false).retry(classified), "1! busy", 0);
}

/// Sleeps for ever, and says when it is dropped.
struct Dropped(ToolCtx<AtomicU32>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Waits for ever.
#[tool]
async fn wait(ctx: ToolCtx<AtomicU32>) {
    let _dropped = Dropped(ctx);
    std::future::pending::<()>().await;
}

/// Fails for good.
#[tool]
async fn fail() -> Result<(), ToolError> {
    tokio::task::yield_now().await;
    Err(ToolError::fatal("no more"))
}

#[tokio::test(start_paused = true)]
async fn a_fatal_failure_drops_the_other_calls() {
    let dropped = Arc::new(AtomicU32::default());
    let graph = graph(Toolbox::new().add(wait).add(fail));
    let input = asks([("1", "wait", ""), ("2", "fail", ""), ("3", "wait", "")]);
    let run = graph.invoke(input).context(Arc::clone(&dropped));
    assert!(run.await.is_err());
    assert_eq!(dropped.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_drops_its_calls() {
    let dropped = Arc::new(AtomicU32::default());
    let graph = graph(Toolbox::new().add(wait));
    let run = graph.invoke(asks([("1", "wait", "")]));
    let run = run.context(Arc::clone(&dropped));
    let run = tokio::time::timeout(Duration::from_secs(1), run.into_future());
    assert!(run.await.is_err());
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

/// Says that it has begun, computes until nobody wants the result, and says so.
#[tool(blocking)]
fn compute(ctx: ToolCtx<tokio::sync::Notify>) {
    ctx.notify_one();
    while !ctx.is_cancelled() {
        std::thread::yield_now();
    }
    ctx.notify_one();
}

#[tokio::test(start_paused = true)]
async fn a_blocking_tool_sees_that_it_is_not_wanted() {
    const TIMEOUT: Duration = Duration::from_millis(1);
    let says = Arc::new(tokio::sync::Notify::new());
    let toolbox = Toolbox::new().add(tool(compute).timeout(TIMEOUT));
    let run = graph(toolbox).invoke(asks([("1", "compute", "")]));
    let run = run.context(Arc::clone(&says));
    // It has begun, whatever else the machine does, when its time has passed.
    let passes = async {
        says.notified().await;
        tokio::time::advance(TIMEOUT).await;
    };
    let (run, ()) = tokio::join!(run.into_future(), passes);
    assert_eq!(
        results(&run.unwrap().state),
        ["1! it took longer than its timeout of 1ms"]
    );
    says.notified().await;
}

/// Asks a model.
#[tool]
async fn ask_model(model: ToolCtx<Model>) -> Result<String, ToolError> {
    Ok(model.ask("What?").await?)
}

#[tokio::test(start_paused = true)]
async fn the_error_of_a_model_says_whether_to_call_again_and_when() {
    let wait = Some(Duration::from_secs(9));
    for (kind, expected) in [
        (
            ModelErrorKind::Auth,
            ("a! `function`: the key is missing or wrong", 1, 0),
        ),
        (
            ModelErrorKind::RateLimited { retry_after: wait },
            ("a: That.", 2, 9),
        ),
    ] {
        let calls = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&calls);
        let model = Model::new(FnModel::new(move |_| {
            let first = count.fetch_add(1, Ordering::Relaxed) == 0;
            let failure = ModelError::new(kind.clone());
            async move {
                match first {
                    true => Err(failure),
                    false => Ok(ModelResponse::text("That.")),
                }
            }
        }));
        let start = Instant::now();
        let retry = Retry::attempts(3).delay(Duration::ZERO);
        let graph = graph(Toolbox::new().add(tool(ask_model).retry(retry)));
        let run = graph.invoke(asks([("a", "ask_model", "")])).context(model);
        let told = results(&run.await.unwrap().state).concat();
        let calls = calls.load(Ordering::Relaxed);
        assert_eq!((&*told, calls, start.elapsed().as_secs()), expected);
    }
}
