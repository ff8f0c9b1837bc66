//! What stands below what: nodes with their lanes, subgraphs under their
//! parents, and bands for what is too much to be shown one by one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use super::judge::Judged;
use super::pieces::{end, ready};
use super::scopes::task;
use super::span::SpanOutcome;

/// The most lanes beside a band: enough to see what the others are like.
const FEW: usize = 24;
/// The deepest that rows are indented.
const DEEPEST: usize = 8;

/// One row of a picture.
#[derive(Debug)]
pub(super) struct Row {
    /// How deep in subgraphs.
    pub(super) depth: usize,
    pub(super) label: String,
    pub(super) kind: RowKind,
}

#[derive(Debug)]
pub(super) enum RowKind {
    /// The name of what is below.
    Heading,
    /// Spans that do not overlap, in order.
    Lane(Vec<usize>),
    /// Spans of which only the number is shown.
    Band(Vec<usize>),
}

/// The spans of one node, wherever they ran.
#[derive(Debug, Default)]
struct Group {
    node: String,
    depth: usize,
    lanes: Vec<Vec<usize>>,
    inside: Vec<usize>,
}

/// All rows, without bands.
pub(super) fn all_rows(judged: &Judged<'_>) -> Vec<Row> {
    rows(judged, usize::MAX)
}

/// At most about `most` rows. A node with more lanes than that leaves room for
/// is shown by a few of them and a band.
pub(super) fn rows(judged: &Judged<'_>, most: usize) -> Vec<Row> {
    let groups = groups(judged);
    let mut order = Vec::with_capacity(groups.len());
    let outer = groups
        .iter()
        .enumerate()
        .filter(|(_, group)| group.depth == 0);
    let mut open: Vec<usize> = outer.map(|(at, _)| at).collect();
    open.reverse();
    while let Some(at) = open.pop() {
        order.push(at);
        open.extend(groups[at].inside.iter().rev());
    }
    let rest = leave_out(judged, &groups, &mut order, most);
    let lanes: Vec<usize> = order.iter().map(|&at| groups[at].lanes.len()).collect();
    let cap = cap(&lanes, most);
    let mut rows = Vec::new();
    for at in order {
        push(&mut rows, judged, &groups[at], cap);
    }
    if !rest.is_empty() {
        let hidden = rest.iter().flat_map(|&at| &groups[at].lanes).flatten();
        rows.push(Row {
            depth: 0,
            label: format!("{} more nodes", rest.len()),
            kind: RowKind::Band(hidden.copied().collect()),
        });
    }
    rows
}

/// The nodes, in the order in which they were first ready.
fn groups(judged: &Judged<'_>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut last: Option<(&str, &str, usize)> = None;
    for &at in &judged.scopes.order {
        let span = &judged.spans[at];
        let (node, _) = task(&span.task);
        let group = match last {
            Some((path, same, group)) if path == span.path && same == node => group,
            _ => {
                let outer = nodes(&span.path);
                group_of(&mut groups, &mut known, &outer, node)
            }
        };
        last = Some((&span.path, node, group));
        members.resize(groups.len(), Vec::new());
        members[group].push(at);
    }
    for (group, members) in groups.iter_mut().zip(members) {
        group.lanes = pack(judged, members);
    }
    groups
}

