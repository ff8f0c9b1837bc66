//! A plan as it is written down, and read again, perhaps for a graph that has
//! changed since.

use serde_json::value::RawValue;

use super::{Frontier, Task};
use crate::checkpoint::{JoinBody, TaskBody};
use crate::compile::{Frozen, NodeIndex};
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
        Ok(TaskBody { node, send, input })
    };
    tasks.iter().map(body).collect()
}

/// The node of that name, by its own or by one it had before.
fn node<S: State, C>(graph: &Frozen<S, C>, name: &str) -> Result<NodeIndex, Gone> {
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
        Ok(Task { node, send })
    };
    let tasks = tasks.iter().map(task);
    tasks
        .filter_map(|task| task.map_err(|why| gone.push(why)).ok())
        .collect()
}

impl Frontier {
    /// The joins that wait, as they are written down.
    pub(crate) fn write_joins<S: State, C>(&self, graph: &Frozen<S, C>) -> Vec<JoinBody> {
        let name = |node: NodeIndex| graph.name_of(node).to_string();
        let joins = graph.joins.iter().zip(&self.arrived);
        let waiting = joins.filter(|(_, arrived)| !arrived.is_clear());
        let bodies = waiting.map(|(join, arrived)| JoinBody {
            to: name(join.target),
            of: join.sources.iter().map(|&source| name(source)).collect(),
            arrived: arrived.ones().map(|at| name(join.sources[at])).collect(),
        });
        bodies.collect()
    }

    /// The deferred nodes that wait, as they are written down.
    pub(crate) fn write_deferred<S: State, C>(&self, graph: &Frozen<S, C>) -> Vec<String> {
        let nodes = self.deferred.ones();
        nodes.map(|node| graph.names[node].to_string()).collect()
    }

    /// A frontier that was written down, as far as it still is; what is not goes
    /// to `gone`. A join that has other sources now has those of its arrivals
    /// that are still its sources.
    pub(crate) fn read<S: State, C>(
        graph: &Frozen<S, C>,
        joins: &[JoinBody],
        deferred: &[String],
        gone: &mut Vec<Gone>,
    ) -> Self {
        let mut frontier = Self::new(graph);
        let joins = joins.iter().map(|join| frontier.read_join(graph, join));
        gone.extend(joins.filter_map(Result::err));
        for name in deferred {
            match node(graph, name) {
                Ok(node) => frontier.deferred.insert(node as usize),
                Err(why) => gone.push(why),
            }
        }
        frontier
    }

    fn read_join<S: State, C>(
        &mut self,
        graph: &Frozen<S, C>,
        body: &JoinBody,
    ) -> Result<(), Gone> {
        let target = node(graph, &body.to)?;
        let of = body.of.iter().map(|name| node(graph, name));
        let of: Vec<NodeIndex> = of.filter_map(Result::ok).collect();
        let same = |index: &usize| {
            let join = &graph.joins[*index];
            join.target == target
                && join.sources.len() == of.len()
                && join.sources.iter().all(|source| of.contains(source))
        };
        let into = |index: &usize| graph.joins[*index].target == target;
        let mut indices = 0..graph.joins.len();
        let found = indices.clone().find(same).or_else(|| indices.find(into));
        let Some(index) = found else {
            return Err(Gone::Node(body.to.clone()));
        };
        for name in &body.arrived {
            let source = node(graph, name)?;
            let mut sources = graph.joins[index].sources.iter();
            if let Some(at) = sources.position(|&known| known == source) {
                self.arrived[index].insert(at);
            }
        }
        Ok(())
    }
}
