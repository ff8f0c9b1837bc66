//! Sources that a join cannot do without.
//!
//! A join that waits for so many successes fires, and cancels what is at work for
//! it, only when each source that it requires has succeeded, or can no longer.

use super::Frontier;
use super::joins::{Alive, OpenJoin, is_lost};
use crate::compile::{NodeIndex, RuledJoin, to_index};

/// A required source that can still succeed, in the superstep that begins.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) source: usize,
    /// How many of its tasks have not ended; none, if it is not at work.
    pub(crate) n_left: usize,
    /// Whether it can no longer once one of them has failed.
    pub(crate) is_last: bool,
}

impl OpenJoin {
    /// Whether some required source has not succeeded, and still can.
    pub(super) fn wants(&self, join: &RuledJoin, alive: &Alive) -> bool {
        let mut required = join.required.iter();
        required.any(|&source| self.can_succeed(join, source, alive))
    }

    fn can_succeed(&self, join: &RuledJoin, source: usize, alive: &Alive) -> bool {
        // All that came of a worker counts, its failures too.
        let is_over = match join.workers.contains(source) {
            true => !self.came[source].is_empty(),
            false => self.is_done(source),
        };
        !is_over && !is_lost(&join.ways_in[source], alive)
    }
}

impl Frontier {
    /// The required sources that the join waits for in a superstep with tasks of
    /// these nodes, and of each so many.
    pub(crate) fn wanted(
        &self,
        index: usize,
        join: &RuledJoin,
        nodes: &[NodeIndex],
        n_tasks: &dyn Fn(NodeIndex) -> usize,
    ) -> Vec<Wanted> {
        let Some(open) = self.open.as_ref().map(|open| &open.joins[index]) else {
            return Vec::new();
        };
        if join.required.is_empty() {
            return Vec::new();
        }
        let mut alive: Alive = nodes.iter().map(|&node| node as usize).collect();
        alive.union_with(&self.deferred);
        let required = join.required.iter().copied();
        let required = required.filter(|&source| open.can_succeed(join, source, &alive));
        required
            .map(|source| {
                let node = join.sources[source];
                let mut leads = alive.intersection(&join.ways_in[source]);
                Wanted {
                    source,
                    n_left: n_tasks(node),
                    is_last: join.workers.contains(source)
                        || leads.all(|leads| to_index(leads) == node),
                }
            })
            .collect()
    }
}

/// Notes the end of one of a source's tasks.
pub(crate) fn has_ended(wanted: &mut Vec<Wanted>, source: usize, success: bool) {
    wanted.retain_mut(|wanted| {
        if wanted.source != source {
            return true;
        }
        if success {
            wanted.n_left = wanted.n_left.saturating_sub(1);
            return wanted.n_left > 0;
        }
        !wanted.is_last
    });
}
