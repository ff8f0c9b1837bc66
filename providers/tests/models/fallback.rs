//! A model in whose place another is asked.

use std::error::Error as _;
use std::time::Duration;

use superstep_providers::{
    Capabilities, ChatModel, Delta, Model, ModelError, ModelErrorKind, ModelPhase, ModelRequest,
    ModelResponse, ModelStream, Reply, ScriptedModel, TestModel, chat_model_kit,
};

use crate::kit::obedient;

/// One that always says the same, or fails.
fn says(reply: impl Into<Reply>) -> ScriptedModel {
    ScriptedModel::new().otherwise(reply)
}

/// What comes of it, whole and piece by piece.
async fn asked(model: &Model) -> [Result<String, ModelErrorKind>; 2] {
    let whole = model.ask("hi").await;
    let streamed = model.stream("hi").finish().await;
    let streamed = streamed.map(|response| response.message.text());
    [whole, streamed].map(|answered| answered.map_err(|error| error.kind))
}

#[tokio::test]
async fn the_other_is_asked_where_it_is_not_the_requests_fault() {
    let again = Some(Duration::from_secs(1));
    for (kind, falls) in [
        (ModelErrorKind::RateLimited { retry_after: again }, true),
        (ModelErrorKind::Overloaded { retry_after: None }, true),
        (ModelErrorKind::Timeout(ModelPhase::Total), true),
        (ModelErrorKind::Truncated, true),
        (ModelErrorKind::Decode, true),
        (ModelErrorKind::Transport, true),
        (ModelErrorKind::Quota, true),
        (ModelErrorKind::Auth, true),
        (ModelErrorKind::BadRequest, false),
        (ModelErrorKind::ContextLength, false),
        (ModelErrorKind::ContentFilter, false),
        (ModelErrorKind::Unsupported, false),
        (ModelErrorKind::Budget, false),
        (ModelErrorKind::Cancelled, false),
        (ModelErrorKind::Forbidden, false),
    ] {
        let other = says("here");
        let model = Model::new(says(kind.clone())).or(other.clone());
        let expected = match falls {
            true => Ok("here".to_owned()),
            false => Err(kind),
        };
        assert_eq!(asked(&model).await, [expected.clone(), expected]);
        assert_eq!(other.calls().len(), if falls { 2 } else { 0 });
    }
}

#[tokio::test]
async fn whoever_answers_is_not_replaced() {
    let other = says("other");
    let model = Model::new(says("first")).or(other.clone());
    assert_eq!(
        asked(&model).await,
        [Ok("first".into()), Ok("first".into())]
    );
    assert!(other.calls().is_empty());
}

#[tokio::test]
async fn which_errors_are_meant_can_be_said() {
    let long = |error: &ModelError| error.kind == ModelErrorKind::ContextLength;
    let model = Model::new(says(ModelErrorKind::ContextLength)).or_if(says("long"), long);
    assert_eq!(asked(&model).await, [Ok("long".into()), Ok("long".into())]);
    let model = Model::new(says(ModelErrorKind::Quota)).or_if(says("long"), long);
    let quota = || Err(ModelErrorKind::Quota);
    assert_eq!(asked(&model).await, [quota(), quota()]);
}

#[tokio::test]
async fn a_stream_that_has_begun_is_not_begun_again() {
    let broken = says(Reply::text("a b c").breaks_after(2));
    let other = says("other");
    let model = Model::new(broken).or(other.clone());
    let mut stream = model.stream("hi");
    let (mut text, mut error) = (String::new(), None);
    while let Some(delta) = stream.next().await {
        match delta {
            Ok(Delta::Text { text: more }) => text.push_str(&more),
            Ok(_) => {}
            Err(failed) => error = Some(failed.kind),
        }
    }
    assert_eq!(text, "a b ");
    assert!(error.is_some());
    assert!(other.calls().is_empty());
}

#[tokio::test]
async fn where_all_fail_the_last_error_tells_of_the_one_before() {
    let first = says(ModelErrorKind::Quota);
    let model = Model::new(first)
        .or(says(ModelErrorKind::Transport))
        .or(says(ModelErrorKind::Auth));
    for error in [
        model.generate("hi").await.unwrap_err(),
        model.stream("hi").finish().await.unwrap_err(),
    ] {
        assert_eq!(error.kind, ModelErrorKind::Auth);
        let before = error.source().expect("it has a cause");
        assert_eq!(before.to_string(), "`scripted`: the connection failed");
        let first = before.source().expect("it has a cause, too");
        assert!(first.to_string().contains("paid for"), "{first}");
    }
}

#[tokio::test]
async fn it_can_what_both_can_and_has_the_name_of_the_first() {
    let able = TestModel::new();
    let plain = ScriptedModel::new().capabilities(Capabilities::text());
    let model = Model::new(able).or(plain);
    assert_eq!(model.capabilities(), Capabilities::text());
    assert_eq!(model.name(), "test");
}

struct Judged(Model);

impl ChatModel for Judged {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn generate(&self, request: ModelRequest) -> Result<ModelResponse, ModelError> {
        self.0.generate(request).await
    }

    fn stream(&self, request: &ModelRequest) -> Option<ModelStream> {
        Some(self.0.stream(request.clone()))
    }
}

chat_model_kit!(
    second,
    async { Judged(Model::new(says(ModelErrorKind::Quota)).or(obedient())) },
    Capabilities::all(),
    fails: async { Judged(Model::new(says(ModelErrorKind::Quota)).or(says(ModelErrorKind::Auth))) },
);
