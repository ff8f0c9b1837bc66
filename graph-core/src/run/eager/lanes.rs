//! Which tasks may start, where tasks of several depths are at work. Plain data:
//! it knows no state, no clock and no future.
//!
//! 1. A node is *open* at a depth while a task of it may be unfinished there:
//!    one is at work, one is ready, or some open node of the depth before has a
//!    direct way to it. How many there are of those is counted, and the counts
//!    follow when one of them closes.
//! 2. A node that was led to starts once no open node of the depth before can
//!    lead to it any more: all its causes are known.
//! 3. A depth is looked at only once something is led to it; what may come there
//!    is then what is open before it.
//! 4. A join counts its arrivals depth by depth, a depth once none of its sources
//!    is open there or before. Until then, what has arrived holds its target open
//!    at the next depth.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;

use fixedbitset::FixedBitSet;

use super::ways::Ways;
use crate::compile::{JoinSend, JoinSource, NodeIndex};

/// A task of a window, by its number.
pub(super) type TaskNo = u32;

#[derive(Default)]
struct Level {
    nodes: BTreeMap<NodeIndex, Entry>,
    n_open: usize,
    /// How many open nodes of the depth before may lead anywhere.
    anywhere: usize,
}

/// A node at a depth.
#[derive(Default)]
struct Entry {
    /// How much may still lead to it: open nodes before it, and arrivals that a
    /// join has not counted.
    may: usize,
    causes: Vec<TaskNo>,
    /// For a worker: who sends, and which of its choices that is.
    sends: Vec<(TaskNo, u32)>,
    at_work: usize,
    started: bool,
    open: bool,
    /// Whether it was said to be ready.
    told: bool,
    /// The joins that led to it.
    fired: Vec<Fired>,
}

/// A join that has fired, with the sends that have come to it.
pub(super) type Fired = (usize, Vec<JoinSend>);

/// A join, with what has arrived at it.
struct Filling {
    arrived: FixedBitSet,
    /// Who has arrived since it last fired, as far as that was counted.
    causes: Vec<(usize, TaskNo)>,
    /// The sends among them.
    sent: Vec<JoinSend>,
    /// What was not counted yet, by depth; of a send with its number.
    pending: BTreeMap<u64, Vec<(usize, TaskNo, Option<u32>)>>,
    /// Before this depth none of its sources is open, and at it none of so many.
    clear: (u64, usize),
}

/// A node that may start at a depth.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) depth: u64,
    pub(super) node: NodeIndex,
    /// What led to it; of a send, nothing.
    pub(super) causes: Vec<TaskNo>,
    pub(super) sends: Vec<(TaskNo, u32)>,
    /// The joins among what led to it.
    pub(super) fired: Vec<Fired>,
}

/// What is to be looked at.
enum Look {
    Node(u64, NodeIndex),
    /// A depth to which nothing may lead from anywhere any more.
    Level(u64),
    Join(usize),
}

/// How often a task is a cause of what has not started.
#[derive(Clone, Copy, Default)]
struct Uses {
    all: u32,
    /// As what has come to a join that has not fired.
    at_joins: u32,
}

/// The depths at which something is unfinished.
pub(super) struct Lanes {
    ways: Arc<Ways>,
    /// The least of them.
    first: u64,
    levels: VecDeque<Level>,
    joins: BTreeMap<usize, Filling>,
    ready: Vec<(u64, NodeIndex)>,
    looks: Vec<Look>,
    uses: Vec<Uses>,
    /// What has come to a join twice from the same source, first and then.
    again: Vec<(usize, TaskNo, TaskNo)>,
}

impl Lanes {
    pub(super) fn new(ways: Arc<Ways>, first: u64) -> Self {
        Self {
            ways,
            first,
            levels: VecDeque::from([Level::default()]),
            joins: BTreeMap::new(),
            ready: Vec::new(),
            looks: Vec::new(),
            uses: Vec::new(),
            again: Vec::new(),
        }
    }

