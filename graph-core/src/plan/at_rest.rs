//! A plan as it is written down, and read again, perhaps for a graph that has
//! changed since.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::came_at_rest::{read_arrivals, read_came, write_arrivals, write_came, write_sent};
use super::{Frontier, StarvedJoin, Task};
use crate::checkpoint::{Body, JoinBody, KeptBody, TaskBody};
use crate::compile::{Frozen, NodeIndex};
use crate::node::TaskArrival;
use crate::state::State;

/// What of a written plan the graph has no place for.
#[derive(Debug)]
pub(crate) enum Gone {
    /// A node that a task, or a join, waits for.
    Node(String),
    /// The input of a send, which its worker does not take any more.
    Input(String, serde_json::Error),
}

/// Tasks as they are written down.
pub(crate) fn write_tasks<S: State, C>(
    graph: &Frozen<S, C>,
    tasks: &[Task],
) -> Result<Vec<TaskBody>, (String, serde_json::Error)> {
    let body = |task: &Task| {
        let node = graph.name_of(task.node).to_string();
        let (send, input) = match &task.send {
            None => (None, None),
            Some((number, input)) => match input.write().and_then(RawValue::from_string) {
                Ok(json) => (Some(*number), Some(json)),
                Err(error) => return Err((node, error)),
            },
        };
        Ok(TaskBody {
            node,
            send,
            input,
            arrivals: task
                .arrivals
                .as_deref()
                .map_or_else(Vec::new, write_arrivals),
        })
    };
    tasks.iter().map(body).collect()
}

/// The node of that name, by its own or by one it had before.
pub(super) fn node<S: State, C>(graph: &Frozen<S, C>, name: &str) -> Result<NodeIndex, Gone> {
    graph
        .index_of(name)
        .or_else(|| graph.formerly(name))
        .ok_or_else(|| Gone::Node(name.to_owned()))
}

/// Tasks that were written down, as far as they still are; what is not goes to
/// `gone`.
pub(crate) fn read_tasks<S: State, C>(
    graph: &Frozen<S, C>,
    tasks: &[TaskBody],
    gone: &mut Vec<Gone>,
) -> Vec<Task> {
    let task = |body: &TaskBody| {
        let node = node(graph, &body.node)?;
        let send = match (body.send, &body.input, graph.node(node).worker) {
            (Some(number), Some(input), Some(of)) => {
                let input = (of.read)(input.get());
                let input = input.map_err(|error| Gone::Input(body.node.clone(), error))?;
                Some((number, input))
            }
            (None, None, None) => None,
            // It was a worker and is none any more, or the other way round.
            _ => return Err(Gone::Node(body.node.clone())),
        };
        let arrivals = match &body.arrivals[..] {
            [] => None,
            arrivals => Some(Arc::new(read_arrivals(graph, arrivals))),
        };
        Ok(Task {
            node,
            send,
            arrivals,
        })
    };
    let tasks = tasks.iter().map(task);
    tasks
        .filter_map(|task| task.map_err(|why| gone.push(why)).ok())
        .collect()
}

/// A join that was written down, as one of those that there are.
enum Found {
    Plain(usize),
    Ruled(usize),
}

impl Frontier {
    /// The joins that wait, as they are written down.
    pub(crate) fn write_joins<S: State, C>(&self, graph: &Frozen<S, C>) -> Vec<JoinBody> {
        let name = |node: NodeIndex| graph.name_of(node).to_string();
        let joins = graph.joins.iter().zip(&self.arrived).enumerate();
        let waiting = joins.filter(|(_, (_, arrived))| !arrived.is_clear());
        let plain = waiting.map(|(index, (join, arrived))| JoinBody {
            to: name(join.target),
            of: join.sources.iter().map(|&source| name(source)).collect(),
            arrived: arrived.ones().map(|at| name(join.sources[at])).collect(),
            rule: None,
            came: write_sent(graph, join, self.sent(index)),
            owed: Vec::new(),
        });
        let mut bodies: Vec<JoinBody> = plain.collect();
        if let (Some(rules), Some(open)) = (&graph.rules, &self.open) {
            let joins = rules.joins.iter().zip(&open.joins);
            bodies.extend(
                joins
                    .filter(|(_, open)| !open.is_empty())
                    .map(|(join, open)| {
                        let source = |at: usize| name(join.sources[at]);
                        let came = open.came.iter().enumerate();
                        let came = came.filter(|(_, tasks)| !tasks.is_empty());
                        JoinBody {
                            to: name(join.target),
                            of: (0..join.sources.len()).map(source).collect(),
                            arrived: came.clone().map(|(at, _)| source(at)).collect(),
                            rule: Some(join.rule.in_full()),
                            came: came
                                .flat_map(|(at, tasks)| write_came(&source(at), tasks))
                                .collect(),
                            owed: open.owed.ones().map(source).collect(),
                        }
                    }),
            );
        }
        bodies
    }

