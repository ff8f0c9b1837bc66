//! How long is waited, told by a clock that no test waits for: what answers is a
//! cassette that was written by hand.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use superstep::Limiter;
use superstep_providers::{HttpCassette, Model, OpenAi};
use tokio::time::Instant;

use crate::kit::{show, show_error};

/// A model to which everything that it is asked here has that answer.
fn answers(answer: &Value, with: impl FnOnce(OpenAi) -> OpenAi) -> Model {
    let exchange = |text: &str, stream: bool| {
        let messages = json!([{ "role": "user", "content": text }]);
        let mut body = json!({ "model": "m", "messages": messages, "stream": stream });
        if stream {
            body["stream_options"] = json!({ "include_usage": true });
        }
        let path = "/v1/chat/completions";
        json!({ "request": { "method": "POST", "path": path, "body": body }, "answer": answer })
    };
    let texts = ["hi", "ho"].into_iter();
    let exchanges = texts.flat_map(|text| [exchange(text, false), exchange(text, true)]);
    let tape = json!({ "format": 1, "exchanges": exchanges.collect::<Vec<_>>() });
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("tape.json");
    fs::write(&path, tape.to_string()).expect("it can be written");
    let cassette = HttpCassette::replay(&path).expect("it is one");
    let model = with(OpenAi::new("m").cassette(cassette)).build();
    model.expect("it needs no key")
}

fn fails(headers: &[(&str, &str)]) -> Value {
    let headers: serde_json::Map<_, _> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    json!({ "status": 503, "headers": headers, "json": { "error": "busy" } })
}

/// How long it takes until a model gives up.
async fn given_up(model: &Model, text: &str) -> Duration {
    let begin = Instant::now();
    let error = model.ask(text).await.expect_err("it gives up");
    assert!(show_error(&error).starts_with("overloaded 503"), "{error}");
    begin.elapsed()
}

fn seconds(n: f64) -> Duration {
    Duration::from_secs_f64(n)
}

#[tokio::test(start_paused = true)]
async fn waits_double_up_to_the_longest() {
    let whole = 0.5 + 1.0 + 2.0 + 4.0 + 8.0 + 8.0;
    let model = answers(&fails(&[]), |model| model.attempts(7));
    for streams in [false, true] {
        let begin = Instant::now();
        match streams {
            false => assert_eq!(show(model.generate("hi").await), "overloaded 503: busy"),
            true => {
                let streamed = model.stream("hi").finish().await;
                assert_eq!(show(streamed), "overloaded 503: busy");
            }
        }
        let took = begin.elapsed();
        assert!(took <= seconds(whole + 0.01), "{took:?}");
        assert!(took >= seconds(whole * 0.75), "{took:?}");
    }
    let hasty = answers(&fails(&[]), |model| {
        model.attempts(3).backoff(seconds(0.1), seconds(0.1))
    });
    let took = given_up(&hasty, "hi").await;
    assert!(took <= seconds(0.21), "{took:?}");
    let once = answers(&fails(&[]), |model| model.attempts(1));
    assert_eq!(given_up(&once, "hi").await, Duration::ZERO);
}

