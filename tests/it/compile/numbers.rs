//! Numbers that are 0, and that there is no use for.

use std::time::Duration;

use superstep::{CachePolicy, Join, Limiter, MemoryCheckpointer};

use super::*;

fn one(policies: impl FnOnce(NodeBuilder) -> NodeBuilder) -> Builder {
    graph()
        .add_node("a", policies(node(work as Work)))
        .add_edge(START, "a")
}

type Work = fn(View<Trip>) -> std::future::Ready<()>;
type NodeBuilder = superstep::NodeBuilder<Work>;

fn work(_: View<Trip>) -> std::future::Ready<()> {
    std::future::ready(())
}

#[test]
fn of_a_node() {
    let none = Duration::ZERO;
    check(
        one(|node| {
            node.retry(Retry::attempts(0))
                .timeout(none)
                .idle_timeout(none)
                .idempotent()
                .hedge(none)
                .max_concurrency(0)
        }),
        expect![[r#"
            zero-limit: `Retry::attempts` of `a` is 0: it would never run
                help: give it a number above 0, or leave it out
            zero-limit: `timeout` of `a` is 0: every attempt would be late
                help: give it a number above 0, or leave it out
            zero-limit: `idle_timeout` of `a` is 0: every attempt would be late
                help: give it a number above 0, or leave it out
            zero-limit: `hedge` of `a` is 0: every attempt would be made twice
                help: give it a number above 0, or leave it out
            zero-limit: `max_concurrency` of `a` is 0: it would never run
                help: give it a number above 0, or leave it out
        "#]],
    );
    // The last that is said counts.
    check(
        one(|node| node.timeout(none).timeout(Duration::MAX)),
        expect!["ok\n"],
    );
}

#[test]
fn of_a_cache_and_of_limiters() {
    let policy = CachePolicy::new(|_: &Trip| 1).ttl(Duration::ZERO);
    let shared = Limiter::new().max_concurrency(0);
    let builder = graph()
        .add_node("a", node(work as Work).cache(policy))
        .add_node("b", node(work as Work).limiter(&shared))
        .add_node("c", node(work as Work).limiter(shared))
        .add_edge(START, ["a", "b", "c"]);
    check(
        builder,
        expect![[r#"
            cache-without-store: `a` keeps its results in the graph's cache, and the graph has none
                help: give the graph one: `.cache(MemoryCache::new())`, or a `Cache` of your own
            zero-limit: `CachePolicy::ttl` of `a` is 0: no result would be kept
                help: give it a number above 0, or leave it out
            zero-limit: `Limiter::max_concurrency` of `b` is 0: nothing would ever start
                help: give it a number above 0, or leave it out
            zero-limit: `Limiter::max_concurrency` of `c` is 0: nothing would ever start
                help: give it a number above 0, or leave it out
        "#]],
    );
}

#[cfg(feature = "rate-limit")]
#[test]
fn of_rates() {
    let limiter = Limiter::new().per_second(0).tokens_per_minute(0).burst(0);
    let other = Limiter::new().per_minute(0).tokens_per_second(0);
    check(
        one(|node| node.limiter(limiter).limiter(other)),
        expect![[r#"
            zero-limit: `Limiter::per_second` of `a` is 0: nothing would ever start
                help: give it a number above 0, or leave it out
            zero-limit: `Limiter::tokens_per_minute` of `a` is 0: nothing would ever start
                help: give it a number above 0, or leave it out
            zero-limit: `Limiter::burst` of `a` is 0: nothing would ever start
                help: give it a number above 0, or leave it out
            zero-limit: `Limiter::per_minute` of `a` is 0: nothing would ever start
                help: give it a number above 0, or leave it out
            zero-limit: `Limiter::tokens_per_second` of `a` is 0: nothing would ever start
                help: give it a number above 0, or leave it out
        "#]],
    );
}

#[test]
fn of_the_graph_and_of_defaults() {
    let none = Duration::ZERO;
    check(
        one(|node| node)
            .recursion_limit(0)
            .max_concurrency(0)
            .run_timeout(none)
            .superstep_timeout(none)
            .lease(none)
            .checkpointer(MemoryCheckpointer::new())
            .node_defaults(|node| node.timeout(none).retry(Retry::attempts(0))),
        expect![[r#"
            zero-limit: `recursion_limit` of the graph is 0: nothing could run
                help: give it a number above 0, or leave it out
            zero-limit: `max_concurrency` of the graph is 0: nothing could run
                help: give it a number above 0, or leave it out
            zero-limit: `run_timeout` of the graph is 0: every run would be late
                help: give it a number above 0, or leave it out
            zero-limit: `superstep_timeout` of the graph is 0: every superstep would be late
                help: give it a number above 0, or leave it out
            zero-limit: `lease` of the graph is 0: no run would hold its thread
                help: give it a number above 0, or leave it out
            zero-limit: `Retry::attempts` of nodes by default is 0: it would never run
                help: give it a number above 0, or leave it out
            zero-limit: `timeout` of nodes by default is 0: every attempt would be late
                help: give it a number above 0, or leave it out
        "#]],
    );
    let mended = one(|node| node)
        .max_concurrency(0)
        .max_concurrency(2)
        .node_defaults(|node| node.timeout(none))
        .node_defaults(|node| node.timeout(Duration::MAX));
    check(mended, expect!["ok\n"]);
}

#[test]
fn each_has_its_place() {
    let here = line!();
    let error = one(|node| node).max_concurrency(0).compile().unwrap_err();
    assert_eq!(error.diagnostics()[0].location().line(), here + 1);
}

#[test]
fn of_joins() {
    let join = |join| {
        nodes(["a", "b", "c"])
            .add_edge(START, ["a", "b"])
            .add_join(["a", "b"], "c", join)
    };
    check(
        join(Join::quorum(0)),
        expect![[r#"
            impossible-join: the join into `c` waits for no success at all
                help: let the quorum be 1 at least, or wait with `Join::settled()`
        "#]],
    );
    check(
        join(Join::all().within(Duration::ZERO)),
        expect![[r#"
            impossible-join: the join into `c` gives its sources no time
                help: give `within` a time above zero, or leave it out
        "#]],
    );
}
