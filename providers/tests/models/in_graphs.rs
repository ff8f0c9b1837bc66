//! What a run sees of the models that its nodes ask: tokens, usage, budgets.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::testing::explore;
use superstep::{Budget, Cost, Graph, Run, RunError, Usage};
use superstep_providers::{
    Cassette, FnModel, Model, ModelError, ModelErrorKind, Reply, ScriptedModel, TokenUsage,
};

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Talk {
    topic: String,
    #[reduce(Append)]
    said: Vec<String>,
}

const REVIEW: Worker<String> = Worker::new("review");

async fn says(text: &str, ctx: Ctx<Model>) -> NodeResult<TalkUpdate> {
    Ok(Talk::update().said(ctx.ask(text).await?))
}

async fn summarize(talk: View<Talk>, ctx: Ctx<Model>) -> NodeResult<TalkUpdate> {
    says(&talk.topic, ctx).await
}

async fn criticize(talk: View<Talk>, ctx: Ctx<Model>) -> NodeResult<TalkUpdate> {
    let mut stream = ctx.stream(format!("Criticize {}", talk.topic));
    while let Some(delta) = stream.next().await {
        delta?;
    }
    let response = stream.finish().await?;
    Ok(Talk::update().said(response.message.text()))
}

async fn review(page: String, ctx: Ctx<Model>) -> NodeResult<TalkUpdate> {
    says(&page, ctx).await
}

/// Two branches, a graph inside, and two sends.
fn graph() -> Graph<Talk, Model> {
    let inside = StateGraph::<Talk, Model>::new("inside")
        .add_node("deep", summarize)
        .add_edge(START, "deep");
    StateGraph::<Talk, Model>::new("talk")
        .add_node("summarize", summarize)
        .add_node("criticize", criticize)
        .add_node("inside", inside.compile().expect("it is sound"))
        .add_worker(REVIEW, review)
        .add_edge(START, ["summarize", "criticize", "inside"])
        .add_conditional_edges(
            "summarize",
            |_: &Talk| ["page one", "page two"].map(|page| REVIEW.send(page.to_owned())),
            [REVIEW],
        )
        .compile()
        .expect("it is sound")
}

fn scripted() -> ScriptedModel {
    ScriptedModel::new()
        .on_node("summarize", "in short")
        .on_node("criticize", "too long")
        .on_node("inside", "deep down")
        .on("page one", "fine")
        .on(
            "page two",
            Reply::text("not so good").usage(TokenUsage::new(100, 20)),
        )
}

const SAID: [&str; 5] = ["too long", "deep down", "in short", "fine", "not so good"];

fn input() -> TalkUpdate {
    Talk::update().topic("cats")
}

