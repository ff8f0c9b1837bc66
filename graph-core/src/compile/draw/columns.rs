//! Where everything goes across: the order within the rows from the `rust-sugiyama` crate, then columns as
//! straight and as near to each other as that order allows.

use std::thread;

use petgraph::{
    Direction::{Incoming, Outgoing},
    algo::toposort,
    graph::{DiGraph, NodeIndex},
    visit::EdgeRef,
};
use rust_sugiyama::{
    configure::{Config, RankingType},
    from_vertices_and_edges,
};

/// The most links for which neighbours are swapped to rid the picture of crossings, which is slow.
const MOST_SWAPPED: usize = 500;
/// The stack for the recursion of the crate, which takes up memory only as it is used.
const STACK: usize = 16 << 20;
/// How far two places may stand apart across and still be brought into one column.
const NEAR: f64 = 8.0;
/// What the columns are moved for; each round gathers them anew.
const ROUNDS: [Aim; 5] = [
    Aim::Near,
    Aim::Near,
    Aim::Straight,
    Aim::Straight,
    Aim::Straight,
];
/// How often each column is moved in a round, there and back.
const SWEEPS: usize = 4;

/// Places in rows, and the links between those of neighbouring rows, from top to bottom.
pub(super) type Mesh = DiGraph<Place, ()>;

/// What takes up room in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its row.
    pub(super) row: usize,
    /// How wide it is.
    pub(super) wide: f64,
}

/// Linked places that stand exactly below each other.
#[derive(Debug, Default)]
struct Column {
    x: f64,
    /// The columns that it is linked to at places above its own, and at places below them.
    linked: [Vec<NodeIndex>; 2],
}

/// Where a column is to stand between what it is linked to above and what it is linked to below.
#[derive(Debug, Clone, Copy)]
enum Aim {
    /// In the middle, which takes up the least room.
    Near,
    /// At the nearer of the two, which spares the line a bend.
    Straight,
}

/// Columns, and how far each must stay from those to the right of it.
type Columns = DiGraph<Column, f64>;

/// The middle of each place, unconnected parts side by side; none where the crate fails.
pub(super) fn columns(mesh: &Mesh) -> Option<Vec<f64>> {
    let mut x = vec![0.0; mesh.node_count()];
    let mut column = vec![NodeIndex::end(); mesh.node_count()];
    let mut right = 0.0;
    for part in parts(mesh)? {
        for &(id, (middle, _)) in &part {
            x[id] = middle;
        }
        let mut ids: Vec<NodeIndex> = part.iter().map(|place| NodeIndex::new(place.0)).collect();
        // the crate gives them in the order of a hash map
        ids.sort_by(|one, other| {
            let rows = mesh[*one].row.cmp(&mesh[*other].row);
            let across = x[one.index()].total_cmp(&x[other.index()]);
            rows.then(across).then(one.cmp(other))
        });
        for aim in ROUNDS {
            let mut columns = gather(mesh, &ids, &x, &mut column);
            settle(&mut columns, aim)?;
            for id in &ids {
                x[id.index()] = columns[column[id.index()]].x;
            }
        }
        let sides = ids.iter().map(|&id| x[id.index()] - mesh[id].wide / 2.0);
        let shift = right - sides.fold(f64::INFINITY, f64::min);
        for id in ids {
            x[id.index()] += shift;
            right = f64::max(right, x[id.index()] + mesh[id].wide / 2.0);
        }
    }
    x.iter().all(|x| x.is_finite()).then_some(x)
}

/// Places of the mesh, and where the crate puts them.
type Part = Vec<(usize, (f64, f64))>;

