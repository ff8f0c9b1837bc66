//! `ScriptedModel`: which rule replies, what its faults do, and what it remembers.

use std::time::Duration;

use serde_json::json;
use superstep_providers::{
    Delta, Finish, Message, Model, ModelError, ModelErrorKind, ModelPhase, ModelRequest, Reply,
    ScriptedModel, TokenUsage,
};
use tokio::time::{Instant, timeout};

async fn asked(scripted: &ScriptedModel, request: impl Into<ModelRequest>) -> String {
    match scripted.model().ask(request).await {
        Ok(text) => text,
        Err(error) => format!("error: {error}"),
    }
}

async fn fails(reply: impl Into<Reply>) -> ModelError {
    let model = ScriptedModel::new().otherwise(reply).model();
    model.ask("hi").await.expect_err("it fails")
}

#[tokio::test(start_paused = true)]
async fn the_first_rule_that_applies_replies() {
    let scripted = ScriptedModel::new()
        .on("weather", "It rains.")
        .on("weather in Oslo", "never")
        .on_system("critic", "Bad.")
        .when(|request, _| request.temperature == Some(0.0), "Cold.")
        .otherwise("What?");
    assert_eq!(asked(&scripted, "The weather in Oslo?").await, "It rains.");
    let critic = ModelRequest::from("A poem.").system("You are a critic.");
    assert_eq!(asked(&scripted, critic).await, "Bad.");
    let cold = ModelRequest::from("Now?").temperature(0.0);
    assert_eq!(asked(&scripted, cold).await, "Cold.");
    assert_eq!(asked(&scripted, "Now?").await, "What?");
}

