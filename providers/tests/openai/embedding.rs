//! Vectors of texts.

use serde_json::json;
use superstep_providers::{Embedder, OpenAiEmbedder, TokenUsage};

use crate::kit::{Reply, Server, show_error};

fn embedder(server: &Server) -> OpenAiEmbedder {
    server.openai().embedder().expect("it can be built")
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn vectors_are_in_the_order_of_their_texts() {
    let server = Server::start([Reply::json(json!({
        "data": [
            { "index": 1, "embedding": [0.5, 1] },
            { "index": 0, "embedding": [1.0, 0.0] },
        ],
        "usage": { "prompt_tokens": 4, "total_tokens": 4 },
    }))])
    .await;
    let embedder = embedder(&server).dimensions(2);
    assert_eq!(Embedder::name(&embedder), "m");
    let some = embedder
        .embed(texts(&["a", "b"]))
        .await
        .expect("it answers");
    assert_eq!(some.vectors, [[1.0, 0.0], [0.5, 1.0]]);
    assert_eq!(some.usage, TokenUsage::new(4, 0));
    let expected =
        json!({ "model": "m", "input": ["a", "b"], "encoding_format": "float", "dimensions": 2 });
    assert_eq!(server.last(), expected);
    assert_eq!(server.seen()[0].path, "/v1/embeddings");
}

#[tokio::test]
async fn no_texts_are_no_request() {
    let server = Server::start([]).await;
    let some = embedder(&server)
        .embed(Vec::new())
        .await
        .expect("it is easy");
    assert!(some.vectors.is_empty());
    assert_eq!(server.n_seen(), 0);
}

#[tokio::test]
async fn many_texts_are_several_requests() {
    let reply = |n: usize| {
        let data: Vec<_> = (0..n).map(|_| json!({ "embedding": [1.0] })).collect();
        Reply::json(json!({ "data": data, "usage": { "prompt_tokens": n } }))
    };
    let server = Server::start([reply(2048), reply(1)]).await;
    let some = embedder(&server)
        .embed(vec!["x".into(); 2049])
        .await
        .expect("it answers");
    assert_eq!(some.vectors.len(), 2049);
    assert_eq!(some.usage.input, 2049);
    assert_eq!(server.n_seen(), 2);
}

#[tokio::test]
async fn vectors_that_are_missing_or_none_are_an_error() {
    let few = "decode 200: there is not one vector for each text";
    for (data, expected) in [
        (json!([]), few),
        (json!([{ "embedding": [1.0] }]), few),
        (
            json!([{ "index": 0, "embedding": [1.0] }, { "index": 0, "embedding": [1.0] }]),
            few,
        ),
        (
            json!([{ "embedding": [1.0] }, { "embedding": "x" }]),
            "decode 200: a vector is no list of numbers",
        ),
        (
            json!([{ "index": 7, "embedding": [1.0] }, { "index": 0, "embedding": [1.0] }]),
            "decode 200: a vector is no list of numbers",
        ),
    ] {
        let server = Server::start([Reply::json(json!({ "data": data }))]).await;
        let once = server
            .openai()
            .attempts(1)
            .embedder()
            .expect("it can be built");
        let error = once.embed(texts(&["a", "b"])).await.unwrap_err();
        assert_eq!(show_error(&error), expected);
        assert_eq!(error.model.as_deref(), Some("m"));
    }
}

#[tokio::test]
async fn an_embedder_tries_again() {
    let good = Reply::json(json!({ "data": [{ "embedding": [1.0] }] }));
    let server = Server::start([Reply::json("").status(503), good]).await;
    let some = embedder(&server)
        .embed(texts(&["a"]))
        .await
        .expect("it answers");
    assert_eq!(some.vectors, [[1.0]]);
}
