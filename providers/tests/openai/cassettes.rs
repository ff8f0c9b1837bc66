//! What servers answer, recorded over a socket and replayed without one.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use superstep_providers::{Embedder as _, HttpCassette, Model, OpenAi};

use crate::kit::{Reply, Server, pieces, show, show_error};

const KEY: &str = "sk-secret-1234567890";

const HELLO: &str = r#"{"id":"c1","choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;

const STREAM: [&str; 4] = [
    r#"{"id":"c2","choices":[{"delta":{"content":"Hel"}}]}"#,
    r#"{"choices":[{"delta":{"content":"lo"}}]}"#,
    r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
    "[DONE]",
];

/// A folder, and a file in it that is not there yet.
fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("some/tape.json");
    (folder, path)
}

/// A model at a server, with a key, that is recorded.
fn recorded(server: &Server, cassette: HttpCassette) -> Model {
    let model = server.openai().attempts(1).api_key(KEY);
    model.cassette(cassette).build().expect("it can be built")
}

/// A model without a key and at OpenAI, that is replayed.
fn replayed(cassette: HttpCassette) -> Model {
    let model = OpenAi::new("m").cassette(cassette).attempts(1);
    model.build().expect("it needs no key")
}

fn replay(path: &Path) -> HttpCassette {
    HttpCassette::replay(path).expect("it is one")
}

fn tape(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("it is there");
    serde_json::from_str(&text).expect("it is JSON")
}

/// What a model that is asked all of it says.
async fn all_of(model: &Model) -> Vec<String> {
    let whole = model.generate("hi").await;
    let id = whole.as_ref().ok().and_then(|whole| whole.id.clone());
    let streamed = model.stream("hi").finish().await;
    let pieces = pieces(model, "hey").await.0;
    let refused = model.generate("much").await;
    let all = [show(whole), show(streamed), show(refused)];
    let more = [id.unwrap_or_default(), pieces.join("|")];
    all.into_iter().chain(more).collect()
}

#[tokio::test]
async fn what_is_recorded_is_replayed_without_the_server() {
    let (_folder, path) = file();
    let refusal = r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#;
    let server = Server::start([
        Reply::json(HELLO).header("x-request-id", "r1"),
        Reply::events(&STREAM).header("x-request-id", "r2"),
        Reply::events(&STREAM),
        Reply::json(refusal)
            .status(400)
            .header("x-request-id", "r3"),
    ])
    .await;
    let model = recorded(&server, HttpCassette::record(&path));
    let said = all_of(&model).await;
    let expected = [
        r#""Hello" Stop 1+2"#,
        r#""Hello" Stop 3+4"#,
        "context-length 400 `context_length_exceeded` of r3: too long",
        "c1",
        "Hel|lo",
    ];
    assert_eq!(said, expected);
    assert_eq!(server.n_seen(), 4);
    assert_eq!(all_of(&replayed(replay(&path))).await, expected);
    assert_eq!(server.n_seen(), 4);
    // People can read it.
    let tape = tape(&path);
    let answer = &tape["exchanges"][0]["answer"];
    assert_eq!(answer["headers"]["content-type"], "text/event-stream");
    assert_eq!(answer["pieces"][3], "data: [DONE]\n\n");
    assert_eq!(tape["exchanges"][1]["answer"]["json"]["id"], "c1");
}

