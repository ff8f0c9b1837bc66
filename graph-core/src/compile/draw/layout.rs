//! Where everything goes: the layered layout of the `dagre` crate, with guards around it.
//!
//! The crate recurses as deep as the graph has rows, so it runs on a thread with a stack for that; a
//! graph too large for it, and one on which it fails, is placed row by row instead.

use std::thread;

use dagre::{
    EdgeLabel, LayoutOptions, NodeLabel, RankDir, Ranker,
    graph::{Graph, GraphOptions},
    layout::types::LabelPos,
};

use super::layers::{Ends, Layers};

/// The most places the crate is asked to fill: beyond it, it takes too long and the picture says nothing.
const MOST_PLACES: usize = 4000;
/// The stack for its recursion, which takes up memory only as it is used.
const STACK: usize = 64 << 20;
/// Between two boxes of a row, between two lines, and between two rows.
const BETWEEN: (f64, f64, f64) = (36.0, 16.0, 68.0);

/// Width and height.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size(pub(super) f64, pub(super) f64);

impl Size {
    /// The size without this much of its width and of its height.
    pub(super) fn less(self, by: f64) -> Self {
        Self(self.0 - by, self.1 - by)
    }
}

/// A place in the picture.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Point {
    /// From left to right.
    pub(super) x: f64,
    /// From top to bottom.
    pub(super) y: f64,
}

/// The way of an edge between its two nodes.
#[derive(Debug, Clone, Default)]
pub(super) struct Way {
    /// The points it passes between them, from its source to its target.
    pub(super) bends: Vec<Point>,
    /// The centre of its caption.
    pub(super) caption: Option<Point>,
}

/// Where everything goes.
#[derive(Debug)]
pub(super) struct Layout {
    /// The centre of each node.
    pub(super) nodes: Vec<Point>,
    /// The way of each edge.
    pub(super) ways: Vec<Way>,
}

/// Lays out boxes of these sizes and edges with captions of these sizes.
pub(super) fn layout(boxes: &[Size], edges: &[Ends], captions: &[Size], layers: &Layers) -> Layout {
    if layers.places(edges) <= MOST_PLACES
        && let Some(layout) = layered(boxes, edges, captions, layers)
    {
        return layout;
    }
    row_by_row(boxes, edges.len(), layers)
}

/// The layout of the crate; none where it fails or no thread can be had.
fn layered(boxes: &[Size], edges: &[Ends], captions: &[Size], layers: &Layers) -> Option<Layout> {
    let boxes = boxes.to_vec();
    let edges: Vec<_> = (0..edges.len())
        .map(|at| (edges[at], captions[at], layers.back[at], layers.span[at]))
        .collect();
    let work = move || {
        let mut graph = Graph::with_options(GraphOptions {
            directed: true,
            multigraph: true,
            compound: false,
        });
        for (id, size) in boxes.iter().enumerate() {
            graph.set_node(
                id.to_string(),
                Some(NodeLabel {
                    width: size.0,
                    height: size.1,
                    ..NodeLabel::default()
                }),
            );
        }
        for (at, &edge) in edges.iter().enumerate() {
            add_edge(&mut graph, at, edge);
        }
        dagre::layout(&mut graph, Some(options()));
        read(&graph, boxes.len(), &edges)
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(work).ok()?;
    thread.join().ok()?
}

/// An edge, the size of its caption, whether it runs back, and how many rows it spans at least.
type Laid = (Ends, Size, bool, usize);

/// The names of the two ends as the crate gets them: all edges point up.
///
/// It sinks each node as deep as its targets allow; seen from below, that is as high as its sources allow.
fn upwards(((from, to), _, back, _): Laid) -> (String, String) {
    if back {
        (from.to_string(), to.to_string())
    } else {
        (to.to_string(), from.to_string())
    }
}

/// Hands over one edge, named by its index.
fn add_edge(graph: &mut Graph<NodeLabel, EdgeLabel>, at: usize, edge: Laid) {
    let (lower, upper) = upwards(edge);
    let label = EdgeLabel {
        width: edge.1.0,
        height: edge.1.1,
        labelpos: LabelPos::Center,
        minlen: i32::try_from(edge.3).unwrap_or(1),
        ..EdgeLabel::default()
    };
    graph.set_edge(lower, upper, Some(label), Some(&at.to_string()));
}

/// How the crate is to lay out; the longest path is the ranking that needs no search.
fn options() -> LayoutOptions {
    LayoutOptions {
        rankdir: RankDir::BT,
        ranker: Ranker::LongestPath,
        nodesep: BETWEEN.0,
        edgesep: BETWEEN.1,
        ranksep: BETWEEN.2,
        tie_keep_first: true,
        ..LayoutOptions::default()
    }
}

/// Reads the result; none where a place is missing or is no number.
fn read(graph: &Graph<NodeLabel, EdgeLabel>, nodes: usize, edges: &[Laid]) -> Option<Layout> {
    let place = |x: f64, y: f64| (x.is_finite() && y.is_finite()).then_some(Point { x, y });
    let mut layout = Layout {
        nodes: Vec::new(),
        ways: Vec::new(),
    };
    for id in 0..nodes {
        let node = graph.node(&id.to_string())?;
        layout.nodes.push(place(node.x?, node.y?)?);
    }
    for (at, &edge) in edges.iter().enumerate() {
        let (lower, upper) = upwards(edge);
        let label = graph.edge(&lower, &upper, Some(&at.to_string()))?;
        // the first and the last are where a straight line would meet the boxes
        let inner = label.points.len().saturating_sub(1);
        let bends: Option<Vec<Point>> = label
            .points
            .get(1..inner)
            .unwrap_or_default()
            .iter()
            .map(|point| place(point.x, point.y))
            .collect();
        let mut bends = bends?;
        if !edge.2 {
            bends.reverse();
        }
        let caption = label.x.zip(label.y).and_then(|(x, y)| place(x, y));
        layout.ways.push(Way { bends, caption });
    }
    Some(layout)
}

/// Each row centred below the one above it; edges go straight, captions are put where the lines are.
fn row_by_row(boxes: &[Size], edges: usize, layers: &Layers) -> Layout {
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for (node, &row) in layers.row.iter().enumerate() {
        if rows.len() <= row {
            rows.resize(row + 1, Vec::new());
        }
        rows[row].push(node);
    }
    let mut nodes = vec![Point::default(); boxes.len()];
    let mut top = 0.0;
    for row in rows.iter().filter(|row| !row.is_empty()) {
        let wide: f64 = row.iter().map(|&node| boxes[node].0 + BETWEEN.0).sum();
        let high = row.iter().map(|&node| boxes[node].1).fold(0.0, f64::max);
        let mut x = wide / -2.0;
        for &node in row {
            let step = boxes[node].0 + BETWEEN.0;
            nodes[node] = Point {
                x: x + step / 2.0,
                y: top + high / 2.0,
            };
            x += step;
        }
        top += high + 2.0 * BETWEEN.2;
    }
    Layout {
        nodes,
        ways: vec![Way::default(); edges],
    }
}