/// The nodes of a path, without the numbers of their tasks.
fn nodes(path: &str) -> Vec<&str> {
    let mut nodes = Vec::new();
    let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
    while let Some(node) = parts.next() {
        nodes.push(node);
        parts.next_if(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    }
    nodes
}

/// The group of a node, made with those around it if it is not there yet.
fn group_of(
    groups: &mut Vec<Group>,
    known: &mut BTreeMap<String, usize>,
    outer: &[&str],
    node: &str,
) -> usize {
    let mut key = String::new();
    let mut parent: Option<usize> = None;
    for (depth, node) in outer.iter().copied().chain([node]).enumerate() {
        key.push('/');
        key.push_str(node);
        let group = *known.entry(key.clone()).or_insert_with(|| {
            groups.push(Group {
                node: node.to_owned(),
                depth: depth.min(DEEPEST),
                ..Group::default()
            });
            groups.len() - 1
        });
        if let Some(parent) = parent
            && !groups[parent].inside.contains(&group)
        {
            groups[parent].inside.push(group);
        }
        parent = Some(group);
    }
    parent.unwrap_or_default()
}

/// Puts spans into as few lanes as they overlap, each into the first that is
/// free. A lane is taken until what the span waits for at its end is there.
fn pack(judged: &Judged<'_>, spans: Vec<usize>) -> Vec<Vec<usize>> {
    let mut lanes: Vec<Vec<usize>> = Vec::new();
    let mut free: BinaryHeap<Reverse<usize>> = BinaryHeap::new();
    let mut taken: BinaryHeap<Reverse<(Duration, usize)>> = BinaryHeap::new();
    for at in spans {
        let span = &judged.spans[at];
        let begin = ready(span);
        while let Some(&Reverse((until, lane))) = taken.peek()
            && until <= begin
        {
            taken.pop();
            free.push(Reverse(lane));
        }
        let lane = free.pop().map_or(lanes.len(), |Reverse(lane)| lane);
        if lane == lanes.len() {
            lanes.push(Vec::new());
        }
        lanes[lane].push(at);
        // What took no time still takes its place.
        let until = end(span).saturating_add(judged.barrier[at]);
        let until = until.max(begin.saturating_add(Duration::from_nanos(1)));
        taken.push(Reverse((until, lane)));
    }
    lanes
}

/// How many lanes a node may have, so that all together are at most `most`;
/// the others of a node become one band.
fn cap(lanes: &[usize], most: usize) -> usize {
    let needed = |cap: usize| lanes.iter().map(|&n| n.clamp(1, cap + 1)).sum::<usize>();
    let widest = lanes.iter().copied().max().unwrap_or_default();
    if needed(widest) <= most {
        return widest;
    }
    let mut cap = most.min(widest);
    while cap > 1 && needed(cap) > most {
        cap -= 1;
    }
    cap.min(FEW)
}

/// Takes nodes out of `order` when there are more than fit: those stay that are
/// on the critical path, then those that took longest. Gives those taken out.
fn leave_out(
    judged: &Judged<'_>,
    groups: &[Group],
    order: &mut Vec<usize>,
    most: usize,
) -> Vec<usize> {
    if order.len() <= most {
        return Vec::new();
    }
    let weight = |&at: &usize| {
        let spans = groups[at].lanes.iter().flatten();
        let critical = spans.clone().any(|&span| judged.is_critical[span]);
        let lengths = spans.map(|&span| end(&judged.spans[span]) - ready(&judged.spans[span]));
        Reverse((critical, lengths.max().unwrap_or_default()))
    };
    let mut by_weight = order.clone();
    by_weight.sort_by_cached_key(weight);
    let mut kept = vec![false; groups.len()];
    for &at in &by_weight[..most * 2 / 3] {
        kept[at] = true;
    }
    let rest = order.iter().copied().filter(|&at| !kept[at]).collect();
    order.retain(|&at| kept[at]);
    rest
}

fn push(rows: &mut Vec<Row>, judged: &Judged<'_>, group: &Group, cap: usize) {
    let depth = group.depth;
    if group.lanes.is_empty() {
        rows.push(Row {
            depth,
            label: group.node.clone(),
            kind: RowKind::Heading,
        });
    }
    let (shown, hidden) = choose(judged, &group.lanes, cap);
    let paths = group.lanes.iter().flatten();
    let mut paths = paths.map(|&span| judged.spans[span].path.as_str());
    let first = paths.next();
    let several = paths.any(|path| Some(path) != first);
    for lane in shown {
        rows.push(Row {
            depth,
            label: label(judged, group, lane, several),
            kind: RowKind::Lane(lane.clone()),
        });
    }
    if !hidden.is_empty() {
        let spans: Vec<usize> = hidden.into_iter().flatten().copied().collect();
        rows.push(Row {
            depth,
            label: format!("{} (+{})", group.node, spans.len()),
            kind: RowKind::Band(spans),
        });
    }
}

/// The lanes that are shown and those that are not: shown are those on the
/// critical path, some in which something went wrong, and the first.
fn choose<'g>(
    judged: &Judged<'_>,
    lanes: &'g [Vec<usize>],
    cap: usize,
) -> (Vec<&'g Vec<usize>>, Vec<&'g Vec<usize>>) {
    let mut shown = vec![lanes.len() <= cap; lanes.len()];
    let mut left = cap.saturating_sub(shown.iter().filter(|&&shown| shown).count());
    let mut show = |most: usize, wanted: &dyn Fn(usize) -> bool| {
        let mut most = most.min(left);
        for (at, lane) in lanes.iter().enumerate() {
            if most > 0 && !shown[at] && lane.iter().any(|&span| wanted(span)) {
                shown[at] = true;
                (most, left) = (most - 1, left - 1);
            }
        }
    };
    let odd = |span: usize| {
        let outcome = judged.spans[span].outcome;
        matches!(outcome, SpanOutcome::Failed | SpanOutcome::Paused)
    };
    show(cap * 2 / 3, &|span| judged.is_critical[span]);
    show(cap / 4, &odd);
    show(cap, &|_| true);
    let (on, off): (Vec<_>, Vec<_>) = lanes.iter().zip(shown).partition(|&(_, shown)| shown);
    let lane = |(lane, _)| lane;
    (
        on.into_iter().map(lane).collect(),
        off.into_iter().map(lane).collect(),
    )
}