    /// The deferred nodes that wait, as they are written down.
    pub(crate) fn write_deferred<S: State, C>(&self, graph: &Frozen<S, C>) -> Vec<String> {
        let nodes = self.deferred.ones();
        nodes.map(|node| graph.names[node].to_string()).collect()
    }

    /// What came to them, as it is written down.
    pub(crate) fn write_kept<S: State, C>(&self, graph: &Frozen<S, C>) -> Vec<KeptBody> {
        let fired = self.open.iter().flat_map(|open| &open.fired);
        let kept = fired.map(|(node, arrivals)| KeptBody {
            node: graph.name_of(*node).to_string(),
            arrivals: write_arrivals(arrivals),
        });
        kept.collect()
    }

    /// A frontier that was written down, as far as it still is; what is not goes
    /// to `gone`. A join that has other sources now has those of its arrivals
    /// that are still its sources.
    pub(crate) fn read<S: State, C>(
        graph: &Frozen<S, C>,
        body: &Body,
        gone: &mut Vec<Gone>,
    ) -> Self {
        let mut frontier = Self::new(graph);
        frontier.starve(body.starved.iter().map(StarvedJoin::read));
        let joins = body.joins.iter();
        let joins = joins.map(|join| frontier.read_join(graph, join));
        gone.extend(joins.filter_map(Result::err));
        for name in &body.deferred {
            match node(graph, name) {
                Ok(node) => frontier.deferred.insert(node as usize),
                Err(why) => gone.push(why),
            }
        }
        if let Some(open) = &mut frontier.open {
            for kept in &body.kept {
                // A node that is gone was found among the deferred.
                if let Ok(node) = node(graph, &kept.node) {
                    let arrivals = read_arrivals(graph, &kept.arrivals);
                    open.fired.insert(node, Arc::new(arrivals));
                }
            }
        }
        frontier
    }

    fn read_join<S: State, C>(
        &mut self,
        graph: &Frozen<S, C>,
        body: &JoinBody,
    ) -> Result<(), Gone> {
        let found = find_join(graph, body)?;
        match found {
            Found::Plain(index) => {
                let at = |name: &str| {
                    let source = node(graph, name)?;
                    let mut sources = graph.joins[index].sources.iter();
                    Ok(sources.position(|&known| known == source))
                };
                for name in &body.arrived {
                    if let Some(at) = at(name)? {
                        self.arrived[index].insert(at);
                    }
                }
                for came in &body.came {
                    if let Some(at) = at(&came.of)? {
                        let sends = read_came(came).into_iter().filter_map(|task| task.send);
                        let sent = self.sent.entry(index).or_default();
                        sent.extend(sends.map(|send| (at, send)));
                    }
                }
            }
            Found::Ruled(index) => {
                let (Some(rules), Some(open)) = (&graph.rules, &mut self.open) else {
                    return Ok(());
                };
                let (join, open) = (&rules.joins[index], &mut open.joins[index]);
                let at = |name: &str| {
                    let source = node(graph, name)?;
                    Ok(join.sources.iter().position(|&known| known == source))
                };
                for came in &body.came {
                    if let Some(at) = at(&came.of)? {
                        open.came[at].extend(read_came(came));
                    }
                }
                if body.rule.is_none() {
                    // Of a join that had no rule then.
                    for name in &body.arrived {
                        if let Some(at) = at(name)?
                            && open.came[at].is_empty()
                        {
                            open.came[at].push(TaskArrival::done(None));
                        }
                    }
                }
                for name in &body.owed {
                    if let Some(at) = at(name)? {
                        open.owed.insert(at);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The join with the same target and sources; else one with the same target. Of
/// several, the one with the same rule, or at least with one, if that had one.
fn find_join<S: State, C>(graph: &Frozen<S, C>, body: &JoinBody) -> Result<Found, Gone> {
    let target = node(graph, &body.to)?;
    let of = body.of.iter().map(|name| node(graph, name));
    let of: Vec<NodeIndex> = of.filter_map(Result::ok).collect();
    let fit = |sources: &[NodeIndex], rule: Option<String>| {
        let same = sources.len() == of.len() && sources.iter().all(|source| of.contains(source));
        (
            same,
            rule.is_some() == body.rule.is_some(),
            rule == body.rule,
        )
    };
    let mut best = None;
    let mut consider = |found: Found, fit: (bool, bool, bool)| {
        if best.as_ref().is_none_or(|&(before, _)| before < fit) {
            best = Some((fit, found));
        }
    };
    for (at, join) in graph.joins.iter().enumerate() {
        if join.target == target {
            consider(Found::Plain(at), fit(&join.sources, None));
        }
    }
    let ruled = graph.rules.iter().flat_map(|rules| &rules.joins);
    for (at, join) in ruled.enumerate() {
        if join.target == target {
            let rule = Some(join.rule.in_full());
            consider(Found::Ruled(at), fit(&join.sources, rule));
        }
    }
    match best {
        Some((_, found)) => Ok(found),
        None => Err(Gone::Node(body.to.clone())),
    }
}
