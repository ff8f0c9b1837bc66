//! Cassettes: what is written, what is replayed, and what a miss shows.

use std::fs;
use std::path::Path;
use std::process::Command;

use expect_test::expect;
use superstep_providers::{
    Capabilities, Cassette, ChatModel, FnModel, Message, Model, ModelErrorKind, ModelRequest,
    ModelResponse, Reply, ScriptedModel, chat_model_kit,
};

fn real() -> ScriptedModel {
    ScriptedModel::new()
        .named("real")
        .on("weather", "It rains in Oslo.")
        .on("broken", Reply::overloaded())
        .on("half", Reply::text("one two").breaks_after(1))
        .otherwise("yes")
}

async fn recorded(path: &Path, requests: &[&str]) {
    let model = Model::new(Cassette::record(path, real()));
    for request in requests {
        let _ = model.ask(*request).await;
    }
}

#[tokio::test]
async fn the_file_can_be_read_by_people() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("inside/tape.json");
    recorded(&path, &["hi", "broken"]).await;
    let text = fs::read_to_string(&path).expect("it is written");
    expect![[r#"
        {
          "can": [
            "tools",
            "schema",
            "json",
            "images",
            "audio",
            "files"
          ],
          "format": 1,
          "model": "real",
          "recordings": [
            {
              "answer": {
                "response": {
                  "finish": "stop",
                  "id": "scripted-32b33e7c7ccd13af",
                  "message": {
                    "parts": [
                      {
                        "text": "yes",
                        "type": "text"
                      }
                    ],
                    "role": "assistant"
                  },
                  "model": "real",
                  "usage": {
                    "input": 1,
                    "output": 1
                  }
                }
              },
              "request": {
                "messages": [
                  {
                    "parts": [
                      {
                        "text": "hi",
                        "type": "text"
                      }
                    ],
                    "role": "user"
                  }
                ]
              }
            }
          ]
        }
    "#]]
    .assert_eq(&text);
}

#[tokio::test]
async fn what_was_recorded_is_replayed_piece_by_piece() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tape.json");
    let model = Model::new(Cassette::record(&path, real()));
    let mut deltas = Vec::new();
    let mut stream = model.stream("weather?");
    while let Some(delta) = stream.next().await {
        deltas.push(delta.expect("it answers"));
    }
    let cassette = Cassette::replay(&path).expect("it is there");
    assert_eq!(cassette.name(), "real");
    let model = Model::new(cassette);
    let mut stream = model.stream("weather?");
    let mut again = Vec::new();
    while let Some(delta) = stream.next().await {
        again.push(delta.expect("it answers"));
    }
    assert_eq!(again, deltas);
    let whole = model.ask("weather?").await.expect("it answers");
    assert_eq!(whole, "It rains in Oslo.");
}

#[tokio::test]
async fn the_order_of_recording_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (folder.path().join("1.json"), folder.path().join("2.json"));
    recorded(&one, &["a", "weather", "b", "a"]).await;
    recorded(&two, &["b", "a", "weather"]).await;
    let read = |path: &Path| fs::read_to_string(path).expect("it is written");
    assert_eq!(read(&one), read(&two));
}

#[tokio::test]
async fn ids_of_messages_are_no_part_of_a_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tape.json");
    let asks = |id: &str| Message::user("weather?").with_id(id);
    let model = Model::new(Cassette::record(&path, real()));
    model
        .ask(asks("t/1/0/ask/message/0"))
        .await
        .expect("it answers");
    let model = Model::new(Cassette::replay(&path).expect("it is there"));
    let said = model.ask(asks("u/1/0/ask/message/0")).await;
    assert_eq!(said.expect("it is known"), "It rains in Oslo.");
}

#[tokio::test]
async fn failures_and_halves_are_not_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tape.json");
    recorded(&path, &["hi", "broken"]).await;
    let model = Model::new(Cassette::record(&path, real()));
    assert!(model.stream("half").finish().await.is_err());
    let mut stream = model.stream("weather");
    stream.next().await;
    drop(stream);
    let model = Model::new(Cassette::replay(&path).expect("it is there"));
    assert!(model.ask("hi").await.is_ok());
    for missing in ["broken", "half", "weather"] {
        let error = model.ask(missing).await.expect_err("it is not there");
        assert_eq!(error.kind, ModelErrorKind::BadRequest);
    }
}