    pub(super) fn ways(&self) -> &Ways {
        &self.ways
    }

    /// A task of the first depth is about to start.
    pub(super) fn plan(&mut self, node: NodeIndex) {
        let level = &mut self.levels[0];
        let entry = level.nodes.entry(node).or_default();
        entry.started = true;
        entry.at_work += 1;
        if !mem::replace(&mut entry.open, true) {
            level.n_open += 1;
        }
    }

    /// Whether no task of the first depth is unfinished.
    pub(super) fn is_settled(&self) -> bool {
        self.levels[0].n_open == 0
    }

    /// The first depth was settled.
    pub(super) fn pop(&mut self) {
        if self.levels.len() == 1 {
            self.levels.push_back(Level::default());
        }
        self.levels.pop_front();
        self.first += 1;
    }

    /// A task that has ended, at this depth, leads to a node.
    pub(super) fn lead(&mut self, depth: u64, to: NodeIndex, cause: TaskNo) {
        let entry = self.entry(depth + 1, to);
        debug_assert!(!entry.told, "rule 2");
        entry.causes.push(cause);
        self.uses(cause).all += 1;
        self.looks.push(Look::Node(depth + 1, to));
    }

    /// It sends something to a worker.
    pub(super) fn send(&mut self, depth: u64, to: NodeIndex, cause: TaskNo, choice: u32) {
        let entry = self.entry(depth + 1, to);
        debug_assert!(!entry.told, "rule 2");
        entry.sends.push((cause, choice));
        self.uses(cause).all += 1;
        self.looks.push(Look::Node(depth + 1, to));
    }

    /// It arrives at a join, at which these had arrived before the first depth. Of
    /// a send there is its number.
    pub(super) fn arrive(
        &mut self,
        depth: u64,
        arrival: JoinSource,
        (cause, send): (TaskNo, Option<u32>),
        (before, sent): (&FixedBitSet, &[JoinSend]),
    ) {
        let JoinSource { join, source } = arrival;
        let first = self.first;
        let filling = self.joins.entry(join).or_insert_with(|| Filling {
            arrived: before.clone(),
            causes: Vec::new(),
            sent: sent.to_vec(),
            pending: BTreeMap::new(),
            clear: (first, 0),
        });
        let pending = filling.pending.entry(depth).or_default();
        let holds = pending.is_empty();
        pending.push((source, cause, send));
        let uses = self.uses(cause);
        uses.all += 1;
        uses.at_joins += 1;
        if holds {
            let target = self.ways.target(join);
            self.entry(depth + 1, target).may += 1;
            self.looks.push(Look::Node(depth + 1, target));
        }
    }

    /// A task has ended, and all that it leads to was said.
    pub(super) fn ended(&mut self, depth: u64, node: NodeIndex) {
        self.entry(depth, node).at_work -= 1;
        self.looks.push(Look::Node(depth, node));
        while let Some(look) = self.looks.pop() {
            match look {
                Look::Node(depth, node) => self.look_at_node(depth, node),
                Look::Level(depth) => self.look_at_level(depth),
                Look::Join(join) => while self.count_at_join(join) {},
            }
        }
    }

    /// How often a task is a cause of what has not started.
    pub(super) fn used(&self, task: TaskNo) -> u32 {
        self.uses.get(task as usize).map_or(0, |uses| uses.all)
    }

    /// Whether it is one of joins only, which have not fired.
    pub(super) fn waits_at_joins(&self, task: TaskNo) -> bool {
        let uses = self.uses.get(task as usize);
        uses.is_some_and(|uses| uses.all == uses.at_joins)
    }

    /// What has come to a join, and then again from the same source; the join has
    /// not fired since.
    pub(super) fn take_again(&mut self) -> Vec<(usize, TaskNo, TaskNo)> {
        mem::take(&mut self.again)
    }