/// The parts that the mesh falls into, laid out by the crate; none where it fails or no thread can be had.
fn parts(mesh: &Mesh) -> Option<Vec<Part>> {
    let config = Config {
        vertex_spacing: 0.0,
        // every link is one row long, so this finds the rows that there are
        ranking_type: RankingType::Up,
        transpose: mesh.edge_count() <= MOST_SWAPPED,
        ..Config::default()
    };
    let number = |id: NodeIndex| u32::try_from(id.index()).ok();
    let places: Vec<_> = (0..)
        .zip(mesh.node_weights().map(|place| (place.wide, 0.0)))
        .collect();
    let links: Option<Vec<_>> = mesh
        .raw_edges()
        .iter()
        .map(|link| number(link.source()).zip(number(link.target())))
        .collect();
    let links = links?;
    let parts = thread::scope(|scope| {
        let work = || from_vertices_and_edges(&places, &links, &config);
        let thread = thread::Builder::new().stack_size(STACK);
        thread.spawn_scoped(scope, work).ok()?.join().ok()
    })?;
    Some(parts.into_iter().map(|(part, ..)| part).collect())
}

/// Makes columns of linked places that are nearly below each other; notes the column of each place.
///
/// Neighbours in a row are at least twice as far apart as such places may be, so no column crosses another.
fn gather(mesh: &Mesh, ids: &[NodeIndex], x: &[f64], column: &mut [NodeIndex]) -> Columns {
    let mut columns = Columns::new();
    for &id in ids {
        let here = x[id.index()];
        let above = mesh
            .neighbors_directed(id, Incoming)
            .find(|above| (x[above.index()] - here).abs() < NEAR);
        column[id.index()] = match above {
            Some(above) => column[above.index()],
            None => columns.add_node(Column {
                x: here,
                ..Column::default()
            }),
        };
    }
    for &id in ids {
        let upper = column[id.index()];
        for below in mesh.neighbors_directed(id, Outgoing) {
            let lower = column[below.index()];
            // several lines between the same two count once
            if upper != lower && !columns[upper].linked[1].contains(&lower) {
                columns[upper].linked[1].push(lower);
                columns[lower].linked[0].push(upper);
            }
        }
    }
    for pair in ids.windows(2) {
        let (left, right) = (mesh[pair[0]], mesh[pair[1]]);
        if left.row == right.row {
            let apart = f64::midpoint(left.wide, right.wide);
            columns.add_edge(column[pair[0].index()], column[pair[1].index()], apart);
        }
    }
    columns
}

/// Moves each column towards what it is linked to, as far as its neighbours let it; none where they have no
/// order from left to right.
fn settle(columns: &mut Columns, aim: Aim) -> Option<()> {
    let order = toposort(&*columns, None).ok()?;
    for &id in &order {
        columns[id].x = columns[id].x.max(room(columns, id).0);
    }
    for _ in 0..SWEEPS {
        for &id in order.iter().rev().chain(&order) {
            let (left, right) = room(columns, id);
            columns[id].x = wanted(columns, id, aim).min(right).max(left);
        }
    }
    Some(())
}

/// How far to the left and to the right a column may stand.
fn room(columns: &Columns, id: NodeIndex) -> (f64, f64) {
    let left = columns
        .edges_directed(id, Incoming)
        .map(|apart| columns[apart.source()].x + apart.weight());
    let right = columns
        .edges_directed(id, Outgoing)
        .map(|apart| columns[apart.target()].x - apart.weight());
    (
        left.fold(f64::NEG_INFINITY, f64::max),
        right.fold(f64::INFINITY, f64::min),
    )
}

/// Where a column is to stand, were it alone.
fn wanted(columns: &Columns, id: NodeIndex, aim: Aim) -> f64 {
    let Column { x, linked } = &columns[id];
    let middles = linked.each_ref().map(|side| {
        let mut xs: Vec<f64> = side.iter().map(|&other| columns[other].x).collect();
        xs.sort_by(f64::total_cmp);
        let last = xs.len().checked_sub(1)?;
        Some(f64::midpoint(xs[last / 2], xs[last.div_ceil(2)]))
    });
    match (middles, aim) {
        ([Some(above), Some(below)], Aim::Near) => f64::midpoint(above, below),
        ([Some(above), Some(below)], Aim::Straight) => {
            if (above - x).abs() < (below - x).abs() {
                above
            } else {
                below
            }
        }
        ([above, below], _) => above.or(below).unwrap_or(*x),
    }
}
