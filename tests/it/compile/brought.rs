//! What nodes bring that is wrong with them.

use std::panic::Location;

use superstep::checked;

use super::*;

fn wrong(message: &str) -> Diagnostic {
    Diagnostic::new("wrong", message, "mend it", Location::caller())
}

#[test]
fn it_is_reported_among_the_other_findings_and_once() {
    let (both, fails) = ([wrong("one"), wrong("two")], checked(work, [wrong("four")]));
    let safe = node(checked(work, [wrong("three")]))
        .on_error(fails)
        .retry(Retry::attempts(2));
    let counted = checked(review, [wrong("five")]);
    check(
        graph()
            .add_node("a", checked(work, both.clone()))
            .add_node("b", checked(work, both))
            .add_node("a", work)
            .add_node("c", safe)
            .add_worker(REVIEW, node(counted).max_concurrency(2))
            .add_edge(START, ["a", "b", "c"])
            .add_conditional_edges("a", |_: &Trip| REVIEW.send(String::new()), REVIEW),
        expect![[r#"
            wrong: one
                help: mend it
            wrong: two
                help: mend it
            duplicate-node: `a` is already the name of a node
                help: rename one of them; the first is added at [here]
            wrong: three
                help: mend it
            wrong: four
                help: mend it
            wrong: five
                help: mend it
        "#]],
    );
}

#[test]
fn without_a_mistake_it_is_a_node_as_any_other() {
    check(
        graph()
            .add_node(
                "a",
                checked(node(work).timeout(std::time::Duration::MAX), []),
            )
            .add_edge(START, "a"),
        expect![[r#"
            ok
        "#]],
    );
}
