//! Pictures of graphs with what is inside their nodes.

use insta::assert_snapshot;
use superstep::prelude::*;
use superstep::{Graph, subgraph};

use crate::common::{Trace, mark, marks, sound};
use crate::draw::{Area, areas, overlap, within};
use crate::subgraphs::{Inner, deep, said, says};

const REVIEW: Worker<String> = Worker::new("review");

/// Graphs that are nodes of each kind, under odd names.
fn odd() -> Graph<Trace> {
    let inner = || marks(["a", "b"]).add_edge(START, ["a", "b"]);
    let choice = marks(["end"])
        .add_node("plan", mark)
        .add_edge(START, "plan")
        .add_conditional_edges("plan", |_: &Trace| END, ["end", END]);
    let given = |word: &String| Inner::update().word(word.clone());
    sound(
        StateGraph::<Trace>::new("odd")
            .add_node("say \"x\" [y] <z> & end;", sound(inner()))
            .add_node("_late_", node(sound(choice)).defer())
            .add_worker(REVIEW, subgraph(says(), given, said))
            .add_node("last", mark)
            .add_edge(START, ["say \"x\" [y] <z> & end;", "_late_"])
            .add_conditional_edges(
                "say \"x\" [y] <z> & end;",
                |_: &Trace| vec![REVIEW.send("x".to_owned())],
                ["review", "say \"x\" [y] <z> & end;"],
            )
            .add_edge(["review", "_late_"], "last"),
    )
}

#[test]
fn four_levels() {
    assert_snapshot!(deep(4).xray().to_mermaid());
    assert_snapshot!(deep(4).xray().to_dot());
}

#[test]
fn odd_names_and_kinds() {
    assert_snapshot!(odd().xray().to_mermaid());
    assert_snapshot!(odd().xray().to_dot());
}

#[test]
fn as_deep_as_is_asked_for() {
    let graph = deep(4);
    assert_eq!(graph.xray().depth(0).to_mermaid(), graph.to_mermaid());
    assert_eq!(graph.xray().depth(0).to_dot(), graph.to_dot());
    assert_eq!(graph.xray().depth(0).to_svg(), graph.to_svg());
    assert_eq!(
        graph.xray().depth(4).to_mermaid(),
        graph.xray().to_mermaid()
    );
    for levels in 0..=4 {
        let xray = graph.xray().depth(levels);
        assert_eq!(xray.to_mermaid().matches("subgraph ").count(), levels);
        assert_eq!(xray.to_dot().matches("subgraph cluster_").count(), levels);
        assert_eq!(xray.to_svg().matches(">START<").count(), levels + 1);
    }
}

#[test]
fn a_graph_without_graphs_is_drawn_as_ever() {
    let graph = sound(marks(["a"]).add_edge(START, "a"));
    assert_eq!(graph.xray().to_mermaid(), graph.to_mermaid());
    assert_eq!(graph.xray().to_dot(), graph.to_dot());
    assert_eq!(graph.xray().to_svg(), graph.to_svg());
}

/// A box of a picture, and those in it.
#[derive(Default)]
struct Boxed {
    area: Option<Area>,
    inside: Vec<Self>,
}

/// Reads the boxes of a picture; the outermost is the page.
fn boxes(svg: &str) -> Boxed {
    let mut open = vec![Boxed::default()];
    for line in svg.lines() {
        match line {
            "<g>" => open.push(Boxed::default()),
            "</g>" => {
                let done = open.pop().expect("each that is closed was opened");
                open.last_mut().expect("the page").inside.push(done);
            }
            _ => {
                let here = open.last_mut().expect("the page");
                for area in areas(line) {
                    let known = here.area.unwrap_or(area);
                    here.area = Some([
                        known[0].min(area[0]),
                        known[1].min(area[1]),
                        known[2].max(area[2]),
                        known[3].max(area[3]),
                    ]);
                }
            }
        }
    }
    open.pop().expect("the page")
}

/// Whether each box lies in the one around it and beside its siblings; counts
/// them.
fn count(outer: &Boxed) -> usize {
    let area = |it: &Boxed| it.area.expect("a box has an area");
    let mut n = outer.inside.len();
    for (at, one) in outer.inside.iter().enumerate() {
        assert!(within(area(one), area(outer)), "{:?}", area(one));
        for other in &outer.inside[..at] {
            assert!(!overlap(area(one), area(other)), "{:?}", area(one));
        }
        n += count(one);
    }
    n
}

#[test]
fn boxes_in_boxes() {
    // Each level: START, `a`, `b`, `in` and, but for the outermost, END.
    let svg = deep(4).xray().to_svg();
    assert_eq!(svg, deep(4).xray().to_svg());
    assert_eq!(count(&boxes(&svg)), 4 + 3 * 5 + 4);
    let svg = odd().xray().to_svg();
    assert_eq!(count(&boxes(&svg)), 6 + 4 + 4 + 4);
}
