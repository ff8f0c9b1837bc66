//! What came of the sources of joins, as it is written down, and read again.
//!
//! What a join gathers is written with each checkpoint: tasks that came to the same
//! are written as one, so that the many of a long run take little.

use super::at_rest::node;
use crate::checkpoint::{ArrivalBody, CameBody, SendsBody};
use crate::compile::{Frozen, FrozenJoin, JoinSend};
use crate::node::{Arrival, Arrivals, SourceArrivals, TaskArrival};
use crate::state::State;

pub(super) fn write_arrivals(arrivals: &Arrivals) -> Vec<CameBody> {
    let mut bodies = Vec::new();
    for SourceArrivals { source, tasks } in arrivals.sources() {
        match tasks.is_empty() {
            true => bodies.push(CameBody {
                of: source.to_string(),
                send: None,
                sends: Vec::new(),
                to: None,
            }),
            false => bodies.extend(write_came(source, tasks)),
        }
    }
    bodies
}

/// The sends that have come to a join which waits for all.
pub(super) fn write_sent<S: State, C>(
    graph: &Frozen<S, C>,
    join: &FrozenJoin,
    sent: &[JoinSend],
) -> Vec<CameBody> {
    let sources = join.sources.iter().enumerate();
    let bodies = sources.flat_map(|(at, &source)| {
        let of_it = sent.iter().filter(|&&(of, _)| of == at);
        let tasks = of_it.map(|&(_, send)| TaskArrival::done(Some(send)));
        write_came(graph.name_of(source), &tasks.collect::<Vec<_>>())
    });
    bodies.collect()
}

/// What came of one source.
pub(super) fn write_came(of: &str, tasks: &[TaskArrival]) -> Vec<CameBody> {
    // A source that is no worker has come once, and has no number.
    let same = |a: &TaskArrival, b: &TaskArrival| {
        a.came_to == b.came_to && a.send.is_some() && b.send.is_some()
    };
    let body = |tasks: &[TaskArrival]| {
        let (send, sends) = match *tasks {
            [ref task] => (task.send, Vec::new()),
            _ => (None, sends_of(tasks)),
        };
        CameBody {
            of: of.to_owned(),
            send,
            sends,
            to: Some(match &tasks[0].came_to {
                Arrival::Done => ArrivalBody::Done,
                Arrival::Failed(why) => ArrivalBody::Failed(why.clone()),
                Arrival::TimedOut => ArrivalBody::TimedOut,
                Arrival::Cancelled => ArrivalBody::Cancelled,
                Arrival::Skipped => ArrivalBody::Skipped,
            }),
        }
    };
    tasks.chunk_by(same).map(body).collect()
}

fn sends_of(tasks: &[TaskArrival]) -> Vec<SendsBody> {
    let mut sends: Vec<SendsBody> = Vec::new();
    let follows =
        |a: &TaskArrival, b: &TaskArrival| a.send.and_then(|send| send.checked_add(1)) == b.send;
    for tasks in tasks.chunk_by(follows) {
        let first = tasks[0].send.unwrap_or_default();
        // As many as there are numbers, at most.
        let n = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
        match sends.last_mut() {
            Some(SendsBody(of, many, times)) if (*of, *many) == (first, n) && *times < u32::MAX => {
                *times += 1;
            }
            _ => sends.push(SendsBody(first, n, 1)),
        }
    }
    sends
}

/// What was written of one source: nothing, if it was not waited for.
pub(super) fn read_came(body: &CameBody) -> Vec<TaskArrival> {
    let came_to = match body.to.clone() {
        None => return Vec::new(),
        Some(ArrivalBody::Done) => Arrival::Done,
        Some(ArrivalBody::Failed(why)) => Arrival::Failed(why),
        Some(ArrivalBody::TimedOut) => Arrival::TimedOut,
        Some(ArrivalBody::Cancelled) => Arrival::Cancelled,
        Some(ArrivalBody::Skipped) => Arrival::Skipped,
    };
    let task = |send| TaskArrival {
        send,
        came_to: came_to.clone(),
    };
    if body.sends.is_empty() {
        return vec![task(body.send)];
    }
    let sends = body.sends.iter().flat_map(|&SendsBody(first, n, times)| {
        let once = (0..n).filter_map(move |at| first.checked_add(at));
        (0..times).flat_map(move |_| once.clone())
    });
    sends.map(|send| task(Some(send))).collect()
}

/// What came to a join's target, by the names that the sources have now.
pub(super) fn read_arrivals<S: State, C>(graph: &Frozen<S, C>, bodies: &[CameBody]) -> Arrivals {
    let mut sources: Vec<SourceArrivals> = Vec::new();
    for body in bodies {
        let source = match node(graph, &body.of) {
            Ok(node) => graph.name_of(node).clone(),
            Err(_) => body.of.as_str().into(),
        };
        let tasks = read_came(body);
        match sources.last_mut() {
            Some(last) if last.source == source => last.tasks.extend(tasks),
            _ => sources.push(SourceArrivals { source, tasks }),
        }
    }
    // Their names may have changed since.
    sources.sort_by(|a, b| a.source.cmp(&b.source));
    Arrivals::of(sources)
}
