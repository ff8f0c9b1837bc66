//! Attempts, timeouts, other ways, failures as values.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use superstep::{
    Chain, FnModel, Model, ModelError, ModelErrorKind, ModelResponse, Reply, Retry, ScriptedModel,
    Settled, always, map, parallel, passthrough, prompt, step, text,
};
use tokio::time::Instant;

use crate::common::{Gauge, causes, fails};

/// Fails so often, then answers; and how often it was asked.
fn flaky(
    n: u32,
    error: impl Fn() -> ModelError + Clone + Send + Sync + 'static,
) -> (Model, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let model = FnModel::new(move |_| {
        let fails = count.fetch_add(1, Ordering::SeqCst) < n;
        let error = error.clone();
        async move {
            match fails {
                true => Err(error()),
                false => Ok(ModelResponse::text("at last")),
            }
        }
    });
    (Model::new(model), asked)
}

fn ask(model: Model) -> Chain<&'static str, String> {
    prompt("{x}") | model | text()
}

#[tokio::test(start_paused = true)]
async fn an_attempt_follows_a_failure_after_the_wait_that_is_asked_for() {
    let wait = Duration::from_secs(7);
    let limited = move || {
        ModelErrorKind::RateLimited {
            retry_after: Some(wait),
        }
        .into()
    };
    let (model, asked) = flaky(2, limited);
    let begin = Instant::now();
    let chain = ask(model).retry(Retry::attempts(3));
    assert_eq!(
        chain.invoke("x").await.expect("the third answers"),
        "at last"
    );
    assert_eq!(
        (begin.elapsed(), asked.load(Ordering::SeqCst)),
        (wait * 2, 3)
    );

    let (model, asked) = flaky(9, || ModelErrorKind::Transport.into());
    let begin = Instant::now();
    let error = ask(model)
        .retry(Retry::attempts(3))
        .invoke("x")
        .await
        .unwrap_err();
    assert_eq!(error.place(), "model");
    assert_eq!(
        (begin.elapsed().as_millis(), asked.load(Ordering::SeqCst)),
        (1500, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn what_would_fail_again_is_not_tried_again() {
    let (model, asked) = flaky(1, || ModelErrorKind::Auth.into());
    ask(model)
        .retry(Retry::attempts(3))
        .invoke("x")
        .await
        .unwrap_err();
    assert_eq!(asked.load(Ordering::SeqCst), 1);

    let day = Some(Duration::from_secs(86_400));
    let (model, _) = flaky(1, move || {
        ModelErrorKind::RateLimited { retry_after: day }.into()
    });
    let error = ask(model)
        .retry(Retry::attempts(3))
        .invoke("x")
        .await
        .unwrap_err();
    assert!(
        causes(&error)[1].starts_with("it asks to wait 86400s"),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn waits_with_jitter_differ_from_each_other() {
    let retry = Retry::attempts(2)
        .delay(Duration::from_secs(20))
        .jitter(0.5);
    let mut waits = Vec::new();
    for _ in 0..5 {
        let begin = Instant::now();
        fails::<u32>(0, "x")
            .retry(retry.clone())
            .invoke(1)
            .await
            .unwrap_err();
        waits.push(begin.elapsed());
    }
    waits.dedup();
    assert!(waits.len() > 1, "{waits:?}");
    let range = Duration::from_secs(10)..=Duration::from_secs(31);
    assert!(waits.iter().all(|wait| range.contains(wait)), "{waits:?}");
}

/// Fails so often before it answers, by the attempt in which it is asked.
fn scripted(n_failures: usize) -> ScriptedModel {
    let failures = std::iter::repeat_n(Reply::overloaded(), n_failures);
    ScriptedModel::new().otherwise(Reply::attempts(failures.chain(["at last".into()])))
}

#[tokio::test(start_paused = true)]
async fn a_script_goes_by_the_attempt_of_its_own_part() {
    let retry = Retry::attempts;
    let model = scripted(1);
    let asks = model.model();
    let by_hand = step(move |x: &'static str| {
        let asks = asks.clone();
        async move { Ok(asks.ask(x).await?) }
    });
    let chain = parallel! {
        one: ask(model.model()).retry(retry(2)),
        // Twice two attempts: the fourth.
        two: ask(scripted(3).model()).retry(retry(2)).retry(retry(2)),
        step: by_hand.retry(retry(2)),
        never: ask(model.model()).settle(),
        // Each item, and each of what follows each other, has its own.
        list: map(|x| vec![x; 3]).pipe(ask(model.model()).retry(retry(2)).each()),
    };
    let record = chain.invoke("x").await.expect("all but one answer");
    assert_eq!(
        [record.one, record.two, record.step],
        ["at last"; 3].map(str::to_owned)
    );
    assert!(record.never.error().is_some());
    assert_eq!(record.list, ["at last"; 3]);

    let mut stream = ask(model.model()).retry(retry(2)).stream("x");
    while let Some(chunk) = stream.next().await {
        chunk.expect("no failure");
    }
    assert_eq!(stream.finish().await.expect("it ends"), "at last");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_drops_what_takes_too_long() {
    let gauge = Gauge::default();
    let chain = gauge.sleeper::<u32>(9000).timeout(Duration::from_secs(1));
    let begin = Instant::now();
    let error = chain.invoke(1).await.unwrap_err();
    assert!(error.is_timeout() && error.place() == "timeout");
    assert_eq!((begin.elapsed().as_secs(), gauge.now()), (1, 0));
    let again = gauge.sleeper::<u32>(9000).timeout(Duration::from_secs(1));
    let again = again.retry(Retry::attempts(2).delay(Duration::ZERO));
    again.invoke(1).await.unwrap_err();
    assert_eq!(begin.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_does_not_count_the_wait_for_a_turn() {
    let gauge = Gauge::default();
    let part = |ms| gauge.sleeper::<u32>(ms).timeout(Duration::from_secs(3));
    // Around two steps at once, of which one works while the other waits.
    let two = parallel! { one: gauge.sleeper::<u32>(2000), two: gauge.sleeper::<u32>(2000) };
    let chain = parallel! {
        a: part(2000),
        b: part(2000),
        c: part(2000).timeout(Duration::from_secs(3)),
        long: part(9000).settle(),
        both: two.timeout(Duration::from_secs(3)).settle(),
    };
    let begin = Instant::now();
    let record = chain.invoke(7).max_concurrency(1).await.expect("it ends");
    assert_eq!((record.a, record.b, record.c), (7, 7, 7));
    assert!(matches!(record.long, Settled::TimedOut(_)));
    assert!(matches!(record.both, Settled::TimedOut(_)));
    assert_eq!(
        (begin.elapsed().as_secs(), gauge.most()),
        (2 * 3 + 3 + 3, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_timeout_does_not_count_the_time_in_which_nobody_reads() {
    let pace = Duration::from_millis(10);
    let model = ScriptedModel::new().pace(pace).otherwise("a b c d e");
    let chain = ask(model.model()).timeout(Duration::from_secs(2));
    let mut stream = chain.stream("x");
    while let Some(chunk) = stream.next().await {
        chunk.expect("no failure");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(stream.finish().await.expect("it ends"), "a b c d e");

    let short = ScriptedModel::new().on("short", "a").otherwise("a b c d e");
    let short = short.pace(pace).model();
    let twice = prompt("{x}") | &short | text() | prompt("{x}") | &short | text();
    let twice = twice.timeout(Duration::from_secs(2));
    let mut ended = twice.batch(["short", "long", "long"]).as_completed();
    while let Some((_, answer)) = ended.next().await {
        assert_eq!(answer.expect("no failure"), "a b c d e");
        tokio::time::sleep(Duration::from_secs(9)).await;
    }

    // While it is read it counts.
    let late = model.latency(Duration::from_secs(3)).model();
    let late = ask(late).timeout(Duration::from_secs(2)).stream("x");
    assert!(late.finish().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn other_ways_are_taken_in_order_and_all_failures_told() {
    let chain = fails::<u32>(0, "one")
        .fallback(fails(0, "two"))
        .fallback(always("three".to_owned()));
    assert_eq!(chain.invoke(1).await.expect("the third"), "three");
    let chain = fails::<u32>(0, "one")
        .fallback(fails(0, "two"))
        .fallback(fails(0, "three").named("last"));
    let error = chain.invoke(1).await.unwrap_err();
    let others: Vec<String> = error
        .others()
        .iter()
        .map(|error| causes(error).join(": "))
        .collect();
    assert_eq!(
        others,
        [
            "`step` failed: one",
            "`step` failed: two",
            "`last | step` failed: three"
        ]
    );
    assert_eq!(
        causes(&error),
        [
            "`fallback` failed",
            "all 3 ways failed: `step` failed: one; `step` failed: two; `last | step` failed: three",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn branches_have_policies_of_their_own() {
    let gauge = Gauge::default();
    let chain = parallel! {
        done: passthrough::<u32>().settle(),
        broken: fails(5, "no answer").settle(),
        late: gauge.sleeper::<u32>(9000).timeout(Duration::from_secs(1)).settle(),
        other: fails(5, "no answer").fallback(always("other".to_owned())),
    };
    let record = chain.invoke(7).await.expect("no failure ends it");
    assert_eq!((record.done.done(), &*record.other), (Some(7), "other"));
    let Settled::Failed(error) = &record.broken else {
        panic!("it has failed")
    };
    assert_eq!(causes(error), ["`step` failed", "no answer"]);
    assert!(matches!(record.late, Settled::TimedOut(_)) && gauge.now() == 0);
    assert_eq!(
        serde_json::to_value((&record.broken, &record.late)).expect("it is JSON"),
        serde_json::json!([
            { "failed": "`step` failed: no answer" },
            { "timed_out": "`timeout` failed: it took longer than its timeout of 1s" },
        ])
    );
    assert_eq!(
        record
            .broken
            .error()
            .map(superstep::ChainError::place)
            .as_deref(),
        Some("step")
    );
    assert!(record.late.into_result().is_err());
}

#[tokio::test]
async fn once_something_was_told_nothing_is_tried_again() {
    let breaks = ScriptedModel::new().otherwise(Reply::text("one two three").breaks_after(2));
    let other = ScriptedModel::new().otherwise("other");
    let policies = |model: &ScriptedModel| {
        let chain = ask(model.model()).retry(Retry::attempts(3).delay(Duration::ZERO));
        chain.fallback(ask(other.model()))
    };
    let told = async |chain: Chain<&'static str, String>| {
        let mut stream = chain.stream("x");
        while let Some(Ok(_)) = stream.next().await {}
        let told = stream.sum().text("").unwrap_or_default().to_owned();
        (told, stream.finish().await.ok())
    };
    assert_eq!(told(policies(&breaks)).await, ("one two ".into(), None));
    assert_eq!((breaks.calls().len(), other.calls().len()), (1, 0));

    // Where nobody listens, and where nothing came, another attempt harms nobody.
    assert_eq!(
        policies(&breaks)
            .invoke("x")
            .await
            .expect("the other answers"),
        "other"
    );
    assert_eq!((breaks.calls().len(), other.calls().len()), (4, 1));
    let silent = ScriptedModel::new().otherwise(ModelErrorKind::Transport);
    assert_eq!(
        told(policies(&silent)).await,
        ("other".into(), Some("other".into()))
    );
    assert_eq!(silent.calls().len(), 3);
}

#[tokio::test]
async fn a_policy_is_around_its_own_part_only() {
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let before = step(move |n: u32| {
        count.fetch_add(1, Ordering::SeqCst);
        async move { Ok(n) }
    });
    let chain = before | fails::<u32>(0, "x").retry(Retry::attempts(4).delay(Duration::ZERO));
    chain.invoke(1).await.unwrap_err();
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