    /// Of what has come to a join, this will do without being a cause.
    pub(super) fn forget(&mut self, join: usize, cause: TaskNo) {
        let Some(filling) = self.joins.get_mut(&join) else {
            return;
        };
        if let Some(at) = filling.causes.iter().position(|&(_, it)| it == cause) {
            filling.causes.remove(at);
            let uses = self.uses(cause);
            uses.all -= 1;
            uses.at_joins -= 1;
        }
    }

    /// A cause of something has done its part.
    pub(super) fn release(&mut self, task: TaskNo) {
        self.uses[task as usize].all -= 1;
    }

    fn uses(&mut self, task: TaskNo) -> &mut Uses {
        let at = task as usize;
        if self.uses.len() <= at {
            self.uses.resize(at + 1, Uses::default());
        }
        &mut self.uses[at]
    }

    /// Takes out what may start, up to a depth; it is then at work.
    pub(super) fn take_ready(&mut self, most: u64) -> Vec<Ready> {
        let mut taken = Vec::new();
        for (depth, node) in mem::take(&mut self.ready) {
            if depth > most {
                self.ready.push((depth, node));
                continue;
            }
            let entry = self.entry(depth, node);
            let ready = Ready {
                depth,
                node,
                causes: mem::take(&mut entry.causes),
                sends: mem::take(&mut entry.sends),
                fired: mem::take(&mut entry.fired),
            };
            entry.started = true;
            entry.at_work = ready.sends.len().max(1);
            taken.push(ready);
        }
        taken
    }

    fn level(&mut self, depth: u64) -> Option<&mut Level> {
        let at = usize::try_from(depth.checked_sub(self.first)?).ok()?;
        self.levels.get_mut(at)
    }

    fn entry(&mut self, depth: u64, node: NodeIndex) -> &mut Entry {
        if self.level(depth).is_none() {
            self.open_level();
        }
        let level = self.level(depth).expect("it is the next one at the most");
        level.nodes.entry(node).or_default()
    }

    /// Adds a depth, at which may come what the last one may lead to.
    fn open_level(&mut self) {
        let mut level = Level::default();
        if let Some(before) = self.levels.back() {
            level.anywhere = usize::from(before.anywhere > 0);
            for (&node, _) in before.nodes.iter().filter(|(_, entry)| entry.open) {
                level.anywhere += usize::from(self.ways.goes_anywhere(node));
                for &to in self.ways.next(node) {
                    let entry = level.nodes.entry(to).or_default();
                    entry.may += 1;
                    if !mem::replace(&mut entry.open, true) {
                        level.n_open += 1;
                    }
                }
            }
        }
        self.levels.push_back(level);
    }

    /// Something has changed for a node: it may be ready, open, or closed.
    fn look_at_node(&mut self, depth: u64, node: NodeIndex) {
        let Some(level) = self.level(depth) else {
            return;
        };
        let from_anywhere = level.anywhere > 0;
        let entry = level.nodes.entry(node).or_default();
        let led_to = !entry.causes.is_empty() || !entry.sends.is_empty();
        let waits = led_to && !entry.started;
        let starts = waits && entry.may == 0 && !from_anywhere && !entry.told;
        entry.told |= starts;
        let open = waits || entry.may > 0 || entry.at_work > 0;
        let was_open = mem::replace(&mut entry.open, open);
        if was_open != open {
            match open {
                true => level.n_open += 1,
                false => level.n_open -= 1,
            }
            self.pass_on(depth, node, open);
        }
        if starts {
            self.ready.push((depth, node));
        }
    }

    /// A node has become open, or has closed.
    fn pass_on(&mut self, depth: u64, node: NodeIndex, open: bool) {
        let ways = Arc::clone(&self.ways);
        if !open {
            let arrivals = ways.arrivals(node).iter();
            let joins = arrivals.filter(|arrival| self.joins.contains_key(&arrival.join));
            let looks: Vec<Look> = joins.map(|arrival| Look::Join(arrival.join)).collect();
            self.looks.extend(looks);
        }
        let Some(after) = self.level(depth + 1) else {
            return;
        };
        let mut looks = Vec::new();
        for &to in ways.next(node) {
            let may = &mut after.nodes.entry(to).or_default().may;
            *may = if open { *may + 1 } else { *may - 1 };
            // Else it stays as it is.
            if open || *may == 0 {
                looks.push(Look::Node(depth + 1, to));
            }
        }
        if ways.goes_anywhere(node) {
            after.anywhere = match open {
                true => after.anywhere + 1,
                false => after.anywhere - 1,
            };
            if !open && after.anywhere == 0 {
                self.looks.push(Look::Level(depth + 1));
            }
        }
        self.looks.append(&mut looks);
    }