#[tokio::test(start_paused = true)]
async fn tokens_are_in_the_stream_with_node_and_path() {
    let model = scripted().latency(Duration::from_secs(1)).model();
    let mut events = graph().invoke(input()).context(model).stream().tokens();
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        let task = event
            .task()
            .map(|task| task.to_string())
            .unwrap_or_default();
        told.push((
            format!("{}:{task}", event.path()),
            event.token().unwrap_or_default().to_owned(),
        ));
    }
    let run = events.finish().await.expect("it ends");
    assert_eq!(run.state.said, SAID);
    let of = |place: &str| -> Vec<&str> {
        let told = told.iter().filter(|(told, _)| told == place);
        told.map(|(_, text)| &**text).collect()
    };
    assert_eq!(of(":summarize"), ["in ", "short"]);
    assert_eq!(of(":criticize"), ["too ", "long"]);
    assert_eq!(of("inside/0:deep"), ["deep ", "down"]);
    assert_eq!(of(":review/0"), ["fine"]);
    assert_eq!(of(":review/1"), ["not ", "so ", "good"]);
    assert_eq!(told.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn usage_is_counted_by_node_whether_it_is_watched_or_not() {
    let used = [
        ("criticize", 4),
        ("inside/0/deep", 3),
        ("review/0", 3),
        ("review/1", 120),
        ("summarize", 3),
    ];
    for is_watched in [false, true] {
        let invocation = graph().invoke(input()).context(scripted().model());
        let run = match is_watched {
            false => invocation.await,
            true => invocation.stream().finish().await,
        };
        let run = run.expect("it ends");
        let usage = run.usage();
        let tasks: Vec<(&str, u64)> = usage.tasks().map(|(t, used)| (t, used.tokens)).collect();
        assert_eq!(tasks, used);
        assert_eq!(usage.of("review").calls, 2);
        assert_eq!(usage.total().tokens, 133);
    }
}

#[tokio::test(start_paused = true)]
async fn every_order_comes_to_the_same() {
    let explored = explore(&graph(), input())
        .context_with(|| scripted().model())
        .orders(60)
        .await
        .expect("all agree");
    assert_eq!(explored.orders, 60);
    let asked = async || {
        let scripted = scripted();
        let run = graph().invoke(input()).context(scripted.model()).await;
        run.expect("it ends");
        scripted.calls()
    };
    let calls = asked().await;
    assert_eq!(calls, asked().await);
    let tasks: Vec<&str> = calls
        .iter()
        .filter_map(|call| call.task.as_deref())
        .collect();
    assert_eq!(
        tasks,
        [
            "criticize",
            "summarize",
            "review/0",
            "review/1",
            "inside/0/deep"
        ]
    );
    let scripted = scripted();
    graph()
        .invoke(input())
        .context(scripted.model())
        .await
        .expect("it ends");
    assert_eq!(scripted.calls_of("review").len(), 2);
    assert_eq!(scripted.calls_of("inside")[0].node.as_deref(), Some("deep"));
}

/// A graph of that one node, `ask`.
fn lone(
    add: impl FnOnce(StateGraph<Talk, Model>) -> StateGraph<Talk, Model>,
) -> Graph<Talk, Model> {
    let graph = add(StateGraph::new("lone")).add_edge(START, "ask");
    graph.compile().expect("it is sound")
}

/// Why the run's node failed.
fn model_error(error: &RunError) -> (&ModelError, u32) {
    match error {
        RunError::Node {
            source, attempt, ..
        } => {
            let error = source.downcast_ref();
            (error.expect("a model's error"), *attempt)
        }
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_has_used_what_had_come() {
    // A broken answer says nothing of its usage: what it sent and said is estimated.
    let reply = Reply::attempts([
        Reply::text("12345678 12345678").breaks_after(1),
        Reply::text("fine").usage(TokenUsage::new(50, 50)),
    ]);
    let model = || ScriptedModel::new().otherwise(reply.clone()).model();
    let graph = lone(|graph| graph.add_node("ask", node(criticize).retry(Retry::attempts(2))));
    let run = graph.invoke(input()).context(model()).await;
    let used = run.expect("the second is well").usage().of("ask");
    // "Criticize cats" is 4, "12345678 " is 3.
    assert_eq!((used.tokens, used.calls), (4 + 3 + 100, 2));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_failed_before_another_was_asked_is_a_call() {
    let says = |usage: Option<TokenUsage>| {
        let fails = FnModel::new(move |_| async move {
            let mut error = ModelError::from(ModelErrorKind::Transport);
            error.usage = usage;
            Err(error)
        });
        let fine = Reply::text("fine").usage(TokenUsage::new(50, 50));
        Model::new(fails).or(ScriptedModel::new().otherwise(fine))
    };
    // "cats" is 1, "Criticize cats" is 4.
    for (usage, tokens) in [(None, [1, 4]), (Some(TokenUsage::new(7, 2)), [9, 9])] {
        for is_watched in [false, true] {
            let asks = |graph: StateGraph<Talk, Model>| graph.add_node("ask", summarize);
            let reads = |graph: StateGraph<Talk, Model>| graph.add_node("ask", criticize);
            for (graph, tokens) in [lone(asks), lone(reads)].iter().zip(tokens) {
                let budget = Budget::new();
                let run = graph.invoke(input()).context(says(usage)).budget(&budget);
                let run = match is_watched {
                    false => run.await,
                    true => run.stream().tokens().finish().await,
                };
                let used = run.expect("the other answers").usage().of("ask");
                assert_eq!((used.tokens, used.calls), (tokens + 100, 2));
                assert_eq!(budget.used(), used);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_other_is_not_asked_where_the_budget_has_too_little_left() {
    let other = ScriptedModel::new().otherwise("fine");
    let first = ScriptedModel::new().otherwise(ModelErrorKind::Transport);
    let model = first.model().or(other.clone());
    let graph = lone(|graph| graph.add_node("ask", summarize));
    let budget = Budget::new().calls(1);
    let run = graph.invoke(input()).context(model).budget(&budget).await;
    let error = run.expect_err("one call is too little");
    assert_eq!(model_error(&error).0.kind, ModelErrorKind::Budget);
    assert!(other.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_stream_that_is_read_elsewhere_tried_is_counted() {
    let elsewhere = async |ctx: Ctx<Model>| {
        let stream = ctx.stream("hi");
        let read = tokio::spawn(stream.finish()).await?;
        NodeResult::Ok(Talk::update().said(read?.message.text()))
    };
    let first = ScriptedModel::new().otherwise(ModelErrorKind::Transport);
    let model = first.model().or(ScriptedModel::new().otherwise("fine"));
    let graph = lone(|graph| graph.add_node("ask", elsewhere));
    let run = graph.invoke(input()).context(model).await;
    assert_eq!(run.expect("it ends").usage().of("ask").calls, 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_sent_is_no_call() {
    for (kind, calls) in [
        (ModelErrorKind::Unsupported, 0),
        (ModelErrorKind::Forbidden, 0),
        (ModelErrorKind::Quota, 1),
    ] {
        for is_watched in [false, true] {
            let model = ScriptedModel::new().otherwise(kind.clone()).model();
            let failing = node(criticize).on_error(async |_: View<Talk>| Talk::update().said("no"));
            let graph = lone(|graph| graph.add_node("ask", failing));
            let budget = Budget::new().tokens(1000);
            let invocation = graph.invoke(input()).context(model).budget(&budget);
            let run = match is_watched {
                false => invocation.await,
                true => invocation.stream().tokens().finish().await,
            };
            assert_eq!(run.expect("it falls back").usage().total().calls, calls);
            assert_eq!(budget.used().calls, calls, "{kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_reads_is_no_call() {
    let scripted = ScriptedModel::new().otherwise("fine");
    let unread = async |ctx: Ctx<Model>| {
        let unread = (ctx.stream("a"), ctx.stream("x".repeat(10_000)));
        // An answer may have 256: had the first begun, too little would be left.
        let said = ctx.ask("b").await?;
        let mut large = unread.1;
        let pieces = [large.next().await, large.next().await];
        let pieces = pieces.map(|piece| match piece {
            Some(Err(error)) => error.kind.code(),
            Some(Ok(_)) => "a piece",
            None => "the end",
        });
        let pieces = pieces.map(str::to_owned).to_vec();
        NodeResult::Ok(Talk::update().said(said).said(pieces))
    };
    let graph = lone(|graph| graph.add_node("ask", unread));
    let budget = Budget::new().tokens(300);
    let run = graph.invoke(input()).context(scripted.model());
    let run = run.budget(&budget).await.expect("it ends");
    assert_eq!(run.state.said, ["fine", "budget", "the end"]);
    assert_eq!(run.usage().total().calls, 1);
    assert_eq!(budget.used(), run.usage().total());
    assert_eq!(scripted.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_attempt_has_used_what_had_come() {
    let model = ScriptedModel::new()
        .on("Criticize", "12345678 and more")
        .pace(Duration::from_secs(1))
        .model();
    let timed = node(criticize).timeout(Duration::from_millis(1500));
    let fallback = timed.on_error(async |_: View<Talk>| Talk::update().said("too late"));
    let run = lone(|graph| graph.add_node("ask", fallback))
        .invoke(input())
        .context(model)
        .await;
    let run = run.expect("the fallback is well");
    assert_eq!(run.state.said, ["too late"]);
    let used = run.usage().of("ask");
    assert_eq!((used.tokens, used.calls), (4 + 3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_budget_stops_the_call_that_may_use_more_and_nothing_is_tried_again() {
    let scripted = ScriptedModel::new().otherwise("fine");
    let graph = lone(|graph| graph.add_node("ask", node(summarize).retry(Retry::attempts(5))));
    let budget = Budget::new().tokens(100);
    let run = graph
        .invoke(input())
        .context(scripted.model())
        .budget(&budget)
        .await;
    let error = run.expect_err("an answer may have 256");
    let (why, attempt) = model_error(&error);
    assert_eq!((&why.kind, attempt), (&ModelErrorKind::Budget, 1));
    assert_eq!(why.model.as_deref(), Some("scripted"));
    assert_eq!(scripted.calls(), []);
    assert_eq!(budget.used(), Usage::new());
}

#[tokio::test(start_paused = true)]
async fn a_budget_settles_what_was_used() {
    let model = scripted().model().with(|request| request.max_tokens(20));
    let budget = Budget::new().tokens(1000);
    let run = graph().invoke(input()).context(model).budget(&budget).await;
    let used = run.expect("it is enough").usage().total();
    assert_eq!(budget.used(), used);
    assert_eq!(used.cost, Cost::default());
    assert_eq!(budget.left().tokens, Some(1000 - 133));
}

#[tokio::test(start_paused = true)]
async fn of_calls_at_once_a_budget_lets_through_what_it_can_pay() {
    let slow = ScriptedModel::new()
        .otherwise("fine")
        .latency(Duration::from_secs(1));
    let model = slow.model().with(|request| request.max_tokens(49));
    let asks = async |ctx: Ctx<Model>| match ctx.ask("?").await {
        Ok(text) => Talk::update().said(text),
        Err(error) => Talk::update().said(error.kind.code()),
    };
    let graph = ["a", "b", "c"]
        .into_iter()
        .fold(StateGraph::<Talk, Model>::new("three"), |graph, name| {
            graph.add_node(name, asks).add_edge(START, name)
        });
    let graph = graph.compile().expect("it is sound");
    // Each reserves 50.
    let budget = Budget::new().tokens(120);
    let run = graph.invoke(input()).context(model).budget(&budget).await;
    assert_eq!(run.expect("it ends").state.said, ["fine", "fine", "budget"]);
    assert_eq!(slow.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_provider_is_left_alone_for_as_long_as_it_asks() {
    let wait = Duration::from_secs(7);
    let reply = Reply::attempts([Reply::rate_limited(wait), Reply::from("fine")]);
    let model = ScriptedModel::new().otherwise(reply).model();
    let retry = Retry::attempts(3).classify::<ModelError>();
    let began = tokio::time::Instant::now();
    let run = lone(|graph| graph.add_node("ask", node(summarize).retry(retry)))
        .invoke(input())
        .context(model)
        .await;
    assert_eq!(run.expect("the second is well").state.said, ["fine"]);
    assert_eq!(began.elapsed(), wait);
}

#[tokio::test(start_paused = true)]
async fn what_would_fail_again_is_not_tried_again() {
    let scripted = ScriptedModel::new().otherwise(ModelErrorKind::Auth);
    let retry = Retry::attempts(3).classify::<ModelError>();
    let graph = lone(|graph| graph.add_node("ask", node(summarize).retry(retry)));
    let run = graph.invoke(input()).context(scripted.model()).await;
    let error = run.expect_err("the key is wrong");
    assert_eq!(model_error(&error).1, 1);
    assert_eq!(scripted.calls().len(), 1);
}

/// A graph of one node, which asks for a whole answer.
fn one() -> Graph<Talk, Model> {
    let graph = StateGraph::<Talk, Model>::new("one").add_node("summarize", summarize);
    let graph = graph.add_edge(START, "summarize");
    graph.compile().expect("it is sound")
}

#[tokio::test]
async fn that_it_is_watched_does_not_change_which_model_answers() {
    let broken = || ScriptedModel::new().otherwise(Reply::text("a b c").breaks_after(2));
    let model = || broken().model().or(ScriptedModel::new().otherwise("x y"));
    let run = one().invoke(input()).context(model()).await;
    assert_eq!(run.expect("the other answers").state.said, ["x y"]);

    let (told, run) = watched(model()).await;
    assert_eq!(told, ["a ", "b ", "#2 x ", "#2 y"]);
    assert_eq!(run.state.said, ["x y"]);
    assert_eq!(run.usage().total().calls, 2);

    // Nor does that it is recorded.
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("tape.json");
    let (told, run) = watched(Cassette::record(&path, model()).into()).await;
    assert_eq!(told, ["a ", "b ", "#2 x ", "#2 y"]);
    assert_eq!(run.state.said, ["x y"]);
    let replayed = Cassette::replay(&path).expect("it is recorded");
    let (told, run) = watched(replayed.into()).await;
    assert_eq!(told, ["x ", "y"]);
    assert_eq!(run.state.said, ["x y"]);
}

/// The tokens that a watcher sees, each with its part if it has one, and the run.
async fn watched(model: Model) -> (Vec<String>, Run<Talk>) {
    let mut events = one().invoke(input()).context(model).stream().tokens();
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        let text = event.token().unwrap_or_default();
        told.push(match event.part() {
            Some(part) => format!("{part} {text}"),
            None => text.to_owned(),
        });
    }
    (told, events.finish().await.expect("it ends"))
}

#[tokio::test]
async fn what_a_scripted_failure_has_used_is_counted() {
    let used = TokenUsage::new(100, 10);
    let quota = ModelError::new(ModelErrorKind::Quota).usage(used);
    for failure in [Reply::overloaded().usage(used), Reply::from(quota)] {
        let failing = ScriptedModel::new().otherwise(failure);
        let other = ScriptedModel::new().otherwise(Reply::text("x").usage(TokenUsage::new(7, 4)));
        let run = one().invoke(input()).context(failing.model().or(other));
        let usage = run.await.expect("the other answers");
        let total = usage.usage().total();
        assert_eq!((total.calls, total.tokens), (2, 121));
    }
}

#[tokio::test]
async fn a_budget_that_stops_another_attempt_tells_why_there_was_to_be_one() {
    let busy = ScriptedModel::new().otherwise(Reply::overloaded());
    let model = busy.model().or(ScriptedModel::new().otherwise("x"));
    let budget = Budget::new().tokens(300);
    let run = one().invoke(input()).context(model).budget(&budget);
    let error = format!("{:?}", run.await.unwrap_err());
    assert!(error.contains("budget"), "{error}");
    assert!(error.contains("the provider cannot answer now"), "{error}");
}
