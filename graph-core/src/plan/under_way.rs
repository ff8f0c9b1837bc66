//! Whether that is still under way for which the time of a join began.
//!
//! 1. The time begins with a task inside the join: a source, or one in its region.
//!    That is under way as long as tasks inside lead to tasks inside, or something
//!    inside waits: a deferred node, or a join of which something has come.
//! 2. If it is not, and nothing has come, the time begins anew with what leads
//!    into the join later.

use super::Frontier;
use super::joins::{Judge, OpenJoins};
use crate::compile::{NodeIndex, Rules, to_index};

impl OpenJoins {
    /// Notes that a task which has succeeded leads to these nodes.
    pub(crate) fn leads(
        &mut self,
        rules: &Rules,
        from: NodeIndex,
        to: &mut dyn Iterator<Item = NodeIndex>,
    ) {
        let inside = &rules.member(from).regions;
        if inside.is_empty() || !rules.has_times {
            return;
        }
        for node in to {
            for &join in inside {
                if rules.is_inside(join, node) && self.waits_for(join, &rules.joins[join], node) {
                    self.under_way.insert(join);
                }
            }
        }
    }

    /// The node waits, or is the target of a join that does, or has fired.
    pub(super) fn holds(&mut self, rules: &Rules, node: NodeIndex) {
        let member = rules.member(node);
        let sources = member.sources.iter().map(|of| of.join);
        for join in member.regions.iter().copied().chain(sources) {
            if self.waits_for(join, &rules.joins[join], node) {
                self.under_way.insert(join);
            }
        }
    }
}

impl Judge<'_> {
    /// Begins a new round of the joins for which nothing is under way any more.
    pub(super) fn begin_anew(&self, open: &mut OpenJoins, frontier: &Frontier) {
        let rules = self.rules;
        if !rules.has_times {
            return;
        }
        for node in frontier.deferred.ones() {
            open.holds(rules, to_index(node));
        }
        let plain = self.plain.iter().zip(&frontier.arrived);
        for (join, _) in plain.filter(|(_, arrived)| !arrived.is_clear()) {
            open.holds(rules, join.target);
        }
        for (index, join) in rules.joins.iter().enumerate() {
            if open.joins[index].is_begun() {
                open.holds(rules, join.target);
            }
        }
        for (index, join) in open.joins.iter_mut().enumerate() {
            if !join.is_begun() && !open.under_way.contains(index) {
                join.round += 1;
            }
        }
        open.under_way.clear();
    }
}
