//! A model that answers as it should.

use superstep_providers::{Message, ModelRequest, TokenUsage};

use crate::kit::{Reply, Server, pieces};

const ANSWER: &str = r#"{
  "id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "m-2026",
  "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello!", "refusal": null},
               "logprobs": null, "finish_reason": "stop"}],
  "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21,
            "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 1},
            "completion_tokens_details": {"reasoning_tokens": 7, "audio_tokens": 2}},
  "service_tier": "default", "system_fingerprint": "fp_1"
}"#;

#[tokio::test]
async fn an_answer_says_what_it_is_and_what_it_used() {
    let server = Server::start([Reply::json(ANSWER)]).await;
    let response = server.model().generate("hi").await.expect("it answers");
    assert_eq!(response.message, Message::assistant("Hello!"));
    assert_eq!(response.id.as_deref(), Some("chatcmpl-1"));
    assert_eq!(response.model.as_deref(), Some("m-2026"));
    let mut usage = TokenUsage::new(9, 12);
    (usage.cached, usage.reasoning, usage.audio) = (4, 7, 3);
    assert_eq!(response.usage, usage);
    let seen = server.seen();
    assert_eq!(seen[0].path, "/v1/chat/completions");
    assert_eq!(seen[0].body["stream"], false);
    assert_eq!(seen[0].body["model"], "m");
    assert_eq!(seen[0].header("authorization"), None);
}

#[tokio::test]
async fn a_stream_comes_piece_by_piece() {
    let server = Server::start([Reply::events(&[
        r#"{"id":"c1","model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
        r#"{"id":"c1","model":"m-1","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}"#,
        r#"{"id":"c1","model":"m-1","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}"#,
        r#"{"id":"c1","model":"m-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"id":"c1","model":"m-1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
        "[DONE]",
    ])])
    .await;
    let (texts, error) = pieces(&server.model(), "hi").await;
    assert_eq!(texts, ["Hel", "lo"]);
    assert!(error.is_none());
    let body = server.last();
    assert_eq!(body["stream"], true);
    assert_eq!(body["stream_options"]["include_usage"], true);
}

#[tokio::test]
async fn a_stream_that_is_finished_is_the_whole_answer() {
    let server = Server::start([Reply::events(&[
        r#"{"id":"c1","model":"m-1","choices":[{"delta":{"content":"Hello"}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
        "[DONE]",
    ])])
    .await;
    let response = server
        .model()
        .stream("hi")
        .finish()
        .await
        .expect("it answers");
    assert_eq!(response.message.text(), "Hello");
    assert_eq!(response.usage, TokenUsage::new(3, 2));
    assert_eq!(response.id.as_deref(), Some("c1"));
    assert_eq!(response.model.as_deref(), Some("m-1"));
}

#[tokio::test]
async fn nothing_is_asked_before_a_stream_is_read() {
    let server = Server::start([Reply::json(ANSWER)]).await;
    drop(server.model().stream(ModelRequest::from("hi")));
    assert_eq!(server.n_seen(), 0);
}

#[tokio::test]
async fn calls_share_a_model() {
    let server = Server::start((0..8).map(|_| Reply::json(ANSWER))).await;
    let model = server.model();
    let calls: Vec<_> = (0..8).map(|_| model.ask("hi")).collect();
    let answers = futures_util::future::join_all(calls).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_deref().ok() == Some("Hello!"))
    );
    assert_eq!(server.n_seen(), 8);
}
