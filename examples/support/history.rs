//! A thread's checkpoints, drawn as a tree.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use superstep::{CheckpointId, Snapshot, Source};

/// A state in a few words.
pub(crate) trait Short {
    fn short(&self) -> String;
}

const TITLES: [&str; 6] = ["id", "step", "what ran", "what is next", "state", "when"];

/// The checkpoints of a history (newest first), oldest first: what follows a
/// checkpoint stands below it, and a fork is a branch. The head says so.
pub(crate) fn tree<S: Short>(history: &[Snapshot<S>], head: CheckpointId) -> String {
    let mut children: Children<'_, S> = BTreeMap::new();
    for snapshot in history.iter().rev() {
        // One whose parent was not kept is a root.
        let parent = history
            .iter()
            .find(|other| Some(other.id) == snapshot.parent);
        let parent = parent.map(|parent| parent.id);
        children.entry(parent).or_default().push(snapshot);
    }
    let mut rows = vec![TITLES.map(str::to_owned)];
    draw(&children, None, "", &mut rows);
    let head = head.to_string();
    let mut text = String::new();
    let widths: [usize; 6] = std::array::from_fn(|column| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    });
    for row in &rows {
        for (cell, width) in row.iter().zip(widths).take(5) {
            let _ = write!(text, "{cell:width$}  ");
        }
        let at_head = row[0].rsplit(' ').next() == Some(&*head);
        let here = if at_head { "  <- here" } else { "" };
        let _ = writeln!(text, "{}{here}", row[5]);
    }
    text
}

type Children<'h, S> = BTreeMap<Option<CheckpointId>, Vec<&'h Snapshot<S>>>;

/// The rows of what follows a checkpoint, each line behind `margin`.
fn draw<S: Short>(
    children: &Children<'_, S>,
    of: Option<CheckpointId>,
    margin: &str,
    rows: &mut Vec<[String; 6]>,
) {
    let children_of = children.get(&of).map_or(&[][..], Vec::as_slice);
    let n_children = children_of.len();
    for (index, snapshot) in children_of.iter().enumerate() {
        let (first, below) = match (n_children, index + 1 == n_children) {
            (1, _) => ("", ""),
            (_, false) => ("├─ ", "│  "),
            (_, true) => ("└─ ", "   "),
        };
        rows.push([
            format!("{margin}{first}{}", snapshot.id),
            snapshot.step.to_string(),
            ran(snapshot),
            next(snapshot),
            snapshot.values.short(),
            ago(snapshot.created_at.elapsed().unwrap_or_default()),
        ]);
        draw(
            children,
            Some(snapshot.id),
            &format!("{margin}{below}"),
            rows,
        );
    }
}

fn ran<S>(snapshot: &Snapshot<S>) -> String {
    match snapshot.source {
        Source::Superstep => snapshot.ran.join(", "),
        other => format!("({})", other.as_str()),
    }
}

fn next<S>(snapshot: &Snapshot<S>) -> String {
    let asks = |name: &String| {
        snapshot
            .interrupts
            .iter()
            .any(|asked| asked.task.node == *name)
    };
    let next = snapshot.next.iter().map(|name| match asks(name) {
        true => format!("{name} (asks)"),
        false => name.clone(),
    });
    let next: Vec<String> = next.collect();
    if next.is_empty() {
        return "nothing".to_owned();
    }
    next.join(", ")
}

fn ago(time: Duration) -> String {
    match time.as_secs() {
        0..2 => "just now".to_owned(),
        seconds @ 2..120 => format!("{seconds} s ago"),
        seconds @ 120..7200 => format!("{} min ago", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h ago", seconds / 3600),
        seconds => format!("{} d ago", seconds / 86_400),
    }
}