/// Those who failed at once do not come back at once.
#[tokio::test(start_paused = true)]
async fn waits_are_spread_by_chance() {
    let model = answers(&fails(&[]), |model| model.attempts(5));
    let mut all = BTreeSet::new();
    for _ in 0..8 {
        all.insert(given_up(&model, "hi").await);
    }
    assert!(all.len() > 1, "{all:?}");

    let seeded = |seed| answers(&fails(&[]), |model| model.attempts(5).seed(seed));
    let took = given_up(&seeded(7), "hi").await;
    assert_eq!(given_up(&seeded(7), "hi").await, took);
    assert_ne!(given_up(&seeded(8), "hi").await, took);
    assert_ne!(given_up(&seeded(7), "ho").await, took);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_asked_for_is_kept_in_every_form() {
    let date = ("date", "Thu, 26 Nov 2026 09:00:00 GMT");
    for (headers, asked) in [
        (vec![("retry-after", "2")], 2.0),
        (vec![("retry-after", "1.5")], 1.5),
        (vec![("retry-after-ms", "2500"), ("retry-after", "9")], 2.5),
        (
            vec![date, ("retry-after", "Thu, 26 Nov 2026 09:00:07 GMT")],
            7.0,
        ),
        (vec![("retry-after", "60")], 60.0),
    ] {
        let model = answers(&fails(&headers), |model| model.attempts(3));
        let took = given_up(&model, "hi").await;
        assert!(took >= seconds(2.0 * asked), "{headers:?}: {took:?}");
        // And longer, for those who were all told the same, up to the most.
        let most = seconds(2.0 * f64::min(asked * 1.25, 60.0) + 0.01);
        assert!(took <= most, "{headers:?}: {took:?}");
    }
    let hour = answers(&fails(&[("retry-after", "3600")]), |model| model);
    assert_eq!(given_up(&hour, "hi").await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn those_who_are_told_the_same_do_not_come_back_at_once() {
    let told = fails(&[("retry-after", "40")]);
    let model = |seed| answers(&told, |model| model.attempts(2).seed(seed));
    let mut all = BTreeSet::new();
    for seed in 0..20 {
        let took = given_up(&model(seed), "hi").await;
        assert!((40..=50).contains(&took.as_secs()), "{took:?}");
        all.insert(took.as_secs());
        assert_eq!(given_up(&model(seed), "hi").await, took);
    }
    assert!(all.len() > 5, "{all:?}");
}

fn hello(headers: &Value) -> Value {
    let choice = json!({ "message": { "content": "Hello" } });
    json!({ "status": 200, "headers": headers, "json": { "choices": [choice] } })
}

#[tokio::test(start_paused = true)]
async fn who_finds_nothing_left_waits_for_the_reset() {
    for (what, reset, expected) in [
        ("requests", "6m0s", None),
        ("requests", "12s", Some(12)),
        ("tokens", "1m0s", Some(60)),
        ("tokens", "20", Some(20)),
    ] {
        let (left, until) = (
            format!("x-ratelimit-remaining-{what}"),
            format!("x-ratelimit-reset-{what}"),
        );
        let answer = hello(&json!({ left: "0", until: reset }));
        let model = answers(&answer, |model| model);
        model.ask("hi").await.expect("it answers");
        let begin = Instant::now();
        let again = model.clone().ask("hi").await;
        match expected {
            Some(expected) => {
                assert_eq!(again.expect("it answers"), "Hello");
                assert_eq!(begin.elapsed().as_secs(), expected);
            }
            None => {
                let error = again.unwrap_err();
                let told = show_error(&error);
                assert_eq!(
                    told,
                    "rate-limited after 360s: the provider has said so before"
                );
                assert_eq!(begin.elapsed(), Duration::ZERO);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_limiter_that_models_share_bounds_requests_and_tokens_in_a_time() {
    for (limiter, expected) in [
        (Limiter::new().per_minute(6), 19),
        (Limiter::new().tokens_per_minute(600), 60),
    ] {
        let one = answers(&hello(&json!({})), |model| model.limiter(&limiter));
        let other = answers(&hello(&json!({})), |model| model.limiter(&limiter));
        let begin = Instant::now();
        for _ in 0..4 {
            one.ask("hi").await.expect("it answers");
            other.ask("hi").await.expect("it answers");
        }
        let took = begin.elapsed().as_secs();
        assert!(took >= expected, "{limiter:?}: {took}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_tells_one_model_the_limiter_tells_all() {
    let used_up = json!({ "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "30s" });
    let limiter = Limiter::new().max_concurrency(2);
    let one = answers(&hello(&used_up), |model| model.limiter(&limiter));
    let other = answers(&hello(&json!({})), |model| model.limiter(&limiter));
    let stranger = answers(&hello(&json!({})), |model| model);
    let begin = Instant::now();
    one.ask("hi").await.expect("it answers");
    stranger.ask("hi").await.expect("it answers");
    assert_eq!(begin.elapsed(), Duration::ZERO);
    other.ask("hi").await.expect("it answers");
    assert_eq!(begin.elapsed().as_secs(), 30);
}
