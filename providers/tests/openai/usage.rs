//! What a run counts of attempts that failed.

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Budget, Graph, RunError, Usage};
use superstep_providers::{EmbeddingModel, Model, ModelError, ModelErrorKind};

use crate::kit::{Reply, Server};

const HELLO: &str = r#"{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}],
    "usage":{"prompt_tokens":10,"completion_tokens":5}}"#;

const NO_ANSWER: &str = r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2}}"#;

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Talk {
    said: String,
}

struct Context {
    model: Model,
    embedder: EmbeddingModel,
}

async fn ask(ctx: Ctx<Context>) -> NodeResult<TalkUpdate> {
    Ok(Talk::update().said(ctx.model.ask("hi").await?))
}

async fn read(ctx: Ctx<Context>) -> NodeResult<TalkUpdate> {
    let said = ctx.model.stream("hi").finish().await?;
    Ok(Talk::update().said(said.message.text()))
}

async fn embed(ctx: Ctx<Context>) -> NodeResult<TalkUpdate> {
    ctx.embedder.embed_one("hi").await?;
    Ok(Talk::update())
}

fn graph(node: &str) -> Graph<Talk, Context> {
    let graph = StateGraph::new("talk").add_edge(START, node);
    let graph = match node {
        "ask" => graph.add_node(node, ask),
        "read" => graph.add_node(node, read),
        _ => graph.add_node(node, embed),
    };
    graph.compile().expect("it is sound")
}

/// What the node's task has used, of a budget.
async fn used(node: &str, replies: &[Reply], budget: &Budget) -> Result<Usage, RunError> {
    let server = Server::start(replies.to_vec()).await;
    let context = Context {
        model: server.openai().build().expect("it can be built"),
        embedder: server.openai().embedder().expect("it can be built").into(),
    };
    let run = graph(node).invoke(Talk::update()).context(context);
    let run = run.budget(budget).await?;
    Ok(run.usage().of(node))
}

/// The same for the whole answer and for a stream.
async fn check(replies: &[Reply], calls: u64, tokens: u64) {
    for node in ["ask", "read"] {
        let budget = Budget::new();
        let used = used(node, replies, &budget).await.expect("it answers");
        assert_eq!((used.calls, used.tokens), (calls, tokens), "{node}");
        assert_eq!(budget.used(), used);
    }
}

#[tokio::test]
async fn an_attempt_that_is_refused_is_a_call() {
    let busy = || Reply::json("").status(503);
    check(&[busy(), busy(), Reply::json(HELLO)], 3, 15).await;
}

#[tokio::test]
async fn what_is_told_of_one_that_failed_is_counted() {
    check(&[Reply::json(NO_ANSWER), Reply::json(HELLO)], 2, 12 + 15).await;
    let body = r#"{"error":"busy","usage":{"prompt_tokens":4,"completion_tokens":0}}"#;
    let refused = Reply::json(body).status(503);
    check(&[refused, Reply::json(HELLO)], 2, 4 + 15).await;
    let begun = Reply::events(&[
        r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":0}}"#,
        r#"{"error":{"code":502,"message":"busy"}}"#,
    ]);
    let replies = [begun, Reply::json(HELLO)];
    let used = used("read", &replies, &Budget::new()).await;
    let used = used.expect("it answers");
    assert_eq!((used.calls, used.tokens), (2, 3 + 15));
}

#[tokio::test]
async fn of_one_that_says_nothing_what_it_sent_is_estimated() {
    let broken = Reply::json(HELLO).then_breaks();
    for node in ["ask", "read"] {
        let replies = [broken.clone(), Reply::json(HELLO)];
        let used = used(node, &replies, &Budget::new()).await;
        let used = used.expect("it answers");
        assert_eq!(used.calls, 2);
        assert!(used.tokens > 15, "{used:?}");
    }
}

#[tokio::test]
async fn a_budget_bounds_attempts() {
    let replies = [Reply::json("").status(503), Reply::json(HELLO)];
    for node in ["ask", "read"] {
        let budget = Budget::new().calls(1);
        let error = used(node, &replies, &budget).await.unwrap_err();
        let RunError::Node { source, .. } = &error else {
            panic!("{error}");
        };
        let error: &ModelError = source.downcast_ref().expect("a model's error");
        assert_eq!(error.kind, ModelErrorKind::Budget);
        assert_eq!(budget.used().calls, 1);
    }
}

#[tokio::test]
async fn vectors_and_what_failed_before_them_are_counted() {
    let usage = r#""usage":{"prompt_tokens":6}"#;
    let none = Reply::json(format!(r#"{{"data":[],{usage}}}"#));
    let good = Reply::json(format!(r#"{{"data":[{{"embedding":[1.0]}}],{usage}}}"#));
    let budget = Budget::new();
    let replies = [Reply::json("").status(503), none, good];
    let used = used("embed", &replies, &budget).await.expect("it answers");
    assert_eq!((used.calls, used.tokens), (3, 12));
    assert_eq!(budget.used(), used);
}

#[tokio::test]
async fn a_whole_answer_that_breaks_is_asked_for_again_though_it_is_watched() {
    let text = r#"{"choices":[{"delta":{"content":"Hel"}}]}"#;
    let busy = r#"{"error":{"code":502,"message":"busy"}}"#;
    for (node, attempts, n) in [("ask", 3, 2), ("ask", 1, 1), ("read", 3, 1)] {
        let server = Server::start([Reply::events(&[text, busy]), Reply::json(HELLO)]).await;
        let openai = server.openai().attempts(attempts);
        let context = Context {
            model: openai.build().expect("it can be built"),
            embedder: server.openai().embedder().expect("it can be built").into(),
        };
        let run = graph(node).invoke(Talk::update()).context(context);
        let mut events = run.stream().tokens();
        let mut told = String::new();
        while let Some(event) = events.next().await {
            let part = event.part().unwrap_or_default();
            told += &format!("{part}:{} ", event.token().unwrap_or_default());
        }
        let ended = events.finish().await;
        assert_eq!(server.n_seen(), n, "{node}, {attempts} attempts");
        if n == 2 {
            let run = ended.expect("the second attempt answers");
            assert_eq!(run.state.said, "Hello");
            assert_eq!(told, ":Hel #2:Hello ");
            assert_eq!(run.usage().total().calls, 2);
        } else {
            assert!(ended.is_err());
            assert_eq!(told, ":Hel ");
        }
    }
}
