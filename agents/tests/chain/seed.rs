//! The chain that all of it began with: three branches at once, and a synthesis.

use std::time::Duration;

use superstep::{Chain, parallel, passthrough};
use tokio::time::Instant;

use crate::common::{Gauge, causes, fails, scripted, seed};

#[tokio::test]
async fn it_comes_to_the_synthesis_of_all_branches() {
    let scripted = scripted();
    let chain = seed(&scripted.model()).check().expect("it is sound");
    let answer = chain.invoke("SPACE").await.expect("it ends");
    assert_eq!(
        answer,
        "SYNTHESIS[Based on the following information:\nSummary: SUMMARY(SPACE)\n\
         Related Questions: 1. Q1(SPACE)? 2. Q2?\nKey Terms: alpha, beta, gamma\n\
         Synthesize a comprehensive answer.]"
    );
    let calls = scripted.calls();
    assert_eq!(calls.len(), 4);
    let asked: Vec<String> = calls.iter().map(superstep::Asked::text).collect();
    assert_eq!(asked.iter().filter(|text| *text == "SPACE").count(), 3);
    assert!(asked.contains(&"Original topic: SPACE".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn it_takes_as_long_as_two_calls() {
    let model = scripted().latency(Duration::from_millis(200)).model();
    let begin = Instant::now();
    seed(&model).invoke("SPACE").await.expect("it ends");
    assert_eq!(begin.elapsed(), Duration::from_millis(400));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_at_once_take_no_longer() {
    let model = scripted().latency(Duration::from_millis(200)).model();
    let chain = seed(&model);
    let begin = Instant::now();
    let runs = chain.batch(vec!["SPACE"; 1000]).max_concurrency(3000).await;
    assert_eq!(runs.expect("they end").len(), 1000);
    assert_eq!(begin.elapsed(), Duration::from_millis(400));
}

#[tokio::test(start_paused = true)]
async fn when_a_branch_fails_the_others_are_dropped_at_once() {
    let gauge = Gauge::default();
    let chain: Chain<&str, _> = parallel! {
        slow: gauge.sleeper::<&str>(9000),
        broken: fails(1000, "no answer"),
        later: fails(2000, "never comes"),
        slower: gauge.sleeper::<&str>(99_000),
    };
    let begin = Instant::now();
    let error = chain.invoke("SPACE").await.unwrap_err();
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
    assert_eq!((gauge.most(), gauge.now()), (2, 0));
    assert_eq!(error.branch(), Some("broken"));
    assert_eq!(causes(&error), ["`broken | step` failed", "no answer"]);
}

#[tokio::test]
async fn the_record_has_typed_fields_in_the_order_of_the_branches() {
    #[derive(Debug, PartialEq, serde::Serialize)]
    struct Lengths {
        zebra: usize,
        ant: String,
    }
    let length = || superstep::map(|text: &str| text.len());
    let upper = || superstep::map(str::to_uppercase);
    let chain = parallel! { zebra: length(), ant: upper(), r#type: passthrough() };
    let record = chain.invoke("space").await.expect("it ends");
    let (length_of, word): (usize, &str) = (record.zebra, &record.ant);
    assert_eq!((length_of, word, record.r#type), (5, "SPACE", "space"));
    assert_eq!(
        serde_json::to_string(&record).expect("it is JSON"),
        r#"{"zebra":5,"ant":"SPACE","type":"space"}"#
    );
    let chain: Chain<&str, Lengths> = parallel!(Lengths {
        zebra: length(),
        ant: upper()
    });
    let lengths = chain.invoke("space").await.expect("it ends");
    assert_eq!(
        lengths,
        Lengths {
            zebra: 5,
            ant: "SPACE".into()
        }
    );
}

#[tokio::test]
async fn branches_do_not_see_what_others_do_with_the_input() {
    let bump = || {
        superstep::map(|mut numbers: Vec<u32>| {
            numbers.push(1);
            numbers.len()
        })
    };
    let chain = parallel! { a: bump(), b: bump(), c: bump() };
    let record = chain.invoke(vec![7]).await.expect("it ends");
    assert_eq!((record.a, record.b, record.c), (2, 2, 2));
}