/// The task of a lane, or the node where there are several; with the number of
/// the subgraph's task where there are several subgraphs.
fn label(judged: &Judged<'_>, group: &Group, lane: &[usize], several_paths: bool) -> String {
    let Some(&first) = lane.first() else {
        return group.node.clone();
    };
    let first = &judged.spans[first];
    let same = lane.iter().all(|&at| judged.spans[at].task == first.task);
    let name = if same { &first.task } else { &group.node };
    let path = first.path.rsplit('/').next().unwrap_or_default();
    let one_path = lane.iter().all(|&at| judged.spans[at].path == first.path);
    if several_paths && one_path {
        format!("{path}/{name}")
    } else {
        name.clone()
    }
}

/// The most spans that were at work, and the most that waited, at one time.
pub(super) fn peaks(judged: &Judged<'_>, spans: &[usize]) -> (usize, usize) {
    let peak = |work: bool| {
        let pieces = spans.iter().flat_map(|&at| &judged.pieces[at]);
        let pieces = pieces.filter(|piece| piece.used.is_work() == work);
        // What ends comes before what begins at the same time.
        let mut turns: Vec<(Duration, bool)> = pieces
            .flat_map(|piece| [(piece.start, true), (piece.end, false)])
            .collect();
        turns.sort_unstable();
        let (mut now, mut most) = (0_usize, 0);
        for (_, begins) in turns {
            now = if begins {
                now + 1
            } else {
                now.saturating_sub(1)
            };
            most = most.max(now);
        }
        most
    };
    (peak(true), peak(false))
}

/// How many spans were at work and how many waited, on average in each of `n`
/// equal parts of the time.
pub(super) fn density(judged: &Judged<'_>, spans: &[usize], n: usize) -> Vec<(f64, f64)> {
    let mut work = vec![0.0; n + 1];
    let mut wait = vec![0.0; n + 1];
    let total = judged.total.max(Duration::from_nanos(1)).as_secs_f64();
    let place = |time: Duration| time.as_secs_f64() / total * n as f64;
    for &at in spans {
        for piece in &judged.pieces[at] {
            let counts = if piece.used.is_work() {
                &mut work
            } else {
                &mut wait
            };
            ramp(counts, place(piece.start), 1.0);
            ramp(counts, place(piece.end), -1.0);
        }
    }
    let mut level = (0.0, 0.0);
    let mut out = Vec::with_capacity(n);
    for (work, wait) in work.into_iter().zip(wait).take(n) {
        level = (level.0 + work, level.1 + wait);
        out.push((f64::max(level.0, 0.0), f64::max(level.1, 0.0)));
    }
    out
}

/// Adds a step at a place between two parts: what of the first part is behind
/// it counts there, the rest from the next on.
fn ramp(counts: &mut [f64], at: f64, by: f64) {
    let last = counts.len() - 1;
    let part = (at as usize).min(last);
    let behind = (part as f64 + 1.0 - at).clamp(0.0, 1.0);
    counts[part] += by * behind;
    if part < last {
        counts[part + 1] += by * (1.0 - behind);
    }
}