#[tokio::test]
async fn a_miss_shows_the_nearest_and_the_first_difference() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tape.json");
    let model = Model::new(Cassette::record(&path, real()));
    let long = format!("{} the weather in Oslo?", "Really, ".repeat(10));
    let request = ModelRequest::from([Message::system("Be brief."), Message::user(&*long)]);
    model.ask("hi").await.expect("it answers");
    model
        .ask(request.clone().temperature(0.5))
        .await
        .expect("it answers");
    let model = Model::new(Cassette::replay(&path).expect("it is there"));
    let miss = async |request: ModelRequest| {
        let error = model.ask(request).await.expect_err("it is not there");
        let message = error.message.expect("it says why");
        message.split_once("; ").expect("two parts").1.to_owned()
    };
    let other = ModelRequest::from([
        Message::system("Be brief."),
        Message::user(long.replace("Oslo", "Rome")),
    ]);
    expect!["the nearest differs first in `messages[1].parts[0].text`: asked is `…ally, Really,  the weather in Rome?`, recorded was `…ally, Really,  the weather in Oslo?`"].assert_eq(&miss(other.temperature(0.5)).await);
    expect!["the nearest differs first in `temperature`: asked is `1.0`, recorded was `0.5`"]
        .assert_eq(&miss(request.clone().temperature(1.0)).await);
    expect!["the nearest differs first in `temperature`: asked is nothing, recorded was `0.5`"]
        .assert_eq(&miss(request).await);
    expect![
        "the nearest differs first in `messages[0].parts[0].text`: asked is `ho`, recorded was `hi`"
    ]
    .assert_eq(&miss("ho".into()).await);
}

#[tokio::test]
async fn what_is_scrubbed_is_not_in_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tape.json");
    let tell = || {
        FnModel::new(|request: ModelRequest| async move {
            Ok(ModelResponse::text(format!(
                "It was: {}",
                request.messages[0].text()
            )))
        })
    };
    let clean = |cassette: Cassette| cassette.scrub("user").hide("sk-123");
    let model = Model::new(clean(Cassette::record(&path, tell())));
    let request = |user: &str| ModelRequest::from("My key is sk-123.").extra("user", user);
    let said = model.ask(request("ann")).await.expect("it answers");
    assert_eq!(said, "It was: My key is sk-123.");
    let text = fs::read_to_string(&path).expect("it is written");
    assert!(!text.contains("sk-123") && !text.contains("ann"), "{text}");
    let model = Model::new(clean(Cassette::replay(&path).expect("it is there")));
    let said = model.ask(request("bob")).await.expect("it is found");
    assert_eq!(said, "It was: My key is [hidden].");
}

#[tokio::test]
async fn what_is_no_cassette_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tape.json");
    let why = |path: &Path| Cassette::replay(path).expect_err("it is none").to_string();
    assert!(why(&path).contains("cannot be read"));
    fs::write(&path, "{}").expect("it is written");
    assert!(why(&path).contains("is no cassette: missing field"));
    let other = r#"{"format":2,"model":"m","can":[],"recordings":[]}"#;
    fs::write(&path, other).expect("it is written");
    assert!(why(&path).contains("is of format 2, and 1 is known here"));
}

/// In a process of its own, since the environment is one for all tests.
#[tokio::test]
async fn the_environment_says_whether_it_is_recorded() {
    if let Some(path) = std::env::var_os("CASSETTE_OF_THE_TEST") {
        let cassette = Cassette::open(path, real).map(Model::new);
        match std::env::var("WANTED").as_deref() {
            Ok("error") => assert!(cassette.is_err()),
            _ => {
                let said = cassette.expect("it opens").ask("hi").await;
                assert_eq!(said.expect("it answers"), "yes");
            }
        }
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tape.json");
    for (mode, wanted) in [
        ("", "error"),
        ("record", "yes"),
        ("replay", "yes"),
        ("other", "error"),
    ] {
        let name = "cassettes::the_environment_says_whether_it_is_recorded";
        let ended = Command::new(std::env::current_exe().expect("this one"))
            .args(["--exact", name])
            .env("CASSETTE_OF_THE_TEST", &path)
            .env("WANTED", wanted)
            .env("SUPERSTEP_CASSETTES", mode)
            .output();
        let ended = ended.expect("it runs");
        assert!(
            ended.status.success(),
            "{mode}: {}",
            String::from_utf8_lossy(&ended.stdout)
        );
    }
}

/// One that records is a model as good as what it records.
mod recording {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    static TAPES: AtomicUsize = AtomicUsize::new(0);

    chat_model_kit!(
        cassette,
        async {
            let number = TAPES.fetch_add(1, Ordering::Relaxed);
            let path = format!("{}/tape-{number}.json", env!("CARGO_TARGET_TMPDIR"));
            Cassette::record(path, crate::kit::obedient())
        },
        Capabilities::all(),
        fails: async {
            let failing = ScriptedModel::new().otherwise(Reply::overloaded());
            Cassette::record("never written", failing)
        },
    );
}
