//! Joins that have starved in graphs that are nodes, as the graph around knows of
//! them.

use std::cmp::Ordering;

use super::{Frontier, StarvedJoin};
use crate::checkpoint::StarvedBody;
use crate::id::NodeName;

impl StarvedJoin {
    /// The same, said of the graph around: this one is inside that task of it.
    pub(crate) fn is_inside(&mut self, task: &str) {
        self.path = match self.path.as_str() {
            "" => task.to_owned(),
            path => format!("{task}/{path}"),
        };
    }

    /// As it is written down.
    pub(crate) fn write(&self) -> StarvedBody {
        let names = |names: &[NodeName]| names.iter().map(ToString::to_string).collect();
        StarvedBody {
            at: self.path.clone(),
            to: self.target.to_string(),
            arrived: names(&self.arrived),
            missing: names(&self.missing),
        }
    }

    /// One that was written down.
    pub(crate) fn read(body: &StarvedBody) -> Self {
        let names = |names: &[String]| names.iter().map(|name| name.as_str().into()).collect();
        Self {
            path: body.at.clone(),
            target: body.to.as_str().into(),
            arrived: names(&body.arrived),
            missing: names(&body.missing),
        }
    }

    /// In the order of their paths, as tasks are ordered.
    fn order(&self, other: &Self) -> Ordering {
        parts(&self.path).cmp(parts(&other.path))
    }
}

/// The numbers of sends are numbers, and no texts.
fn parts(path: &str) -> impl Iterator<Item = Result<u32, &str>> {
    path.split('/').map(|part| part.parse().map_err(|_| part))
}

impl Frontier {
    /// Takes in joins that have starved in graphs that are nodes: each once, however
    /// often such a graph has run.
    pub(crate) fn starve(&mut self, joins: impl IntoIterator<Item = StarvedJoin>) {
        for join in joins {
            if !self.starved_inside.contains(&join) {
                let before = |it: &StarvedJoin| it.order(&join).is_le();
                let at = self.starved_inside.partition_point(before);
                self.starved_inside.insert(at, join);
            }
        }
    }

    /// Those that have been taken in, in the order of paths.
    pub(crate) fn starved_inside(&self) -> &[StarvedJoin] {
        &self.starved_inside
    }

    /// As they are written down.
    pub(crate) fn write_starved(&self) -> Vec<StarvedBody> {
        let joins = self.starved_inside.iter();
        joins.map(StarvedJoin::write).collect()
    }
}
