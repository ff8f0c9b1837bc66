//! Pictures of odd graphs: everything has a place, and no other box is in it.

use superstep::prelude::*;

use crate::common::{Trace, mark, marks, sound};

const WORK: Worker<u64> = Worker::new("work");

/// Left, top, right, bottom.
pub(crate) type Area = [f64; 4];

/// The numbers of the attributes of these names in an element.
fn numbers<const N: usize>(element: &str, names: [&str; N]) -> [f64; N] {
    names.map(|name| {
        let value = element.split(&format!(" {name}=\"")).nth(1);
        let value = value.and_then(|rest| rest.split('"').next());
        value
            .expect("it has the attribute")
            .parse()
            .expect("the attribute is a number")
    })
}

/// Where the rectangles of a piece of SVG are.
pub(crate) fn areas(svg: &str) -> Vec<Area> {
    svg.lines()
        .filter(|line| line.starts_with("<rect"))
        .map(|rect| {
            let [x, y, width, height] = numbers(rect, ["x", "y", "width", "height"]);
            [x, y, x + width, y + height]
        })
        .collect()
}

/// Whether the first lies in the second, give or take what rounding does.
pub(crate) fn within(inner: Area, outer: Area) -> bool {
    let [left, top, right, bottom] = inner;
    left >= outer[0] - 0.2
        && top >= outer[1] - 0.2
        && right <= outer[2] + 0.2
        && bottom <= outer[3] + 0.2
}

pub(crate) fn overlap(one: Area, other: Area) -> bool {
    (0..2).all(|side| one[side] + 0.2 < other[side + 2] && other[side] + 0.2 < one[side + 2])
}

/// Draws a graph twice, and looks at the picture.
#[track_caller]
fn check(graph: StateGraph<Trace>, boxes: usize) {
    let graph = sound(graph);
    let svg = graph.to_svg();
    assert_eq!(svg, graph.to_svg());

    assert!(svg.matches("<path").count() > 0, "nothing is linked");
    for path in svg.split(" d=\"").skip(1) {
        let path = path.split('"').next().unwrap_or_default();
        for number in path.split(|c: char| !c.is_ascii_digit() && !"-.".contains(c)) {
            let finite = number.is_empty() || number.parse().is_ok_and(f64::is_finite);
            assert!(finite, "{path}");
        }
        assert!(!path.contains("NaN") && !path.contains("inf"), "{path}");
    }

    let all = areas(&svg);
    for area in &all {
        assert!(within(*area, all[0]), "{area:?} in {:?}\n{svg}", all[0]);
    }
    let groups = svg.split("<g>").skip(1).map(|group| {
        let sheets = areas(group.split("</g>").next().unwrap_or_default());
        sheets
            .into_iter()
            .fold([f64::MAX, f64::MAX, f64::MIN, f64::MIN], |a, b| {
                [
                    a[0].min(b[0]),
                    a[1].min(b[1]),
                    a[2].max(b[2]),
                    a[3].max(b[3]),
                ]
            })
    });
    let groups: Vec<Area> = groups.collect();
    assert_eq!(groups.len(), boxes);
    for (at, one) in groups.iter().enumerate() {
        for other in &groups[..at] {
            assert!(!overlap(*one, *other), "{one:?} and {other:?}\n{svg}");
        }
    }
}

/// Nodes `n0`, `n1` and so on, the first of them the entry.
fn nodes(count: usize) -> StateGraph<Trace> {
    (0..count)
        .fold(StateGraph::new("odd"), |graph, at| {
            graph.add_node(format!("n{at}"), mark)
        })
        .add_edge(START, "n0")
}

/// A route that may go to each of these.
fn route(graph: StateGraph<Trace>, from: usize, to: &[usize]) -> StateGraph<Trace> {
    let names: Vec<String> = to.iter().map(|at| format!("n{at}")).collect();
    graph.add_conditional_edges(
        format!("n{from}"),
        |_: &Trace| END,
        [names, vec![END.to_owned()]].concat(),
    )
}

