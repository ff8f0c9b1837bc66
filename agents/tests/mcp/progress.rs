//! Signs of life.

use std::time::Duration;

use serde_json::json;
use superstep::prelude::*;
use superstep::{NodeError, ToolCall};

use crate::common::{call, toolbox};
use crate::server::start;

#[derive(State, Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
struct Work {
    result: String,
}

/// Runs `work` in a node that must not be idle for ten seconds, with six of them
/// between steps. The clock stands still but for that, and what blocks keeps it
/// from running ahead.
async fn check(with_progress: bool) -> Result<String, String> {
    let server = start("").timeout(Duration::MAX).await.expect("it starts");
    let toolbox = toolbox(&server).await;
    let inside = toolbox.clone();
    let graph = StateGraph::<Work>::new("work")
        .add_node(
            "work",
            node(move |ctx: Ctx| {
                let toolbox = inside.clone();
                async move {
                    let call = ToolCall {
                        id: "1".into(),
                        name: "work".into(),
                        arguments: "{}".into(),
                    };
                    let results = toolbox.run([&call], &View::new(()), &ctx).await?;
                    Ok::<_, NodeError>(Work::update().result(results[0].content.clone()))
                }
            })
            .idle_timeout(Duration::from_secs(10)),
        )
        .add_edge(START, "work")
        .compile()
        .expect("it is sound");
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocking = tokio::task::spawn_blocking(move || blocked.recv());
    tokio::time::pause();
    let run = tokio::spawn(async move { graph.invoke(Work::update()).await });
    while call(&toolbox, "step", json!({})).await != "1" {}
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(6)).await;
        if with_progress {
            call(&toolbox, "step", json!({})).await;
        }
        // What was heard is told in a task of its own.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    call(&toolbox, "finish", json!({})).await;
    let run = run.await.expect("it does not panic");
    drop(release);
    let _ = blocking.await;
    match run {
        Ok(run) => Ok(run.state.result),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn progress_is_a_sign_of_life() {
    assert_eq!(check(true).await.as_deref(), Ok("finished"));
}

#[tokio::test]
async fn without_progress_a_node_is_idle() {
    let error = check(false).await.expect_err("nothing was heard");
    assert!(error.contains("node `work` failed"), "{error}");
}
