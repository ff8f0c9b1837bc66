//! What errors say, and to whom.

use std::time::Duration;

use superstep::{
    Finish, ModelErrorKind, NodeError, Reply, Retryable, ScriptedModel, branch, map, parallel,
    passthrough, prompt, step, text,
};

use crate::common::{causes, fails};

#[tokio::test]
async fn an_error_says_where_from_the_outside_in() {
    let inner = parallel! { deep: fails::<u32>(0, "no answer").named("ask"), n: passthrough() };
    let chain = parallel! { outer: inner.map(|record| record.deep), n: passthrough() };
    let error = chain.invoke(1).await.unwrap_err();
    assert_eq!(
        causes(&error),
        ["`outer | deep | ask | step` failed", "no answer"]
    );
    assert_eq!(error.branch(), Some("outer"));
    assert_eq!(
        format!("{error:?}"),
        "`outer | deep | ask | step` failed\n  caused by: no answer"
    );

    let either = branch()
        .when(|n: &u32| *n > 1, fails(0, "big"))
        .otherwise(fails(0, "small"));
    assert_eq!(either.invoke(2).await.unwrap_err().place(), "when 1 | step");
    assert_eq!(
        either.invoke(1).await.unwrap_err().place(),
        "otherwise | step"
    );
    assert_eq!(
        fails::<u32>(0, "x").invoke(1).await.unwrap_err().branch(),
        None
    );
}

#[tokio::test]
async fn what_is_no_whole_answer_has_no_text() {
    let scripted = ScriptedModel::new()
        .on("refuse", Reply::refusal("I will not."))
        .on("long", Reply::text("one two three").cut_after(2))
        .on("filter", Reply::text("x").finish(Finish::ContentFilter))
        .otherwise(ModelErrorKind::Auth);
    let chain = prompt("{x}") | scripted.model() | text();
    let kind = async |input: &'static str| {
        let error = chain.invoke(input).await.unwrap_err();
        let kind = error.model_error().map(|error| error.kind.clone());
        (
            error.place(),
            kind.expect("a model's"),
            error.is_retryable(),
        )
    };
    assert_eq!(
        kind("refuse").await,
        ("text".into(), ModelErrorKind::Refused, false)
    );
    assert_eq!(
        kind("long").await,
        ("text".into(), ModelErrorKind::Truncated, true)
    );
    assert_eq!(
        kind("filter").await,
        ("text".into(), ModelErrorKind::ContentFilter, false)
    );
    assert_eq!(
        kind("other").await,
        ("model".into(), ModelErrorKind::Auth, false)
    );
}

#[tokio::test]
async fn an_error_says_whether_to_try_again() {
    let wait = Duration::from_secs(7);
    let scripted = ScriptedModel::new().otherwise(Reply::rate_limited(wait));
    let limited = (prompt("{x}") | scripted.model())
        .invoke("x")
        .await
        .unwrap_err();
    assert_eq!(
        (limited.is_retryable(), limited.retry_after()),
        (true, Some(wait))
    );
    let error = limited.into_node_error();
    assert_eq!(
        (error.is_permanent(), error.retry_after()),
        (false, Some(wait))
    );

    let wrong = step(|_: u32| async { Err::<u32, _>(NodeError::permanent("wrong key")) });
    let wrong = wrong.invoke(1).await.unwrap_err();
    assert!(!wrong.is_retryable() && wrong.clone().into_node_error().is_permanent());

    // Of a chain inside of a step, too.
    let around = step(move |_: u32| {
        let wrong = wrong.clone();
        async move { Err::<u32, _>(wrong.into()) }
    });
    assert!(!around.invoke(1).await.unwrap_err().is_retryable());

    let missing = (passthrough::<serde_json::Value>() | prompt("{a}"))
        .invoke(serde_json::json!({}))
        .await
        .unwrap_err();
    assert!(!missing.is_retryable());
    assert_eq!(
        causes(&missing),
        [
            "`prompt` failed",
            "no value for `a` (message 1, line 1, column 1): there is nothing"
        ]
    );
    assert!(
        fails::<u32>(0, "x")
            .invoke(1)
            .await
            .unwrap_err()
            .is_retryable()
    );
}

#[tokio::test]
async fn what_functions_fail_with_is_the_source() {
    let parse = step(|text: String| async move { Ok(text.parse::<u32>()?) });
    let error = parse.invoke("x".into()).await.unwrap_err();
    assert_eq!(
        causes(&error),
        ["`step` failed", "invalid digit found in string"]
    );
    let parse = map(|text: &str| text.to_owned()).try_map(|text| Ok(text.parse::<u32>()?));
    assert_eq!(parse.invoke("7").await.expect("a number"), 7);
    assert_eq!(parse.invoke("x").await.unwrap_err().place(), "map");
}
