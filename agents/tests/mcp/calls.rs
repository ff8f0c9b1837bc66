//! What calls come to.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::{call, toolbox};
use crate::server::start;

/// What the model reads of an answer.
async fn check(answer: Value, expected: &str) {
    let server = start("").await.expect("it starts");
    let told = call(&toolbox(&server).await, "answer", answer).await;
    assert_eq!(told, expected);
}

#[tokio::test]
async fn text_is_told_as_it_is() {
    check(
        json!({ "content": [{ "type": "text", "text": "one\ntwo" }] }),
        "one\ntwo",
    )
    .await;
    let two = json!([{ "type": "text", "text": "one" }, { "type": "text", "text": "two" }]);
    check(json!({ "content": two }), "one\ntwo").await;
    check(json!({ "content": [] }), "").await;
}

#[tokio::test]
async fn data_is_told_once() {
    let data = json!({ "degrees": 21.5 });
    check(
        json!({ "content": [], "structuredContent": data }),
        r#"{"degrees":21.5}"#,
    )
    .await;
    let said = json!([{ "type": "text", "text": r#"{ "degrees": 21.5 }"# }]);
    check(
        json!({ "content": said, "structuredContent": data }),
        r#"{ "degrees": 21.5 }"#,
    )
    .await;
    let said = json!([{ "type": "text", "text": "It is warm." }]);
    check(
        json!({ "content": said, "structuredContent": data }),
        "It is warm.\n{\"degrees\":21.5}",
    )
    .await;
}

#[tokio::test]
async fn what_is_no_text_is_named() {
    let parts = json!([
        { "type": "image", "data": "aGVsbG8=", "mimeType": "image/png" },
        { "type": "audio", "data": "aGVsbG8h", "mimeType": "audio/wav" },
        { "type": "resource", "resource": { "uri": "file:///a.txt", "text": "of a file" } },
        { "type": "resource", "resource": { "uri": "file:///a.bin", "blob": "aGVsbA==" } },
        { "type": "resource_link", "uri": "file:///b.txt", "name": "b" },
        { "type": "smell", "of": "roses" },
    ]);
    let expected = "[image, image/png, 5 bytes]\n[audio, audio/wav, 6 bytes]\nof a file\n\
                    [file, file:///a.bin, 4 bytes]\n[link, file:///b.txt, b]\n\
                    {\"of\":\"roses\",\"type\":\"smell\"}";
    check(json!({ "content": parts }), expected).await;
}

#[tokio::test]
async fn failures_are_told_the_model() {
    let failure =
        json!({ "content": [{ "type": "text", "text": "no such file" }], "isError": true });
    check(failure, "! no such file").await;
    let asks = json!({ "resultType": "input_required", "inputRequests": {} });
    check(
        asks,
        "! the server `bench` does not speak MCP as it should: it asks for more input, which \
         nobody can give here",
    )
    .await;
    let server = start("").await.expect("it starts");
    let toolbox = toolbox(&server).await;
    let told = call(&toolbox, "refuse", json!({})).await;
    assert_eq!(told, "! the server `bench` refuses: no such tool");
    // It goes on.
    assert_eq!(call(&toolbox, "echo", json!({ "text": "hi" })).await, "hi");
}

#[tokio::test]
async fn answers_have_a_limit() {
    let server = start("").max_answer(1000).await.expect("it starts");
    let toolbox = toolbox(&server).await;
    let told = call(&toolbox, "long", json!({ "bytes": 1000 })).await;
    assert_eq!(told.len(), 1000);
    let told = call(&toolbox, "long", json!({ "bytes": 1001 })).await;
    let expected = "! the answer has 1001 bytes, and at most 1000 are let through: ask for less";
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_message_without_end_ends_the_connection() {
    let server = start("").await.expect("it starts");
    let toolbox = toolbox(&server).await;
    let told = call(&toolbox, "long", json!({ "bytes": 17 << 20 })).await;
    let expected =
        "! the server `bench` is gone: it has sent a message of more than 16777216 bytes";
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_told_and_cancelled() {
    let server = start("").timeout(Duration::from_millis(200)).named("slow");
    let toolbox = toolbox(&server.await.expect("it starts")).await;
    let told = call(&toolbox, "hang", json!({})).await;
    assert_eq!(told, "! the server `slow` did not answer within 200ms");
    assert_eq!(call(&toolbox, "cancelled", json!({})).await, "1");
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_cancelled() {
    let server = start("").await.expect("it starts");
    let toolbox = toolbox(&server).await;
    tokio::select! {
        biased;
        told = call(&toolbox, "hang", json!({})) => panic!("{told}"),
        told = call(&toolbox, "cancelled", json!({})) => assert_eq!(told, "0"),
    }
    assert_eq!(call(&toolbox, "cancelled", json!({})).await, "1");
}

#[tokio::test]
async fn calls_overlap() {
    let server = start("").await.expect("it starts");
    let toolbox = toolbox(&server).await;
    let (worked, finished) = tokio::join!(
        call(&toolbox, "work", json!({})),
        // The server has read the other call, which was sent before.
        call(&toolbox, "finish", json!({})),
    );
    assert_eq!((worked.as_str(), finished.as_str()), ("finished", "done"));
}
