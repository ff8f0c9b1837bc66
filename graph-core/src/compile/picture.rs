//! A frozen graph as something to look at.

use std::collections::BTreeSet;
use std::fmt;

use super::draw::{self, Kind, Picture, PictureEdge, PictureNode, Style};
use super::shape::{Destinations, NodeIndex, Shape, Source};
use crate::node::GraphInside;

/// A graph to be drawn with what is inside nodes that are graphs; made by
/// [`Graph::xray`](super::Graph::xray).
///
/// Such a node is a box around its graph, from `START` to `END`: a path inside
/// that ends leads to that, whether or not an edge says so.
#[must_use = "an x-ray shows nothing until it is drawn"]
#[derive(Clone, Copy)]
pub struct Xray<'g> {
    graph: &'g dyn GraphInside,
    levels: usize,
}

impl<'g> Xray<'g> {
    pub(super) fn new(graph: &'g dyn GraphInside) -> Self {
        Self {
            graph,
            levels: usize::MAX,
        }
    }

    /// Shows so many levels and no more: with 1, graphs inside graphs that are
    /// nodes are boxes with nothing in them.
    pub fn depth(mut self, levels: usize) -> Self {
        self.levels = levels;
        self
    }

    /// As a Mermaid flowchart, with a `subgraph` for each graph that is a node.
    #[must_use]
    pub fn to_mermaid(self) -> String {
        draw::mermaid(&self.picture())
    }

    /// In Graphviz' DOT language, with a cluster for each graph that is a node.
    #[must_use]
    pub fn to_dot(self) -> String {
        draw::dot(&self.picture())
    }

    /// As a picture in SVG, the same for the same graph.
    #[must_use]
    pub fn to_svg(self) -> String {
        draw::svg(&self.picture())
    }

    fn picture(self) -> Picture {
        let picture = self.graph.picture(self.levels).downcast();
        *picture.expect("a graph is drawn as a picture")
    }
}

impl fmt::Debug for Xray<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Xray")
            .field("levels", &self.levels)
            .finish_non_exhaustive()
    }
}

/// The graph as something to look at: `START`, the nodes, a bar for each join,
/// and `END`, if anything leads there.
pub(super) fn picture(name: &str, shape: &Shape) -> Picture {
    let mut drawing = Drawing {
        picture: Picture {
            title: name.to_owned(),
            nodes: vec![PictureNode {
                label: "START".to_owned(),
                kind: Kind::Start,
                inside: None,
            }],
            edges: Vec::new(),
        },
        end: None,
        drawn: BTreeSet::new(),
    };
    for node in &shape.nodes {
        let kind = match (node.worker, node.defer) {
            (true, _) => Kind::Worker,
            (false, true) => Kind::Deferred,
            (false, false) => Kind::Node,
        };
        drawing.node(&node.name, kind);
    }
    for edge in &shape.edges {
        drawing.edge(edge.from.slot(), Source::Node(edge.to).slot(), Style::Plain);
    }
    for join in &shape.joins {
        let bar = drawing.node("", Kind::Join);
        for &from in &join.from {
            drawing.edge(Source::Node(from).slot(), bar, Style::Join);
        }
        drawing.edge(bar, Source::Node(join.to).slot(), Style::Join);
        if let (Some(edge), Some(rule)) = (drawing.picture.edges.last_mut(), &join.rule) {
            edge.label = Some(rule.in_short());
        }
    }
    for route in &shape.routes {
        drawing.choices(shape, route.from.slot(), &route.to);
    }
    for (index, node) in shape.nodes.iter().enumerate() {
        if let Destinations::Declared(targets) = &node.destinations {
            drawing.choices(shape, index + 1, targets);
        }
    }
    for &from in &shape.ends {
        let end = drawing.end();
        drawing.edge(from.slot(), end, Style::Plain);
    }
    drawing.picture
}

struct Drawing {
    picture: Picture,
    end: Option<usize>,
    /// The edges so far, so that none is drawn twice.
    drawn: BTreeSet<(usize, usize, Style)>,
}

impl Drawing {
    fn node(&mut self, label: &str, kind: Kind) -> usize {
        self.picture.nodes.push(PictureNode {
            label: label.to_owned(),
            kind,
            inside: None,
        });
        self.picture.nodes.len() - 1
    }

    fn end(&mut self) -> usize {
        match self.end {
            Some(end) => end,
            None => {
                let end = self.node("END", Kind::End);
                self.end = Some(end);
                end
            }
        }
    }

    fn edge(&mut self, from: usize, to: usize, style: Style) {
        if self.drawn.insert((from, to, style)) {
            self.picture.edges.push(PictureEdge {
                from,
                to,
                style,
                label: None,
            });
        }
    }

    fn choices(&mut self, shape: &Shape, from: usize, targets: &[Option<NodeIndex>]) {
        for to in targets {
            match to {
                Some(to) if shape.nodes[*to as usize].worker => {
                    self.edge(from, Source::Node(*to).slot(), Style::Send);
                }
                Some(to) => self.edge(from, Source::Node(*to).slot(), Style::Route),
                None => {
                    let end = self.end();
                    self.edge(from, end, Style::Route);
                }
            }
        }
    }
}
