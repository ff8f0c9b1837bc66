//! Chains as nodes of graphs.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::testing::explore;
use superstep::{
    Budget, Chain, Graph, ModelErrorKind, Reply, ScriptedModel, chain_node, parallel, prompt, step,
    text,
};

use crate::common::{Gauge, causes};

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Research {
    topic: String,
    #[reduce(Append)]
    found: Vec<String>,
}

/// Two questions at once.
fn chain(model: &ScriptedModel) -> Chain<String, [String; 2]> {
    let ask = |words: &str| prompt(words) | model.model() | text();
    let both = parallel! { a: ask("Summarize {topic}"), b: ask("Criticize {topic}") };
    both.map(|both| [both.a, both.b])
}

fn graph(model: &ScriptedModel, retry: Retry) -> Graph<Research> {
    let look = chain_node(
        chain(model),
        |state: &Research| state.topic.clone(),
        |found| Research::update().found(found),
    );
    StateGraph::<Research>::new("research")
        .add_node("look", node(look.clone()).retry(retry))
        .add_node("again", look)
        .add_edge(START, ["look", "again"])
        .compile()
        .expect("it is sound")
}

fn scripted() -> ScriptedModel {
    ScriptedModel::new().on("Summarize", "in short").on(
        "Criticize",
        Reply::text("too long").latency(Duration::from_secs(1)),
    )
}

fn input() -> ResearchUpdate {
    Research::update().topic("cats")
}

#[tokio::test(start_paused = true)]
async fn what_its_models_say_and_use_is_the_nodes() {
    let graph = graph(&scripted(), Retry::attempts(1));
    let mut events = graph.invoke(input()).stream().tokens();
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        let task = event
            .task()
            .map(|task| task.to_string())
            .unwrap_or_default();
        told.push(format!("{task}: {}", event.token().unwrap_or_default()));
    }
    told.sort();
    let of_one =
        |node: &str| ["in ", "long", "short", "too "].map(|word| format!("{node}: {word}"));
    assert_eq!(told, [of_one("again"), of_one("look")].concat());
    let run = events.finish().await.expect("it ends");
    assert_eq!(
        run.state.found,
        ["in short", "too long", "in short", "too long"]
    );
    assert_eq!(
        (run.usage().of("look").calls, run.usage().of("look").tokens),
        (2, 8)
    );
}

#[tokio::test(start_paused = true)]
async fn tokens_say_of_which_part_of_the_chain_they_are() {
    let model = ScriptedModel::new()
        .on("broken", Reply::text("one two three").breaks_after(1))
        .otherwise("fine");
    let ask = |words: &str| prompt(words) | model.model() | text();
    let retry = Retry::attempts(2).delay(Duration::ZERO);
    let broken = || ask("broken {topic}");
    let inside = parallel! { x: ask("{topic}"), y: broken().retry(retry.clone()).settle() };
    let all = parallel! {
        again: broken().retry(retry).settle(),
        other: broken().fallback(ask("{topic}")),
        inside: inside,
        each: superstep::map(|topic: String| vec![topic.clone(), topic]) | ask("{topic}").each(),
    };
    let chain = ask("{topic}") | all.map(|all| vec![all.other]);
    let graph = looks(chain);
    let mut events = graph.invoke(input()).stream().tokens();
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        let part = event.part().unwrap_or("-");
        told.push(format!(
            "{part}: {}",
            event.token().unwrap_or_default().trim()
        ));
    }
    let used = events.finish().await.expect("it ends well");
    let calls = |part| used.usage().of_part("look", part).calls;
    assert_eq!(
        ["again", "other", "inside", "each"].map(calls),
        [2, 2, 3, 2]
    );
    assert_eq!((calls("inside/y"), calls("ins")), (2, 0));
    assert_eq!(used.usage().of("look").calls, 10);
    assert_eq!(used.usage().tasks().count(), 1);
    told.sort();
    assert_eq!(
        told,
        [
            "-: fine",
            "again#2: one",
            "again: one",
            "each/[0]: fine",
            "each/[1]: fine",
            "inside/x: fine",
            "inside/y#2: one",
            "inside/y: one",
            "other/else: fine",
            "other: one",
        ]
    );
}

/// A graph of one node, which looks by way of the chain.
fn looks(chain: Chain<String, Vec<String>>) -> Graph<Research> {
    let look = chain_node(
        chain,
        |state: &Research| state.topic.clone(),
        |found| Research::update().found(found),
    );
    StateGraph::<Research>::new("research")
        .add_node("look", look)
        .add_edge(START, "look")
        .compile()
        .expect("it is sound")
}

