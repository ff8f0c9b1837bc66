//! What is found in graphs that compile all the same.

use super::*;

/// A graph whose nodes all declare to write `answer`.
fn writers<'a>(names: impl IntoIterator<Item = &'a str>) -> Builder {
    let add = |graph: Builder, name| graph.add_node(name, node(work).writes("answer"));
    names.into_iter().fold(graph(), add)
}

#[test]
fn paths_of_different_length_are_a_join_forgotten() {
    check(
        nodes(["a", "b", "c", "d"])
            .add_edge(START, ["a", "c"])
            .add_edge("a", "b")
            .add_edge("b", "d")
            .add_edge("c", "d"),
        expect![[r#"
            ok
            warning uneven-paths: `d` runs more than once: after `c`, and again after `b`
                help: to wait for all, write `.add_edge(["c", "b"], "d")`
        "#]],
    );
}

#[test]
fn all_sources_are_in_the_join_that_is_suggested() {
    check(
        nodes(["a", "b", "c", "d", "e"])
            .add_edge(START, ["a", "b", "c"])
            .add_edge("c", "d")
            .add_edge("a", "e")
            .add_edge("b", "e")
            .add_edge("d", "e"),
        expect![[r#"
            ok
            warning uneven-paths: `e` runs more than once: after `a`, and again after `d`
                help: to wait for all, write `.add_edge(["a", "b", "d"], "e")`
        "#]],
    );
}

#[test]
fn a_node_that_runs_first_and_again_is_uneven() {
    check(
        nodes(["a", "b"])
            .add_edge(START, ["a", "b"])
            .add_edge("a", "b"),
        expect![[r#"
            ok
            warning uneven-paths: `b` runs more than once: after `START`, and again after `a`
                help: remove the edge from `START` to run it only after `a`
        "#]],
    );
}

#[test]
fn only_where_paths_meet_is_there_a_warning() {
    check(
        nodes(["a", "b", "d", "e"])
            .add_edge(START, ["a", "b"])
            .add_edge("a", "d")
            .add_edge("d", "e")
            .add_edge("b", "e"),
        expect![[r#"
            ok
            warning uneven-paths: `e` runs more than once: after `b`, and again after `d`
                help: to wait for all, write `.add_edge(["b", "d"], "e")`
        "#]],
    );
}

#[test]
fn even_paths_joins_and_deferred_nodes_are_right() {
    check(
        nodes(["a", "b", "c", "d"])
            .add_node("late", node(work).defer())
            .add_edge(START, ["a", "b"])
            .add_edge("a", "c")
            .add_edge("b", "c")
            .add_edge(["a", "c"], "d")
            .add_edge("a", "late")
            .add_edge("c", "late"),
        expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn an_agent_and_its_tools_are_right() {
    check(
        nodes(["a", "tools"])
            .add_edge(START, "a")
            .add_conditional_edges("a", anywhere, ["tools", END])
            .add_edge("tools", "a"),
        expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn siblings_that_write_one_field_may_conflict() {
    check(
        writers(["a", "b", "c"]).add_edge(START, ["c", "b", "a"]),
        expect![[r#"
            ok
            warning possible-conflict: `a` and `b` can run in the same superstep, and both write `answer`
                help: give `answer` a reducer, such as `#[reduce(Last)]`, or put one node after the other
            warning possible-conflict: `a` and `c` can run in the same superstep, and both write `answer`
                help: give `answer` a reducer, such as `#[reduce(Last)]`, or put one node after the other
        "#]],
    );
}

#[test]
fn so_may_what_follows_siblings() {
    check(
        writers(["x", "y"])
            .add_node("a", work)
            .add_node("b", work)
            .add_edge(START, ["a", "b"])
            .add_edge("a", "x")
            .add_conditional_edges("b", anywhere, ["y", END]),
        expect![[r#"
            ok
            warning possible-conflict: `x` and `y` can run in the same superstep, and both write `answer`
                help: give `answer` a reducer, such as `#[reduce(Last)]`, or put one node after the other
        "#]],
    );
}

#[test]
fn so_may_several_sends() {
    check(
        nodes(["split"])
            .add_worker(REVIEW, node(review).writes(["answer", "log", "answer"]))
            .add_edge(START, "split")
            .add_conditional_edges("split", anywhere, [REVIEW]),
        expect![[r#"
            ok
            warning possible-conflict: several sends to `review` can run in the same superstep, and each writes `answer`
                help: give `answer` a reducer, such as `#[reduce(Append)]`
        "#]],
    );
}

#[test]
fn what_never_runs_together_does_not_conflict() {
    // One after the other.
    check(
        writers(["a", "b"]).add_edge(START, "a").add_edge("a", "b"),
        expect![[r#"
            ok
        "#]],
    );
    // One or the other.
    check(
        writers(["a", "b"]).add_route(START, a_or_b),
        expect![[r#"
        ok
    "#]],
    );
    // A field that takes several writers.
    check(
        graph()
            .add_node("a", node(work).writes("log"))
            .add_node("b", node(work).writes("log"))
            .add_edge(START, ["a", "b"]),
        expect![[r#"
            ok
        "#]],
    );
    // A deferred node runs when nothing else does.
    check(
        writers(["a"])
            .add_node("late", node(work).writes("answer").defer())
            .add_edge(START, ["a", "late"]),
        expect![[r#"
            ok
        "#]],
    );
    // It does not say what it writes.
    check(
        writers(["a"])
            .add_node("b", work)
            .add_edge(START, ["a", "b"]),
        expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn deferred_nodes_that_wait_together_may_conflict() {
    let late = || node(work).writes("answer").defer();
    check(
        graph()
            .add_node("a", late())
            .add_node("b", late())
            .add_edge(START, ["a", "b"]),
        expect![[r#"
            ok
            warning possible-conflict: `a` and `b` can run in the same superstep, and both write `answer`
                help: give `answer` a reducer, such as `#[reduce(Last)]`, or put one node after the other
        "#]],
    );
}

/// What is found in a graph over this state, all of it at `new`.
fn stuck<S: State>() -> String {
    let line = line!() + 1;
    let graph = StateGraph::<S>::new("stuck");
    let graph = graph.add_node("a", async |_: View<S>| {});
    let graph = crate::common::sound(graph.add_edge(START, "a"));
    for found in graph.warnings() {
        assert_eq!(found.location().line(), line);
    }
    print(graph.warnings(), "warning ")
}

#[test]
fn fields_that_no_write_can_change() {
    #[derive(State, Clone, Default, Serialize, Deserialize)]
    struct Zero {
        #[reduce(All)]
        all: bool,
        #[reduce(Any)]
        any: bool,
        #[reduce(Min)]
        least: u32,
        #[reduce(Min)]
        signed: i32,
        #[reduce(Max)]
        most: u32,
        plain: bool,
        #[reduce(Min)]
        huge: u128,
    }

    #[derive(State, Clone, Serialize, Deserialize)]
    struct Full {
        #[reduce(All)]
        all: bool,
        #[reduce(Any)]
        any: bool,
        #[reduce(Min)]
        least: u32,
    }

    impl Default for Full {
        fn default() -> Self {
            let (all, any, least) = (true, true, u32::MAX);
            Self { all, any, least }
        }
    }

    expect![[r#"
        warning stuck-reducer: `all` begins as `false`, which `All` can never change
            help: write `Default` by hand with another value, or start with `.overwrite_all(..)`
        warning stuck-reducer: `least` begins as `0`, which `Min` can never change
            help: write `Default` by hand with another value, or start with `.overwrite_least(..)`
        warning stuck-reducer: `huge` begins as `0`, which `Min` can never change
            help: write `Default` by hand with another value, or start with `.overwrite_huge(..)`
        warning stuck-reducer: `any` begins as `true`, which `Any` can never change
            help: write `Default` by hand with another value, or start with `.overwrite_any(..)`
    "#]]
    .assert_eq(&(stuck::<Zero>() + &stuck::<Full>()));
}

#[test]
fn of_a_state_that_cannot_be_written_as_json_nothing_is_said() {
    fn refuse<T, S: serde::Serializer>(_: &T, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no"))
    }

    #[derive(State, Clone, Default, Serialize, Deserialize)]
    struct Secret {
        #[serde(serialize_with = "refuse")]
        key: u8,
        #[reduce(All)]
        all: bool,
    }

    assert_eq!(stuck::<Secret>(), "");
}

#[test]
fn destinations_without_a_command_are_idle() {
    check(
        nodes(["b"])
            .add_node("a", node(work).destinations(["b", END]))
            .add_edge(START, ["a", "b"]),
        expect![[r#"
            ok
            warning idle-destinations: `a` declares destinations, but returns no `Command`
                help: return a `Command`, or remove `.destinations(..)`
        "#]],
    );
}

#[test]
fn warnings_are_in_the_order_of_the_calls() {
    check(
        nodes(["m"])
            .add_node("z", node(work).writes("answer").destinations(END))
            .add_edge(START, ["z", "k", "m"])
            .add_edge("m", "l")
            .add_edge("l", "n")
            .add_edge("k", "n")
            .add_node("k", node(work).writes("answer"))
            .add_node("n", work)
            .add_node("l", work),
        expect![[r#"
            ok
            warning idle-destinations: `z` declares destinations, but returns no `Command`
                help: return a `Command`, or remove `.destinations(..)`
            warning uneven-paths: `n` runs more than once: after `k`, and again after `l`
                help: to wait for all, write `.add_edge(["k", "l"], "n")`
            warning possible-conflict: `k` and `z` can run in the same superstep, and both write `answer`
                help: give `answer` a reducer, such as `#[reduce(Last)]`, or put one node after the other
        "#]],
    );
}