#[test]
fn the_smallest_graph() {
    check(nodes(1), 2);
    check(nodes(1).add_edge("n0", END), 3);
}

#[test]
fn loops_and_edges_both_ways() {
    check(route(nodes(1), 0, &[0]), 3);
    check(
        route(route(nodes(2), 0, &[0, 1]), 1, &[0, 1]).add_edge("n0", "n1"),
        4,
    );
    let mut ring = nodes(9);
    for at in 0..9 {
        ring = route(ring, at, &[(at + 1) % 9, (at + 5) % 9]);
    }
    check(ring, 11);
}

#[test]
fn long_chains() {
    for count in [200, 1500] {
        let chain = (1..count).fold(nodes(count), |graph, at| {
            graph.add_edge(format!("n{}", at - 1), format!("n{at}"))
        });
        check(chain, count + 1);
    }
}

#[test]
fn wide_fans() {
    for count in [2, 11, 60, 1200] {
        let names: Vec<String> = (1..=count).map(|at| format!("n{at}")).collect();
        let fan = nodes(count + 2)
            .add_edge("n0", names.clone())
            .add_edge(names, format!("n{}", count + 1));
        check(fan, count + 4);
    }
}

#[test]
fn parts_that_nothing_links() {
    let jumps = StateGraph::new("odd")
        .add_node("any", async |_: View<Trace>| {
            Command::<Trace>::new().goto("b")
        })
        .add_node("b", mark)
        .add_node("c", mark)
        .add_node("d", mark)
        .add_edge(START, "any")
        .add_edge("b", "c");
    check(jumps, 5);
}

#[test]
fn workers_and_what_waits() {
    let graph = marks(["split", "sort", "join"])
        .add_worker(WORK, async |n: u64| Trace::update().sum(n))
        .add_node(
            "a name that is much too long to be written in one box of a picture",
            node(mark).defer(),
        )
        .add_edge(START, ["split", "sort"])
        .add_conditional_edges(["split", "sort"], |_: &Trace| WORK.send(1), [WORK])
        .add_edge(WORK, "join")
        .add_edge(["split", "sort"], "join")
        .add_edge(
            "sort",
            "a name that is much too long to be written in one box of a picture",
        );
    check(graph, 7);
}

#[test]
fn thickets() {
    // the last are too much for the layered layout
    for (count, step) in [(6, 5), (12, 3), (30, 4), (40, 1)] {
        let mut graph = nodes(count);
        for at in 0..count {
            let to: Vec<usize> = (1..count)
                .step_by(step)
                .map(|by| (at * by + 1) % count)
                .collect();
            graph = route(graph, at, &to);
        }
        let graph = (1..count).fold(graph, |graph, at| {
            graph.add_edge(format!("n{}", at - 1), format!("n{at}"))
        });
        check(graph, count + 2);
    }
}

#[test]
fn the_end_is_drawn_where_a_command_declares_it() {
    let go = async |_: View<Trace>| Command::<Trace>::new().goto(END);
    let graph = |to: &[&str]| {
        let graph = marks(["b"]).add_node("a", node(go).destinations(to));
        sound(graph.add_edge(START, ["a", "b"]))
    };
    let (with, without) = (graph(&["b", END]), graph(&["b"]));
    let drawn = |graph: &superstep::Graph<Trace>| {
        [graph.to_svg(), graph.to_mermaid(), graph.to_dot()].map(|text| text.contains("END"))
    };
    assert_eq!(drawn(&with), [true; 3]);
    assert_eq!(drawn(&without), [false; 3]);
    let also = marks(["b"]).add_node("a", node(go).destinations("b"));
    let also = sound(also.add_edge(START, ["a", "b"]).add_conditional_edges(
        "a",
        |_: &Trace| END,
        ["b", END],
    ));
    assert_eq!(with.to_mermaid(), also.to_mermaid());
    assert_eq!(with.to_dot(), also.to_dot());
}
