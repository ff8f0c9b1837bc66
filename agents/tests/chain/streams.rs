//! Pieces, and their sum.

use std::time::Duration;

use futures_util::StreamExt;
use proptest::prelude::*;
use superstep::{Chain, ChunkSum, ScriptedModel, assign, map, parallel, passthrough, prompt, text};

use crate::common::{scripted, seed};

fn ask(words: &str, model: &ScriptedModel) -> Chain<&'static str, String> {
    prompt(words) | model.model() | text()
}

/// Each piece as `path: text`, or `path = value`.
async fn told<O: Send + 'static>(stream: &mut superstep::ChainStream<O>) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.expect("no failure");
        told.push(match (chunk.text(), chunk.value()) {
            (Some(text), _) => format!("{}: {text}", chunk.path()),
            (None, value) => format!("{} = {}", chunk.path(), value.expect("one or the other")),
        });
    }
    told
}

#[tokio::test(start_paused = true)]
async fn branches_are_told_of_as_they_come() {
    let model = ScriptedModel::new()
        .on("slow", superstep::Reply::text("one two"))
        .otherwise("quick");
    let slow = model.clone().pace(Duration::from_secs(2));
    let quick = model.pace(Duration::from_secs(3));
    let chain = parallel! {
        slow: ask("slow {x}", &slow),
        quick: ask("{x}", &quick),
        n: map(|text: &str| text.len()),
    };
    let mut stream = chain.stream("space");
    assert_eq!(
        told(&mut stream).await,
        ["n = 5", "slow: one ", "quick: quick", "slow: two"]
    );
    assert_eq!(
        serde_json::to_string(stream.sum()).expect("it is JSON"),
        r#"{"slow":"one two","quick":"quick","n":5}"#
    );
    let record = stream.finish().await.expect("it ends");
    assert_eq!((&*record.slow, record.n), ("one two", 5));
}

#[tokio::test]
async fn of_a_chain_the_last_answer_is_told() {
    let model = scripted();
    let mut stream = seed(&model.model()).stream("SPACE");
    let pieces = told(&mut stream).await;
    assert!(
        pieces.len() > 10 && pieces[0] == ": SYNTHESIS[",
        "{pieces:?}"
    );
    let sum = stream.sum().text("").expect("it is text").to_owned();
    assert_eq!(sum, stream.finish().await.expect("it ends"));
}

#[tokio::test]
async fn what_is_made_of_an_answer_is_told_when_it_is_whole() {
    let model = ScriptedModel::new().otherwise("one two");
    let upper = ask("{x}", &model).map(|text| text.to_uppercase());
    assert_eq!(told(&mut upper.stream("x")).await, [": ONE TWO"]);
    let count = ask("{x}", &model).map(|text| text.len());
    assert_eq!(told(&mut count.stream("x")).await, [" = 7"]);
    // The answer itself is more than its text, which is told all the same.
    let response = prompt("{x}") | model.model();
    let pieces = told(&mut response.stream("x")).await;
    assert_eq!(pieces[..2], [": one ", ": two"]);
    assert!(
        pieces[2].starts_with(r#" = {"finish":"stop""#),
        "{pieces:?}"
    );
}

#[tokio::test]
async fn a_failure_is_the_last_item_and_comes_again_at_the_end() {
    let chain = parallel! { n: passthrough::<u32>(), x: crate::common::fails(0, "no answer") };
    let mut stream = chain.stream(1);
    assert!(stream.next().await.is_some_and(|first| first.is_ok()));
    let error = stream.next().await.expect("an item").unwrap_err();
    assert_eq!(error.place(), "x | step");
    assert!(stream.next().await.is_none());
    assert_eq!(stream.finish().await.unwrap_err().place(), "x | step");
}

#[tokio::test]
async fn failures_that_are_values_stand_for_what_was_told() {
    let model = ScriptedModel::new().otherwise(superstep::Reply::text("one two").breaks_after(1));
    let chain = parallel! { broken: ask("{x}", &model).settle(), x: passthrough() };
    let mut stream = chain.stream("x");
    let pieces = told(&mut stream).await;
    assert!(pieces.contains(&"broken: one ".to_owned()), "{pieces:?}");
    let sum = serde_json::to_value(stream.sum()).expect("it is JSON");
    let record = stream.finish().await.expect("no failure ends it");
    assert_eq!(sum, serde_json::to_value(&record).expect("it is JSON"));
}

#[tokio::test]
async fn who_does_not_read_holds_the_model_up() {
    let words: String = (0..1000).map(|n| format!("{n} ")).collect();
    let model = ScriptedModel::new().otherwise(words.clone());
    let chain = parallel! { a: ask("{x}", &model), b: ask("{x}", &model) };
    let stream = chain.stream("x");
    let all: Vec<_> = stream.collect().await;
    assert_eq!(all.len(), 2000);
    // Pieces wait for the reader, and not the other way round: neither is ahead.
    let paths: Vec<&str> = all
        .iter()
        .map(|chunk| chunk.as_ref().expect("no failure").path())
        .collect();
    assert!(paths[..500].contains(&"a") && paths[..500].contains(&"b"));
}

/// A chain of each kind that can be at an end.
fn ends(kind: u8, model: &ScriptedModel) -> Chain<&'static str, serde_json::Value> {
    fn json<O: serde::Serialize + Send + 'static>(
        chain: Chain<&'static str, O>,
    ) -> Chain<&'static str, serde_json::Value> {
        chain.map(|output| serde_json::to_value(output).expect("it is JSON"))
    }
    match kind {
        0 => json(ask("{x}", model)),
        1 => json(map(|text: &str| text.len())),
        2 => json(ask("{x}", model).settle()),
        _ => json(parallel! { b: ask("{x}", model), a: passthrough() }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever a chain ends with, and whatever the model says, the sum of the
    /// pieces is what the chain comes to.
    #[test]
    fn the_sum_is_what_invoke_gives(answer in "[a-z ]{0,30}", kinds in (0_u8..4, 0_u8..4)) {
        let model = ScriptedModel::new().otherwise(answer);
        let inner = parallel! { z: ask("{x}", &model), y: ends(kinds.0, &model) };
        let chain = parallel! {
            z: inner,
            m: ends(kinds.1, &model).settle(),
            s: parallel! { b: ask("{x}", &model), a: passthrough() }.settle(),
            text: ask("{x}", &model),
            kept: map(|text: &'static str| std::collections::BTreeMap::from([("k", text)]))
                | assign! { n: map(|map: std::collections::BTreeMap<_, &str>| map.len()) },
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (sum, streamed, invoked) = runtime.block_on(async {
            let mut stream = chain.stream("x");
            let mut sum = ChunkSum::default();
            while let Some(chunk) = stream.next().await {
                sum.add(&chunk.expect("no failure"));
            }
            let streamed = stream.finish().await.expect("no failure");
            (sum, streamed, chain.invoke("x").await.expect("no failure"))
        });
        let json = |value: &dyn erased::Json| value.json();
        prop_assert_eq!(json(&sum), json(&invoked));
        prop_assert_eq!(json(&streamed), json(&invoked));
    }
}

mod erased {
    /// As text, with its fields in their order.
    pub(super) trait Json {
        fn json(&self) -> String;
    }

    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> String {
            serde_json::to_string(self).expect("it is JSON")
        }
    }
}
