//! Ways through graphs that are nodes: by names, and by paths of tasks.

use std::any::Any;

use super::super::error::RunError;
use crate::checkpoint::DynCheckpointer;
use crate::compile::{Frozen, nearest};
use crate::id::ThreadId;
use crate::node::{Astray, GraphInside};
use crate::state::State;

/// How many names of threads are compared with one that is not there.
const MOST_COMPARED: usize = 100;

/// The names on a way must lead to a node; says whether that is a graph.
pub(super) fn check_way<S: State, C>(graph: &Frozen<S, C>, way: &str) -> Result<bool, RunError> {
    let names: Vec<&str> = way.split('/').collect();
    find(graph, way, &names, &|near| near.to_owned())
}

/// As [`check_way`], of names in something else that was given to the call: `meant`
/// makes of near ones what was probably meant.
pub(super) fn find<S: State, C>(
    graph: &Frozen<S, C>,
    given: &str,
    names: &[&str],
    meant: &dyn Fn(&str) -> String,
) -> Result<bool, RunError> {
    graph.find(names).map_err(|astray| {
        let help = match astray {
            Astray::NoNode(Some(near)) => format!("did you mean `{}`?", meant(&near)),
            Astray::NoNode(None) => {
                "name each node on the way: `review/approve` is `approve` in the graph that is \
                 `review`"
                    .to_owned()
            }
            Astray::NoGraph(node) => format!("`{node}` is not a graph: nothing is inside it"),
        };
        unknown(given, help)
    })
}

/// There is no thread of that name; maybe one that is near, among the first that
/// begin like it.
pub(super) async fn unknown_thread(store: &dyn DynCheckpointer, thread: &ThreadId) -> RunError {
    let name = thread.to_string();
    let half = name
        .chars()
        .take(name.chars().count() / 2)
        .collect::<String>();
    let half = (!half.is_empty()).then(|| ThreadId::from(half));
    // That this fails, too, would say nothing new.
    let threads = store.threads(half.as_ref(), MOST_COMPARED).await;
    let threads: Vec<String> = threads.iter().flatten().map(ToString::to_string).collect();
    let near = nearest(&name, threads.iter().map(String::as_str));
    RunError::UnknownThread {
        thread: thread.clone(),
        near: near.map(ThreadId::from),
    }
}

/// There is nothing of that name.
pub(super) fn unknown(way: &str, help: String) -> RunError {
    RunError::UnknownNode {
        node: way.to_owned(),
        help,
    }
}

/// A task's path by the names that nodes have now.
pub(super) fn renamed<S: State, C>(graph: &Frozen<S, C>, task: &str) -> String {
    let mut parts = task.splitn(4, '/');
    let node = parts.next().unwrap_or_default();
    let index = graph.index_of(node).or_else(|| graph.formerly(node));
    let Some(index) = index else {
        return task.to_owned();
    };
    let mut path = graph.name_of(index).to_string();
    // The number of its send, and the superstep inside.
    for number in parts.by_ref().take(2) {
        path.push('/');
        path.push_str(number);
    }
    if let Some(rest) = parts.next() {
        path.push('/');
        match graph.node(index).body.inside() {
            Some(inside) => path.push_str(&inside.renamed(rest)),
            None => path.push_str(rest),
        }
    }
    path
}

impl<S: State, C> GraphInside for Frozen<S, C> {
    fn find(&self, names: &[&str]) -> Result<bool, Astray> {
        let Some((name, rest)) = names.split_first() else {
            return Ok(true);
        };
        let Some(index) = self.index_of(name) else {
            let near = nearest(name, self.names.iter().map(|name| name.as_str()));
            let near = near.map(|near| std::iter::once(near).chain(rest.iter().copied()));
            let near = near.map(|names| names.collect::<Vec<_>>().join("/"));
            return Err(Astray::NoNode(near));
        };
        let Some(inside) = self.node(index).body.inside() else {
            if rest.is_empty() {
                return Ok(false);
            }
            return Err(Astray::NoGraph((*name).to_owned()));
        };
        inside.find(rest).map_err(|astray| match astray {
            Astray::NoNode(near) => Astray::NoNode(near.map(|near| format!("{name}/{near}"))),
            Astray::NoGraph(node) => Astray::NoGraph(format!("{name}/{node}")),
        })
    }

    fn way_to(&self, name: &str) -> Option<String> {
        if self.index_of(name).is_some() {
            return Some(name.to_owned());
        }
        let mut nodes = self.names.iter().zip(&self.nodes);
        nodes.find_map(|(around, node)| {
            let way = node.body.inside()?.way_to(name)?;
            Some(format!("{around}/{way}"))
        })
    }

    fn renamed(&self, task: &str) -> String {
        renamed(self, task)
    }

    fn picture(&self, levels: usize) -> Box<dyn Any> {
        Box::new(self.drawn(levels))
    }

    #[cfg(feature = "testing")]
    fn try_memory(&self, names: &[&str], memory: &mut dyn Any) {
        let Some((name, rest)) = names.split_first() else {
            super::check::try_memory::<S>(memory);
            return;
        };
        let node = self.index_of(name);
        if let Some(inside) = node.and_then(|node| self.node(node).body.inside()) {
            inside.try_memory(rest, memory);
        }
    }
}
