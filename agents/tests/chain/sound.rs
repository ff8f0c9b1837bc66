//! What is found before a chain runs, and how chains are drawn.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use superstep::{
    Chain, Retry, always, assign, branch, map, parallel, passthrough, pick, placeholder, prompt,
    system, text, user,
};

use crate::common::{scripted, seed};

/// The mistakes, each as its code, its message and its help.
fn mistakes<I: 'static, O>(chain: Chain<I, O>) -> Vec<String> {
    let error = chain.check().expect_err("something is wrong");
    let found = error.diagnostics().iter();
    found
        .map(|found| {
            assert_eq!(found.location().file(), file!(), "{found}");
            format!("{}: {} ({})", found.code(), found.message(), found.help())
        })
        .collect()
}

#[test]
fn all_that_does_not_fit_is_told_at_once() {
    let model = scripted().model();
    let chain: Chain<&str, String> = parallel! {
        summary: prompt("Summarize {topic} in {n} words") | model.clone() | text(),
        questions: prompt("Ask about {topic}") | model.clone() | text(),
    } | prompt([
        system("Based on {summarys} and {terms}"),
        user("{topic} {questions}"),
    ]) | model
        | text();
    assert_eq!(
        mistakes(chain),
        [
            "unfilled-hole: the prompt in `summary` gets a text, which fills one hole, and has 2: \
             `n` (message 1, line 1, column 22), `topic` (message 1, line 1, column 11) (give it a \
             record, as by `parallel!`, or all but one by `.partial(..)`)",
            "unfilled-hole: the prompt gets no value for `summarys` (message 1, line 1, column 10) \
             (did you mean `summary`?)",
            "unfilled-hole: the prompt gets no value for `terms` (message 1, line 1, column 25) \
             (give it one before, where there is `questions`, `summary`, or by \
             `.partial(\"terms\", ..)`)",
            "unfilled-hole: the prompt gets no value for `topic` (message 2, line 1, column 1) \
             (give it one before, where there is `questions`, `summary`, or by \
             `.partial(\"topic\", ..)`)",
        ]
    );
}

#[test]
fn what_a_dollar_keeps_from_being_filled_is_told_where_there_is_a_value() {
    let price = || parallel! { name: passthrough::<&'static str>(), price: always(5) };
    assert_eq!(
        mistakes(price() | prompt("{name} costs ${price}, and ${HOME} is a place.")),
        [
            "unfilled-hole: the prompt leaves `${price}` as it is, and gets a value for it (message \
             1, line 1, column 15) (give the `$` as a value, `{usd}{price}` with \
             `.partial(\"usd\", \"$\")`; if it is to stay, give all of it as one: what fills a hole \
             is not looked at again)"
        ]
    );
    let mended = prompt("{name} costs {usd}{price}, and not {shell}.")
        .partial("usd", "$")
        .partial("shell", "${price}");
    assert!((price() | mended).check().is_ok());
    // A text has nowhere to go where there is no other hole.
    let text =
        |template: &str| -> Chain<&str, _> { superstep::IntoChain::into_chain(prompt(template)) };
    assert_eq!(mistakes(text("It costs ${price}.")).len(), 1);
    assert!(text("{what} is in ${HOME}.").check().is_ok());
    assert!(
        text("{what?} is in ${HOME}, \\{x} and ${{x}}.")
            .check()
            .is_ok()
    );
}

struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it cannot be"))
    }
}

#[test]
fn fields_are_known_through_policies_ways_and_assignments() {
    let record = || {
        parallel! { a: passthrough::<u32>(), b: always(1) }
            .timeout(std::time::Duration::MAX)
            .named("record")
    };
    assert!((record() | prompt("{a} {b}")).check().is_ok());
    assert_eq!(
        mistakes(record() | prompt("{c}")),
        [
            "unfilled-hole: the prompt gets no value for `c` (message 1, line 1, column 1) (give it \
             one before, where there is `a`, `b`, or by `.partial(\"c\", ..)`)"
        ]
    );
    let more = || record() | assign! { c: always(2) };
    assert!((more() | prompt("{a} {b} {c}")).check().is_ok());
    assert_eq!(
        mistakes(more() | pick::<_, u32>("d")),
        [
            "nothing-to-pick: `pick` takes `d`, which is not there (take what is there: `a`, `b`, `c`)"
        ]
    );
    let text = map(|n: u32| n.to_string());
    assert_eq!(
        mistakes(text.clone() | assign! { c: always(2) }),
        [
            "assign-to-text: `assign!` gets a text, which has no fields to put others beside (write \
             `parallel!` in its place, and keep the text as a branch: `text: passthrough()`)"
        ]
    );
    assert_eq!(
        mistakes(text | pick::<_, u32>("c")),
        [
            "nothing-to-pick: `pick` takes `c` from a text, which has no fields (leave it out, or \
             let a record come before it, as by `parallel!`)"
        ]
    );
    let given = prompt("{name} {question}")
        .partial("nam", "x")
        .partial("question", Unwritable);
    assert_eq!(
        mistakes::<Value, _>(superstep::IntoChain::into_chain(given)),
        [
            "unknown-hole: the prompt is given `nam`, and has no hole of that name (did you mean \
             `name`?)",
            "unwritable-value: what the prompt is given as `question` is no JSON: it cannot be \
             (give it a value that serde can write as JSON)"
        ]
    );
    let either = branch()
        .when(|n: &u32| *n > 1, prompt("{a} {b}"))
        .otherwise(prompt("{a}"));
    assert!(either.check().is_ok(), "of a number nothing is known");
    let either = branch()
        .when(|text: &&str| text.len() > 1, prompt("{a} {b}"))
        .otherwise(prompt("{a}"));
    assert_eq!(mistakes(either).len(), 1);
}