#[tokio::test(start_paused = true)]
async fn its_timeouts_stand_still_while_the_run_waits_for_its_reader() {
    let model = ScriptedModel::new().pace(Duration::from_millis(10));
    let model = model.otherwise("a b c d e");
    let chain = chain(&model).timeout(Duration::from_secs(2));
    let graph = looks(chain.map(Vec::from));
    let mut events = graph.invoke(input()).stream().tokens();
    let mut n_tokens = 0;
    while events.next().await.is_some() {
        n_tokens += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(n_tokens, 2 * 5);
    events.finish().await.expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn every_order_comes_to_the_same() {
    let explored = explore(&graph(&scripted(), Retry::attempts(1)), input())
        .orders(20)
        .await;
    explored.expect("all agree");
}

#[tokio::test(start_paused = true)]
async fn a_failure_says_whether_the_node_is_to_try_again() {
    let retry = || Retry::attempts(3).delay(Duration::ZERO);
    let limited = Reply::rate_limited(Duration::from_secs(5));
    let model = scripted();
    let attempts = ScriptedModel::new()
        .on_node("again", "fine")
        .on(
            "Summarize",
            Reply::attempts([limited, Reply::from("in short")]),
        )
        .otherwise("too long");
    let begin = tokio::time::Instant::now();
    let run = graph(&attempts, retry())
        .invoke(input())
        .await
        .expect("the second attempt");
    assert_eq!(run.state.found[2..], ["in short", "too long"]);
    assert_eq!(begin.elapsed().as_secs(), 5);

    let wrong = ScriptedModel::new()
        .on_node("again", "fine")
        .otherwise(ModelErrorKind::Auth);
    let error = graph(&wrong, retry()).invoke(input()).await.unwrap_err();
    assert_eq!(
        causes(&error),
        [
            "node `look` failed in superstep 1, attempt 1",
            "`a | model` failed",
            "`scripted`: the key is missing or wrong",
        ]
    );
    let budget = Budget::new().tokens(5);
    let run = graph(&model, retry()).invoke(input()).budget(&budget).await;
    assert!(causes(&run.unwrap_err())[2].contains("the run's budget is used up"));
}

#[tokio::test(start_paused = true)]
async fn a_script_counts_attempts_of_the_node_and_of_the_chain() {
    for is_watched in [false, true] {
        let failures = std::iter::repeat_n(Reply::overloaded(), 3);
        let model = ScriptedModel::new()
            .on(
                "Summarize",
                Reply::attempts(failures.chain(["at last".into()])),
            )
            .otherwise("fine");
        let look = chain_node(
            chain(&model).retry(Retry::attempts(2)),
            |state: &Research| state.topic.clone(),
            |found| Research::update().found(found),
        );
        let graph = StateGraph::<Research>::new("research")
            .add_node("look", node(look).retry(Retry::attempts(3)))
            .add_edge(START, "look")
            .compile()
            .expect("it is sound");
        let call = graph.invoke(input());
        let run = match is_watched {
            false => call.await,
            true => call.stream().tokens().finish().await,
        };
        let run = run.expect("the fourth answers");
        assert_eq!(run.state.found, ["at last", "fine"]);
        let attempts = model.calls().into_iter();
        let attempts = attempts.filter(|call| call.text().starts_with("Summarize"));
        let attempts: Vec<u32> = attempts.map(|call| call.attempt).collect();
        assert_eq!(attempts, [1, 1, 2, 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_graph_inside_of_a_step_counts_its_own_attempts() {
    let reply = Reply::attempts([Reply::overloaded(), Reply::from("at last")]);
    let model = ScriptedModel::new().otherwise(reply);
    let inside = graph(&model, Retry::attempts(2));
    let failed = step(move |_: ()| {
        let inside = inside.clone();
        async move { Ok(inside.invoke(input()).await?.state.found) }
    });
    // `again` is not tried again, neither in the first attempt nor in the second.
    let error = failed.retry(Retry::attempts(2)).invoke(()).await;
    let error = causes(&error.unwrap_err());
    assert!(error[1].contains("node `again` failed"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_is_bound_as_its_chain_is() {
    for (bound, most) in [(2, 2), (150, 150)] {
        let gauge = Gauge::default();
        let chain = gauge.sleeper::<String>(50).each().max_concurrency(bound);
        let look = chain_node(
            chain,
            |_: &Research| vec![String::new(); 200],
            |found| Research::update().found(found),
        );
        let graph = StateGraph::<Research>::new("research")
            .add_node("look", look)
            .add_edge(START, "look")
            .compile()
            .expect("it is sound");
        graph.invoke(input()).await.expect("it runs");
        assert_eq!(gauge.most(), most);
    }
}

#[test]
fn what_does_not_fit_is_reported_when_the_graph_is_compiled() {
    let model = ScriptedModel::new().otherwise("fine").model();
    let both = parallel! { a: superstep::passthrough(), b: superstep::always("b") };
    let chain = both | prompt("{a} {c} {d}") | model | text();
    let look = chain_node(
        chain.map(|text| vec![text]),
        |state: &Research| state.topic.clone(),
        |found| Research::update().found(found),
    );
    let error = StateGraph::<Research>::new("research")
        .add_node("look", node(look.clone()).retry(Retry::attempts(2)))
        .add_node("again", look)
        .add_edge(START, ["look", "agian"])
        .compile()
        .expect_err("it is not sound");
    let found = error.diagnostics().iter();
    let found: Vec<_> = found
        .map(|found| {
            assert_eq!(found.location().file(), file!(), "{found}");
            format!("{}: {} ({})", found.code(), found.message(), found.help())
        })
        .collect();
    assert_eq!(
        found,
        [
            "unfilled-hole: the prompt gets no value for `c` (message 1, line 1, column 5) (give it \
             one before, where there is `a`, `b`, or by `.partial(\"c\", ..)`)",
            "unfilled-hole: the prompt gets no value for `d` (message 1, line 1, column 9) (give it \
             one before, where there is `a`, `b`, or by `.partial(\"d\", ..)`)",
            "unknown-node: an edge names `agian`, which is not a node of this graph (did you mean \
             `again`?)",
        ]
    );
}