#[tokio::test]
async fn no_key_is_on_the_tape() {
    let (_folder, path) = file();
    let told = format!(r#"{{"error":{{"message":"{KEY} may not","code":"x"}}}}"#);
    let event = format!(r#"{{"choices":[{{"delta":{{"content":"{KEY}"}}}}]}}"#);
    let server = Server::start([
        Reply::json(&told).status(404),
        Reply::events(&[&event, STREAM[2], STREAM[3]]).header("set-cookie", "session=cookie-1"),
    ])
    .await;
    let model = OpenAi::new("m")
        .base_url(format!("{}?subscription-key=abc-123&tenant=t", server.url))
        .api_key(KEY)
        .organization("org-secret")
        .header("x-auth", "header-secret")
        .cassette(HttpCassette::record(&path))
        .build();
    let model = model.expect("it can be built");
    model.ask("hi").await.unwrap_err();
    let answered = model.stream(format!("what is {KEY}?")).finish().await;
    answered.expect("it answers");
    assert!(server.seen()[0].path.contains("subscription-key=abc-123"));
    let text = fs::read_to_string(&path).expect("it is there");
    for secret in [
        KEY,
        "uthorization",
        "Bearer",
        "abc-123",
        "org-secret",
        "header-secret",
        "cookie-1",
    ] {
        assert!(!text.contains(secret), "`{secret}` in {text}");
    }
    assert!(
        text.contains("subscription-key=[scrubbed]&tenant=t"),
        "{text}"
    );
    assert!(text.contains("[key] may not"), "{text}");
    assert!(text.contains("what is [key]?"), "{text}");
}

#[tokio::test]
async fn fields_and_texts_are_kept_out() {
    let (_folder, path) = file();
    let ann = r#"{"id":"c1","choices":[{"delta":{"content":"Hello Ann"},"finish_reason":"stop"}]}"#;
    let server = Server::start([Reply::json(HELLO), Reply::events(&[ann, "[DONE]"])]).await;
    let careful = |cassette: HttpCassette| cassette.scrub("id").scrub("user").hide("Ann");
    let model = recorded(&server, careful(HttpCassette::record(&path)));
    let by = |name: &str| {
        let request = superstep_providers::ModelRequest::from("I am Ann.");
        request.extra("user", name)
    };
    model.generate(by("ann@x.org")).await.expect("it answers");
    let answered = model.stream(by("ann@x.org")).finish().await;
    assert_eq!(answered.expect("it answers").message.text(), "Hello Ann");
    let text = fs::read_to_string(&path).expect("it is there");
    for secret in ["Ann", "ann@x.org", "c1"] {
        assert!(!text.contains(secret), "`{secret}` in {text}");
    }
    // Whoever it is, it is the same recording.
    let model = replayed(careful(replay(&path)));
    let whole = model.generate(by("bob@x.org")).await.expect("it is there");
    assert_eq!(whole.id.as_deref(), Some("[scrubbed]"));
    let streamed = model.stream(by("bob@x.org")).finish().await;
    let text = streamed.expect("it is there").message.text();
    assert_eq!(text, "Hello [hidden]");
}

#[tokio::test]
async fn a_request_that_changed_fails_and_shows_the_nearest() {
    let (_folder, path) = file();
    let server = Server::start([Reply::json(HELLO), Reply::json(HELLO)]).await;
    let model = recorded(&server, HttpCassette::record(&path));
    model
        .ask("What is the capital of Norway?")
        .await
        .expect("it answers");
    model.ask("Is it far?").await.expect("it answers");
    let model = replayed(replay(&path));
    let asked = "What is the capital of Sweden?";
    let whole = model.generate(asked).await.unwrap_err();
    let expected = format!(
        "bad-request: `{}` has no recording of it; the nearest differs first in \
         `body.messages[0].content`: asked is `What is the capital of Sweden?`, recorded was \
         `What is the capital of Norway?`",
        path.display()
    );
    assert_eq!(show_error(&whole), expected);
    let body = whole.body.expect("it shows what was asked");
    assert!(body.contains(asked), "{body}");
    // One that streams is another request.
    let streamed = model.stream("Is it far?").finish().await.unwrap_err();
    let told = show_error(&streamed);
    assert!(told.contains("differs first in `body.stream"), "{told}");
    let embedder = OpenAi::new("m").cassette(replay(&path)).embedder();
    let embedder = embedder.expect("it needs no key");
    let error = embedder.embed(vec!["x".into()]).await.unwrap_err();
    let told = show_error(&error);
    assert!(told.contains("has no recording of it"), "{told}");
}

#[tokio::test]
async fn what_passes_or_is_not_complete_is_not_recorded() {
    let (_folder, path) = file();
    let half = Reply::events(&STREAM[..1]);
    let server = Server::start([
        Reply::json("slow").status(429),
        Reply::json("busy").status(503),
        Reply::json("no").status(401),
        half.clone().then_breaks(),
        half.then_hangs(),
        Reply::json(HELLO),
        Reply::json(HELLO.replace("Hello", "Hello again")),
    ])
    .await;
    let model = recorded(&server, HttpCassette::record(&path));
    for _ in 0..3 {
        model.ask("hi").await.unwrap_err();
    }
    model.stream("hi").finish().await.unwrap_err();
    let mut dropped = model.stream("hi");
    while dropped.partial().text().is_empty() {
        let next = dropped.next().await;
        next.expect("more comes").expect("it is no error");
    }
    drop(dropped);
    assert!(!path.exists());
    // Of two answers to the same, the newer is.
    model.ask("hi").await.expect("it answers");
    model.ask("hi").await.expect("it answers");
    assert_eq!(tape(&path)["exchanges"].as_array().map(Vec::len), Some(1));
    let again = replayed(replay(&path)).ask("hi").await;
    assert_eq!(again.expect("it is there"), "Hello again");
}

#[tokio::test]
async fn a_tape_that_cannot_be_written_or_read_is_an_error() {
    let (folder, _) = file();
    let file = folder.path().join("file");
    fs::write(&file, json!({ "format": 1, "recordings": [] }).to_string()).expect("it can be");
    let error = HttpCassette::replay(&file).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("is no cassette: missing field `exchanges`"),
        "{error}"
    );
    fs::write(&file, json!({ "format": 9 }).to_string()).expect("it can be");
    let error = HttpCassette::replay(&file).unwrap_err();
    assert!(error.to_string().contains("is of format 9"), "{error}");
    let nowhere = file.join("tape.json");
    let server = Server::start([Reply::json(HELLO), Reply::events(&STREAM)]).await;
    let model = recorded(&server, HttpCassette::record(&nowhere));
    for told in [
        show(model.generate("hi").await),
        show(model.stream("hi").finish().await),
    ] {
        assert!(told.contains("cannot be written"), "{told}");
    }
}