#[test]
fn what_is_not_known_is_no_mistake() {
    let chain: Chain<Value, _> = superstep::IntoChain::into_chain(prompt("{a} {b}"));
    assert!(chain.check().is_ok());
    let chat: Chain<&str, _> =
        superstep::IntoChain::into_chain(prompt([placeholder("h").optional(), user("{text}")]));
    assert!(chat.check().is_ok());
}

#[tokio::test]
async fn what_is_not_sound_fails_before_its_first_step() {
    let begun = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&begun);
    let first = map(move |text: &'static str| {
        count.fetch_add(1, Ordering::Relaxed);
        text
    });
    let chain = first | parallel! { a: passthrough(), b: always("b") } | prompt("{a} {c}");
    // No policy makes anything of it.
    let chain = chain.retry(Retry::attempts(3)).settle();
    let error = chain.invoke("x").await.expect_err("it is not sound");
    assert_eq!(error.place(), "check");
    let why = error.source().expect("it says why").to_string();
    assert!(
        why.contains("unfilled-hole: the prompt gets no value for `c`"),
        "{why}"
    );
    assert!(!superstep::Retryable::is_retryable(&error));
    let told = chain.clone().map(|_| ()).stream("x").finish().await;
    assert_eq!(told.expect_err("it is not sound").place(), "check");
    let all = chain
        .batch(["x", "y"])
        .await
        .err()
        .map(|error| error.place());
    assert_eq!(all.as_deref(), Some("[0] | check"));
    let mut ended = chain.batch(["x", "y"]).as_completed();
    while let Some((_, output)) = ended.next().await {
        assert!(output.is_err());
    }
    assert_eq!(begun.load(Ordering::Relaxed), 0);
    assert!(chain.check().is_err());
}

#[tokio::test]
async fn what_only_serde_knows_is_no_mistake() {
    #[derive(serde::Serialize)]
    struct Renamed {
        #[serde(rename = "summary")]
        short: u32,
    }
    let chain = parallel!(Renamed {
        short: passthrough::<u32>()
    }) | prompt("{summary}");
    assert_eq!(chain.invoke(7).await.expect("it is sound")[0].text(), "7");

    #[derive(serde::Serialize)]
    struct Both {
        a: &'static str,
        b: usize,
    }
    impl From<&'static str> for Both {
        fn from(a: &'static str) -> Self {
            Self { a, b: a.len() }
        }
    }
    let ask: Chain<Both, _> = superstep::IntoChain::into_chain(prompt("{a} {b}"));
    let messages = ask.takes::<&str>().invoke("x").await;
    assert_eq!(messages.expect("it is sound")[0].text(), "x 1");
}

#[test]
fn a_chain_is_drawn_as_a_graph() {
    let chain = seed(&scripted().model());
    let drawn = chain.to_mermaid();
    for node in [
        "summary.prompt",
        "summary.model",
        "questions.text",
        "topic.passthrough",
    ] {
        assert!(drawn.contains(node), "{drawn}");
    }
    assert!(chain.to_svg().contains("terms.prompt"));
    assert!(chain.to_dot().contains("digraph"));
    let choice = branch()
        .when(|n: &u32| *n > 1, map(|n: u32| n + 1))
        .otherwise(always(0).fallback(always(1)))
        .map(|n| n / 2);
    let drawn = choice.to_mermaid();
    assert!(
        drawn.contains("when 1.map") && drawn.contains("otherwise.else.always"),
        "{drawn}"
    );
    assert_eq!(
        format!("{:?}", passthrough::<u32>() | choice),
        "Chain(passthrough | branch { when 1: map, otherwise: fallback { first: always, else: always } } | map)"
    );
}

#[test]
fn a_name_is_drawn_and_a_policy_is_not() {
    let policies = || map(|n: u32| n).retry(Retry::attempts(2)).max_concurrency(2);
    for name in ["retry", "settle", "x"] {
        let drawn = policies().named(name).to_mermaid();
        assert!(drawn.contains(&format!("{name}.map")), "{drawn}");
    }
    let drawn = policies().settle().to_mermaid();
    assert!(
        drawn.contains("(map)") || drawn.contains("\"map\""),
        "{drawn}"
    );
}

fn whole<T: Serialize + Send + 'static>() -> Chain<T, Value> {
    map(|values| json!(values))
}

/// Chains of all that can be drawn, with whatever names.
fn chains() -> impl Strategy<Value = Chain<Value, Value>> {
    let names = prop_oneof!["\\PC{0,3}", "[a /.\t\n]{0,3}", "__(start|end)__"].boxed();
    let leaf = names.clone().prop_map(pick);
    leaf.prop_recursive(4, 16, 3, move |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            (names.clone(), inner.clone()).prop_map(|(name, chain)| chain.named(name)),
            inner
                .prop_map(move |chain| chain.retry(Retry::attempts(2)).each())
                .prop_map(move |each| map(|value| vec![value]) | each | whole()),
            two.clone().prop_map(|(first, next)| first | next),
            two.clone().prop_map(|(first, other)| first.fallback(other)),
            two.clone()
                .prop_map(move |(a, b)| parallel! { a: a, b: b } | whole()),
            two.clone()
                .prop_map(move |(a, b)| assign! { a: a, b: b } | whole()),
            two.prop_map(|(when, other)| branch().when(Value::is_null, when).otherwise(other)),
        ]
    })
}

proptest! {
    #[test]
    fn every_chain_is_drawn(chain in chains()) {
        prop_assert!(chain.to_mermaid().contains("pick"));
    }
}