    /// Nothing leads to a depth from anywhere any more.
    fn look_at_level(&mut self, depth: u64) {
        let Some(level) = self.level(depth) else {
            return;
        };
        let nodes: Vec<NodeIndex> = level.nodes.keys().copied().collect();
        for node in nodes {
            self.looks.push(Look::Node(depth, node));
        }
        for &join in self.joins.keys() {
            self.looks.push(Look::Join(join));
        }
        if let Some(after) = self.level(depth + 1) {
            after.anywhere -= 1;
            if after.anywhere == 0 {
                self.looks.push(Look::Level(depth + 1));
            }
        }
    }

    /// Counts the arrivals of the least depth at a join, if none can come before
    /// them any more; false if not.
    fn count_at_join(&mut self, join: usize) -> bool {
        let Some(mut filling) = self.joins.remove(&join) else {
            return false;
        };
        let counted = self.count(join, &mut filling);
        self.joins.insert(join, filling);
        counted
    }

    fn count(&mut self, join: usize, filling: &mut Filling) -> bool {
        let Some((&depth, _)) = filling.pending.first_key_value() else {
            return false;
        };
        filling.clear = filling.clear.max((self.first, 0));
        while filling.clear.0 <= depth {
            if self.is_open_to(join, &mut filling.clear) {
                return false;
            }
            filling.clear = (filling.clear.0 + 1, 0);
        }
        let mut fires = false;
        let come = filling.pending.remove(&depth).unwrap_or_default();
        let sends = come.iter();
        let mut sent: Vec<JoinSend> = sends
            .filter_map(|&(source, _, send)| Some((source, send?)))
            .collect();
        sent.sort_unstable();
        filling.sent.append(&mut sent);
        for (source, cause, _) in come {
            let again = filling.arrived.put(source);
            let mut earlier = filling.causes.iter().rev();
            if let Some(&(_, first)) = earlier.find(|&&(of, _)| of == source) {
                self.again.push((join, first, cause));
            }
            filling.causes.push((source, cause));
            fires |= !again && filling.arrived.is_full();
        }
        let target = self.ways.target(join);
        let (mut causes, mut fired) = (Vec::new(), None);
        if fires {
            filling.arrived.clear();
            causes = mem::take(&mut filling.causes);
            fired = Some((join, mem::take(&mut filling.sent)));
        }
        for &(_, cause) in &causes {
            self.uses(cause).at_joins -= 1;
        }
        let entry = self.entry(depth + 1, target);
        entry
            .causes
            .extend(causes.into_iter().map(|(_, cause)| cause));
        entry.fired.extend(fired);
        entry.may -= 1;
        self.looks.push(Look::Node(depth + 1, target));
        true
    }

    /// Whether something may arrive at a join, at a depth at which so many of its
    /// sources are known not to.
    fn is_open_to(&self, join: usize, (depth, n_closed): &mut (u64, usize)) -> bool {
        let at = usize::try_from(*depth - self.first).ok();
        let Some(level) = at.and_then(|at| self.levels.get(at)) else {
            return false;
        };
        let is_open = |source| level.nodes.get(source).is_some_and(|entry| entry.open);
        if level.anywhere > 0 {
            return true;
        }
        let rest = &self.ways.sources(join)[*n_closed..];
        match rest.iter().position(is_open) {
            Some(first) => *n_closed += first,
            None => return false,
        }
        true
    }
}