#[tokio::test(start_paused = true)]
async fn a_rule_looks_at_the_last_thing_that_a_user_says() {
    let scripted = ScriptedModel::new().on("weather", "It rains.");
    let request = ModelRequest::from("The weather?")
        .message(Message::assistant("It rains."))
        .message("And tomorrow?");
    let said = asked(&scripted, request).await;
    assert!(said.contains("no rule is about `And tomorrow?`"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_has_no_rule_shows_the_request_and_the_rules() {
    let scripted = ScriptedModel::new()
        .on("weather", "It rains.")
        .when(|_, _| false, "never");
    let error = scripted.model().ask("Who?").await.expect_err("no rule");
    assert_eq!(error.kind, ModelErrorKind::BadRequest);
    let message = error.message.expect("it says why");
    let begins =
        "no rule is about `Who?`, asked outside of a node; there is on(`weather`), when(..) of";
    assert!(message.starts_with(begins), "{message}");
    assert!(message.contains("scripted.rs:"), "{message}");
    assert!(error.body.expect("the request").contains("\"Who?\""));
}

#[tokio::test(start_paused = true)]
async fn turns_go_by_what_the_model_has_said() {
    let scripted = ScriptedModel::new().otherwise(["one", "two"]);
    let first = ModelRequest::from("hi");
    let second = first
        .clone()
        .message(Message::assistant("one"))
        .message("hi");
    let third = second.clone().message(Message::assistant("two"));
    for _ in 0..2 {
        assert_eq!(asked(&scripted, second.clone()).await, "two");
        assert_eq!(asked(&scripted, first.clone()).await, "one");
    }
    let over = asked(&scripted, third).await;
    assert!(
        over.ends_with("its rule has 2 turn(s), and the model has spoken 2 time(s)"),
        "{over}"
    );
}

#[tokio::test(start_paused = true)]
async fn calls_and_their_results_make_a_round() {
    let scripted = ScriptedModel::new()
        .on_result(
            "add",
            Reply::with(|request: &ModelRequest| {
                format!("It is {} message(s).", request.messages.len())
            }),
        )
        .otherwise(Reply::calls([
            ("add", json!({ "a": 1 })),
            ("add", json!({ "a": 2 })),
        ]));
    let request = ModelRequest::from("1 and 2?");
    let response = scripted
        .model()
        .generate(request.clone())
        .await
        .expect("it calls");
    assert_eq!(response.finish, Finish::ToolCalls);
    let ids: Vec<&str> = response
        .message
        .tool_calls()
        .map(|call| &*call.id)
        .collect();
    assert_eq!(ids, ["call-0-0", "call-0-1"]);
    let results: Vec<Message> = response
        .message
        .tool_calls()
        .map(|call| Message::tool(call.result("3")))
        .collect();
    let mut request = request.message(response.message);
    request.messages.extend(results);
    assert_eq!(asked(&scripted, request).await, "It is 4 message(s).");
}

#[tokio::test(start_paused = true)]
async fn an_answer_takes_its_time() {
    let scripted = ScriptedModel::new()
        .latency(Duration::from_secs(2))
        .pace(Duration::from_secs(1))
        .on("slow", Reply::text("so").latency(Duration::from_secs(10)))
        .otherwise("one two three");
    let began = Instant::now();
    let mut stream = scripted.model().stream("hi");
    let mut times = Vec::new();
    while let Some(delta) = stream.next().await {
        if let Delta::Text { text } = delta.expect("it answers") {
            times.push((text, began.elapsed().as_secs()));
        }
    }
    let expected = [("one ", 3), ("two ", 4), ("three", 5)];
    assert_eq!(times, expected.map(|(text, at)| (text.to_owned(), at)));
    let began = Instant::now();
    assert_eq!(asked(&scripted, "hi").await, "one two three");
    assert_eq!(began.elapsed().as_secs(), 5);
    let began = Instant::now();
    asked(&scripted, "slow").await;
    assert_eq!(began.elapsed().as_secs(), 11);
}

#[tokio::test(start_paused = true)]
async fn words_are_tokens_unless_it_is_said() {
    let scripted = ScriptedModel::new()
        .on("cheap", Reply::text("yes").usage(TokenUsage::new(7, 9)))
        .otherwise("one two three");
    let model = scripted.model();
    let response = model
        .generate("four words are here")
        .await
        .expect("it answers");
    assert_eq!(response.usage, TokenUsage::new(4, 3));
    let response = model.generate("cheap").await.expect("it answers");
    assert_eq!(response.usage, TokenUsage::new(7, 9));
}

#[tokio::test(start_paused = true)]
async fn ids_follow_from_the_request() {
    let ask = async |text: &str| {
        let scripted = ScriptedModel::new().otherwise("yes");
        let response = scripted.model().generate(text).await.expect("it answers");
        response.id.expect("it has an id")
    };
    assert_eq!(ask("a").await, ask("a").await);
    assert_ne!(ask("a").await, ask("b").await);
}

#[tokio::test(start_paused = true)]
async fn answers_end_where_the_request_says() {
    let scripted = ScriptedModel::new().otherwise("one two three");
    let model = scripted.model();
    let short = ModelRequest::from("hi").max_tokens(2);
    let response = model.generate(short).await.expect("it answers");
    assert_eq!(
        (response.message.text().as_str(), &response.finish),
        ("one two ", &Finish::Length)
    );
    assert_eq!(response.usage.output, 2);
    let exact = ModelRequest::from("hi").max_tokens(3);
    assert_eq!(asked(&scripted, exact).await, "one two three");
    let stops = ModelRequest::from("hi").stop("three").stop("two");
    assert_eq!(asked(&scripted, stops).await, "one ");
}

#[tokio::test(start_paused = true)]
async fn faults_are_errors_of_their_kinds() {
    let wait = Duration::from_secs(3);
    let error = fails(Reply::rate_limited(wait)).await;
    let kind = ModelErrorKind::RateLimited {
        retry_after: Some(wait),
    };
    assert_eq!((error.kind, error.status), (kind, Some(429)));
    let error = fails(Reply::overloaded()).await;
    assert_eq!(error.kind, ModelErrorKind::Overloaded { retry_after: None });
    let error = fails(Reply::timed_out()).await;
    assert_eq!(error.kind, ModelErrorKind::Timeout(ModelPhase::Total));
    let error = fails(Reply::refusal("No.")).await;
    assert_eq!(
        (error.kind, error.message.as_deref()),
        (ModelErrorKind::Refused, Some("No."))
    );
    let error = fails(Reply::text("a b c").cut_after(1)).await;
    assert_eq!(error.kind, ModelErrorKind::Truncated);
    let error = fails(Reply::text("a").finish(Finish::ContentFilter)).await;
    assert_eq!(error.kind, ModelErrorKind::ContentFilter);
    let given = ModelError::new(ModelErrorKind::Quota)
        .code("broke")
        .model("m")
        .status(402);
    let error = fails(given).await;
    assert_eq!(
        error.to_string(),
        "`m`: what was paid for is used up (status 402, code `broke`)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_connection_breaks_in_the_middle() {
    let model = ScriptedModel::new()
        .otherwise(Reply::text("one two three").breaks_after(2))
        .model();
    let mut stream = model.stream("hi");
    let error = loop {
        match stream.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("it does not break"),
        }
    };
    assert_eq!(error.kind, ModelErrorKind::Transport);
    assert_eq!(error.model.as_deref(), Some("scripted"));
    assert_eq!(stream.partial().text(), "one two ");
    assert!(stream.next().await.is_none());
    let error = fails(Reply::text("one two").breaks_after(9)).await;
    assert_eq!(error.kind, ModelErrorKind::Transport);
}

#[tokio::test(start_paused = true)]
async fn what_never_answers_does_not() {
    let model = ScriptedModel::new().otherwise(Reply::never()).model();
    let answer = timeout(Duration::from_secs(3600), model.ask("hi")).await;
    assert!(answer.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_it_was_asked_is_in_order() {
    let scripted = ScriptedModel::new().otherwise("yes");
    let longer = ModelRequest::from("a").message("b");
    asked(&scripted, longer).await;
    asked(&scripted, "z").await;
    let unread = scripted.model().stream("never");
    drop(unread);
    asked(&scripted, "c").await;
    let texts: Vec<String> = scripted.calls().iter().map(|call| call.text()).collect();
    assert_eq!(texts, ["c", "z", "b"]);
    let call = &scripted.calls()[0];
    assert_eq!(
        (call.rule.as_deref(), &call.task),
        (Some("otherwise"), &None)
    );
}

#[tokio::test(start_paused = true)]
async fn the_model_is_named() {
    let model = Model::new(ScriptedModel::new().named("gpt-0"));
    let error = model.ask("hi").await.expect_err("no rule");
    assert_eq!(error.model.as_deref(), Some("gpt-0"));
}
