//! Where everything goes: columns and rows.
//!
//! Edges are cut into links of one row each, so that the layout crate has no rows to choose. A graph too
//! large for it, and one on which it fails, is placed row by row instead.

use petgraph::graph::NodeIndex;

use super::{
    columns::{Mesh, Place, columns},
    layers::{Ends, Layers},
};

/// The most boxes, and places and links, handed to the crate: beyond, it takes too long and the picture says
/// nothing.
const MOST: (usize, usize) = (1000, 8000);
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
    /// Where it enters and where it leaves each row between them, from its source to its target.
    pub(super) bends: Vec<(Point, Point)>,
    /// The centre of its caption.
    pub(super) caption: Option<Point>,
}

/// Where everything goes.
#[derive(Debug)]
pub(super) struct Layout {
    /// The centre of each node.
    pub(super) nodes: Vec<Point>,
    /// For each node, how far its row reaches up and down from there.
    pub(super) reach: Vec<f64>,
    /// The way of each edge.
    pub(super) ways: Vec<Way>,
}

/// Lays out boxes of these sizes and edges that need rooms of these sizes, for captions and loops.
pub(super) fn layout(boxes: &[Size], edges: &[Ends], rooms: &[Size], layers: &Layers) -> Layout {
    let links = edges.iter().map(|&ends| 1 + 2 * layers.passed(ends).len());
    let few = boxes.len() <= MOST.0 && boxes.len() + links.sum::<usize>() <= MOST.1;
    let layered = few.then(|| layered(boxes, edges, rooms, layers)).flatten();
    let (nodes, ways) =
        layered.unwrap_or_else(|| (row_by_row(boxes, layers), vec![Vec::new(); edges.len()]));
    let (middle, reach) = heights(boxes, rooms, layers);
    let way = |(at, xs): (usize, Vec<f64>)| {
        let mut way = Way::default();
        for (x, row) in xs.into_iter().zip(layers.passed(edges[at])) {
            let point = |down: f64| Point {
                x,
                y: middle[row] + down,
            };
            if layers.caption[at] == Some(row) {
                way.caption = Some(point(0.0));
            }
            let (top, bottom) = (point(-reach[row]), point(reach[row]));
            if layers.back[at] {
                way.bends.insert(0, (bottom, top));
            } else {
                way.bends.push((top, bottom));
            }
        }
        way
    };
    let nodes = nodes.into_iter().zip(&layers.row);
    Layout {
        nodes: nodes.map(|(x, &row)| Point { x, y: middle[row] }).collect(),
        reach: layers.row.iter().map(|&row| reach[row]).collect(),
        ways: ways.into_iter().enumerate().map(way).collect(),
    }
}

/// The middle of each row, and how far it reaches from there.
fn heights(boxes: &[Size], rooms: &[Size], layers: &Layers) -> (Vec<f64>, Vec<f64>) {
    let mut reach = vec![0.0_f64; layers.rows()];
    let mut apart = vec![0.0; layers.rows()];
    for (size, &row) in boxes.iter().zip(&layers.row) {
        reach[row] = reach[row].max(size.1 / 2.0);
        // a row of captions stands in the space that two rows of boxes keep between them
        apart[row] = BETWEEN.2 / 2.0;
    }
    for (room, caption) in rooms.iter().zip(&layers.caption) {
        if let &Some(row) = caption {
            reach[row] = reach[row].max(room.1 / 2.0);
        }
    }
    let mut top = 0.0;
    let middle = reach.iter().zip(apart).map(|(reach, apart)| {
        let middle = top + apart + reach;
        top = middle + reach + apart;
        middle
    });
    (middle.collect(), reach)
}

/// Across: the middle of each node, and of each edge in the rows it passes, from top to bottom.
type Columns = (Vec<f64>, Vec<Vec<f64>>);

/// The columns that the crate finds, if it does.
fn layered(boxes: &[Size], edges: &[Ends], rooms: &[Size], layers: &Layers) -> Option<Columns> {
    let mut mesh = Mesh::new();
    for (size, &row) in boxes.iter().zip(&layers.row) {
        let wide = size.0 + BETWEEN.0;
        mesh.add_node(Place { row, wide });
    }
    let mut ways = vec![Vec::new(); edges.len()];
    // the crate goes through the links of a place from the last to the first
    for (at, &(from, to)) in edges.iter().enumerate().rev() {
        let (from, to) = (NodeIndex::new(from), NodeIndex::new(to));
        if from == to {
            // on both sides, so that the box keeps its middle
            mesh[from].wide += 2.0 * rooms[at].0;
            continue;
        }
        let (mut last, lower) = if layers.back[at] {
            (to, from)
        } else {
            (from, to)
        };
        for row in layers.passed(edges[at]) {
            let caption = layers.caption[at] == Some(row);
            let wide = BETWEEN.1 + if caption { rooms[at].0 } else { 0.0 };
            let next = mesh.add_node(Place { row, wide });
            mesh.add_edge(last, next, ());
            ways[at].push(next);
            last = next;
        }
        mesh.add_edge(last, lower, ());
    }
    let x = columns(&mesh)?;
    let across = |way: Vec<NodeIndex>| way.into_iter().map(|place| x[place.index()]).collect();
    let ways = ways.into_iter().map(across).collect();
    Some((x[..boxes.len()].to_vec(), ways))
}

/// The middle of each node, with each row centred below the one above it.
fn row_by_row(boxes: &[Size], layers: &Layers) -> Vec<f64> {
    let step = |node: usize| boxes[node].0 + BETWEEN.0;
    let mut wide = vec![0.0; layers.rows()];
    for (node, &row) in layers.row.iter().enumerate() {
        wide[row] += step(node);
    }
    let mut right: Vec<f64> = wide.iter().map(|wide| wide / -2.0).collect();
    let place = |(node, &row): (usize, &usize)| {
        right[row] += step(node);
        right[row] - step(node) / 2.0
    };
    layers.row.iter().enumerate().map(place).collect()
}
