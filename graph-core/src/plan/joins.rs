//! Joins that have rules: what has come of their sources, and whether that is
//! enough. Looked at between two supersteps.
//!
//! 1. A source has come when it has ended, however that was; of a worker, when its
//!    tasks of one superstep have. It comes once for each time that the join
//!    fires: if it runs again before, its later end counts, unless its earlier was
//!    a success. Of a worker all tasks count.
//! 2. A source that can come no more has come to nothing: as *failed*, if a task
//!    failed that alone could have led to it, and else as *skipped*. It can come
//!    as long as something leads to it that is ready, waits deferred, or is the
//!    target of another join that fires. A join of which nothing has come is not
//!    looked at.
//! 3. When a join's time is over, what has not come has *timed out*.
//! 4. `settled` fires when all have come; `first` and `quorum` when so many have
//!    succeeded, and each that is required has or can no longer. If that is out of reach, the run fails; with `within` and without
//!    `strict`, the join fires once all have come. So does `all` with `within`. With
//!    `strict`, `settled` fails the run where something has timed out.
//! 5. When a join fires that cancels, or whose time is over, what is ready in its
//!    region is ready no more, and joins inside it begin anew. What these would have
//!    led to was *cancelled*, or has timed out with the join around them.
//! 6. A source that was not waited for, and can still come, is *owed*: what comes
//!    of it next counts for nothing.
//! 7. A join into a deferred node that waits counts no further until that runs.
//! 8. A join begins a new round when it fires or is cancelled, and when of what led
//!    into it nothing has come and nothing is under way: see [`super::under_way`].

use std::collections::BTreeMap;
use std::sync::Arc;

use fixedbitset::FixedBitSet;

use super::{Frontier, Task};
use crate::compile::{FrozenJoin, JoinSource, NodeIndex, RuledJoin, Rules};
use crate::id::NodeName;
use crate::node::{Arrival, Arrivals, SourceArrivals, TaskArrival};

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum How {
    Done,
    /// With that message, and those of its causes.
    Failed(Arc<str>),
    /// The time of the join of that number was over.
    TimedOut(usize),
    Cancelled,
}

impl How {
    pub(crate) fn arrival(&self) -> Arrival {
        match self {
            Self::Done => Arrival::Done,
            Self::Failed(why) => Arrival::Failed(why.to_string()),
            Self::TimedOut(_) => Arrival::TimedOut,
            Self::Cancelled => Arrival::Cancelled,
        }
    }
}

/// A task that has ended.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) node: NodeIndex,
    pub(crate) send: Option<u32>,
    /// Its place in the order in which tasks of the superstep ended.
    pub(crate) place: Option<u32>,
    pub(crate) how: How,
}

/// For each join whose time is over, how many tasks had ended by then.
pub(crate) type TimedOut = [Option<u32>];

/// A join that can get no further.
#[derive(Debug)]
pub(crate) struct Short {
    pub(crate) target: NodeName,
    /// Why, as the end of a sentence that begins with the join.
    pub(crate) why: String,
    pub(crate) arrivals: Arrivals,
}

/// What the joins with rules wait for.
#[derive(Debug)]
pub(crate) struct OpenJoins {
    pub(super) joins: Vec<OpenJoin>,
    /// What came to the targets of those that have fired, until these run.
    pub(super) fired: BTreeMap<NodeIndex, Arc<Arrivals>>,
    /// The joins inside which something goes on after this superstep.
    pub(super) under_way: FixedBitSet,
}

#[derive(Debug)]
pub(super) struct OpenJoin {
    /// For each source, what has come of it since the join last fired.
    pub(super) came: Vec<Vec<TaskArrival>>,
    pub(super) owed: FixedBitSet,
    /// The owed sources that have come in this superstep.
    paid: FixedBitSet,
    /// How often it has begun anew.
    pub(super) round: u64,
}

impl OpenJoin {
    fn clear(&mut self) {
        for came in &mut self.came {
            came.clear();
        }
        self.owed.clear();
        self.paid.clear();
        // Its time begins anew, too.
        self.round += 1;
    }

    /// Whether something has come that counts.
    pub(super) fn is_begun(&self) -> bool {
        self.came.iter().any(|came| !came.is_empty())
    }

    fn successes(&self) -> usize {
        let all = self.came.iter().flatten();
        all.filter(|task| task.came_to == Arrival::Done).count()
    }

    /// Whether all that has come of the source are successes.
    pub(super) fn is_done(&self, source: usize) -> bool {
        let mut tasks = self.came[source].iter();
        !self.came[source].is_empty() && tasks.all(|task| task.came_to == Arrival::Done)
    }

    fn is_full(&self) -> bool {
        (0..self.came.len()).all(|source| self.is_done(source))
    }

    /// Whether something has not come in time.
    fn is_late(&self) -> bool {
        let mut all = self.came.iter().flatten();
        all.any(|task| task.came_to == Arrival::TimedOut)
    }

    /// Notes what a source came to that did not run.
    fn put(&mut self, source: usize, came_to: Arrival) {
        self.came[source].push(TaskArrival {
            send: None,
            came_to,
        });
    }

    /// The sources that have not come.
    fn pending(&self) -> impl Iterator<Item = usize> {
        let sources = self.came.iter().enumerate();
        sources.filter_map(|(source, came)| came.is_empty().then_some(source))
    }

    pub(super) fn arrivals(&self, join: &RuledJoin, names: &[NodeName]) -> Arrivals {
        let sources = join.sources.iter().zip(&self.came);
        let sources = sources.map(|(&source, came)| SourceArrivals {
            source: names[source as usize].clone(),
            tasks: came.clone(),
        });
        Arrivals::of(sources.collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.is_begun() && self.owed.is_clear()
    }
}

impl OpenJoins {
    pub(super) fn new(rules: &Rules) -> Self {
        let joins = rules.joins.iter().map(|join| OpenJoin {
            came: vec![Vec::new(); join.sources.len()],
            owed: FixedBitSet::with_capacity(join.sources.len()),
            paid: FixedBitSet::with_capacity(join.sources.len()),
            round: 0,
        });
        Self {
            joins: joins.collect(),
            fired: BTreeMap::new(),
            under_way: FixedBitSet::with_capacity(rules.joins.len()),
        }
    }

    /// How often the join has begun anew.
    pub(crate) fn round(&self, join: usize) -> u64 {
        self.joins[join].round
    }

    /// How many more successes the join needs to come to so many.
    pub(crate) fn short_of(&self, join: usize, successes: usize) -> usize {
        successes.saturating_sub(self.joins[join].successes())
    }

    /// Whether what comes of the source counts.
    pub(crate) fn counts(&self, of: JoinSource, workers: &FixedBitSet) -> bool {
        let open = &self.joins[of.join];
        let again = || {
            let mut came = open.came[of.source].iter();
            !workers.contains(of.source) && came.any(|task| task.came_to == Arrival::Done)
        };
        !open.owed.contains(of.source) && !again()
    }

    /// Whether the join waits for a source to which the node leads.
    pub(crate) fn waits_for(&self, join: usize, ruled: &RuledJoin, node: NodeIndex) -> bool {
        let mut ways_in = ruled.ways_in.iter().enumerate();
        let open = &self.joins[join];
        ways_in.any(|(source, ways)| ways.contains(node as usize) && !open.owed.contains(source))
    }

    /// Notes how a task has ended. Call it for each task in task order.
    pub(crate) fn arrive(&mut self, rules: &Rules, came: &Came, timed_out: &TimedOut) {
        for of in &rules.member(came.node).sources {
            let join = &rules.joins[of.join];
            let waits = self.fired.contains_key(&join.target);
            let open = &mut self.joins[of.join];
            if open.owed.contains(of.source) {
                open.paid.insert(of.source);
                continue;
            }
            if waits {
                continue;
            }
            let over = timed_out[of.join];
            let late = over.is_some_and(|over| came.place.is_some_and(|place| place >= over));
            let tasks = &mut open.came[of.source];
            if !join.workers.contains(of.source) {
                if tasks.iter().any(|task| task.came_to == Arrival::Done) {
                    continue;
                }
                tasks.clear();
            }
            tasks.push(TaskArrival {
                send: came.send,
                came_to: match late {
                    true => Arrival::TimedOut,
                    false => came.how.arrival(),
                },
            });
        }
    }

    /// How many sources of a join have come, with this one, and of how many.
    pub(crate) fn arrivals_with(&self, of: JoinSource) -> (usize, usize) {
        let came = &self.joins[of.join].came;
        let others = came.iter().enumerate();
        let others = others.filter(|&(source, came)| source == of.source || !came.is_empty());
        (others.count(), came.len())
    }

    /// Gives the tasks that joins have made ready what came to them.
    pub(crate) fn hand_out(&mut self, tasks: &mut [Task]) {
        for task in tasks.iter_mut().filter(|task| task.send.is_none()) {
            if let Some(came) = self.fired.remove(&task.node) {
                task.see(came);
            }
        }
    }
}

/// What is looked at between two supersteps.
pub(crate) struct Judge<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) names: &'a [NodeName],
    /// The joins without rules.
    pub(crate) plain: &'a [FrozenJoin],
    /// What has ended in the superstep, in task order.
    pub(crate) came: &'a [Came],
    pub(crate) timed_out: &'a TimedOut,
}

/// The nodes that are ready, or wait deferred.
pub(super) type Alive = FixedBitSet;

/// The targets of joins that were cancelled when something had come of them.
type Cut = FixedBitSet;

impl Judge<'_> {
    /// Decides which joins fire. `tasks` are the sends that are ready; call
    /// [`Frontier::tasks`] afterwards.
    pub(crate) fn judge(
        &self,
        frontier: &mut Frontier,
        tasks: &mut Vec<Task>,
    ) -> Result<(), Short> {
        let Some(mut open) = frontier.open.take() else {
            return Ok(());
        };
        let judged = self.judge_all(&mut open, frontier, tasks);
        frontier.open = Some(open);
        judged
    }

    fn judge_all(
        &self,
        open: &mut OpenJoins,
        frontier: &mut Frontier,
        tasks: &mut Vec<Task>,
    ) -> Result<(), Short> {
        let joins = &self.rules.joins;
        for open in &mut open.joins {
            open.owed.difference_with(&open.paid);
        }
        // What an outer join cancels is not for its inner joins to judge.
        let mut over = FixedBitSet::with_capacity(joins.len());
        let mut cut = FixedBitSet::with_capacity(self.names.len());
        let mut alive = self.alive(frontier, tasks);
        for (index, join) in joins.iter().enumerate() {
            let won = join.closes_at();
            let this = &open.joins[index];
            let won = won.is_some_and(|at| this.successes() >= at && !this.wants(join, &alive));
            if won || self.timed_out[index].is_some() {
                for &inner in &join.inner {
                    let target = joins[inner].target as usize;
                    cut.set(target, cut[target] || open.joins[inner].is_begun());
                    open.joins[inner].clear();
                    over.insert(inner);
                }
            }
        }
        let failed = self.came.iter().any(|came| came.how != How::Done);
        for &index in &self.rules.order {
            // One of which nothing has come is looked at only after a failure, or
            // when its time is over.
            let may_fire = failed || self.timed_out[index].is_some();
            let may_fire = may_fire || open.joins[index].is_begun();
            if may_fire && !over.contains(index) && self.fires(open, index, &alive, &cut)? {
                self.fire(open, index, frontier, tasks, &mut alive)?;
            }
        }
        for (join, open) in joins.iter().zip(&mut open.joins) {
            open.paid.clear();
            // Which of them can come no more is looked at only where some are.
            for source in open.owed.ones().collect::<Vec<_>>() {
                if is_lost(&join.ways_in[source], &alive) {
                    open.owed.remove(source);
                }
            }
        }
        self.begin_anew(open, frontier);
        Ok(())
    }

    fn alive(&self, frontier: &Frontier, tasks: &[Task]) -> Alive {
        let mut alive = FixedBitSet::with_capacity(self.names.len());
        alive.union_with(&frontier.deferred);
        let sends = tasks.iter().map(|task| task.node);
        for node in frontier.ready.iter().copied().chain(sends) {
            alive.insert(node as usize);
        }
        alive
    }

    /// Whether the join fires; notes what comes no more.
    fn fires(
        &self,
        open: &mut OpenJoins,
        index: usize,
        alive: &Alive,
        cut: &Cut,
    ) -> Result<bool, Short> {
        let join = &self.rules.joins[index];
        let this = &mut open.joins[index];
        let timed_out = self.timed_out[index].is_some();
        if !this.is_begun() && !self.is_due(index, this, alive, cut) {
            return Ok(false);
        }
        let (mut waits, mut possible) = (false, this.successes());
        for (source, ways_in) in join.ways_in.iter().enumerate() {
            let is_pending = this.came[source].is_empty();
            if is_lost(ways_in, alive) {
                if is_pending {
                    let why = self.why_lost(index, ways_in, cut);
                    this.put(source, why.unwrap_or(Arrival::Skipped));
                }
            } else if timed_out && is_pending {
                this.put(source, Arrival::TimedOut);
            } else if join.workers.contains(source) {
                waits |= is_pending;
                possible = usize::MAX;
            } else if !this.is_done(source) {
                waits |= is_pending;
                possible = possible.saturating_add(1);
            }
        }
        let rule = &join.rule;
        let lenient = rule.within.is_some() && !rule.strict;
        match rule.successes() {
            Some(needed) if this.successes() >= needed => Ok(timed_out || !this.wants(join, alive)),
            Some(_) if lenient => Ok(!waits),
            Some(needed) if possible < needed => {
                Err(self.short(this, join, short_of(needed, possible)))
            }
            Some(_) => Ok(false),
            None if waits || lenient || this.is_full() => Ok(!waits),
            None if rule.is_tolerant() && !(rule.strict && timed_out && this.is_late()) => Ok(true),
            None => {
                let why = "had no more time for the rest of its sources";
                Err(self.short(this, join, why.to_owned()))
            }
        }
    }

    /// Whether a join is to be looked at of which nothing has come: something was
    /// on its way when its time was over, or has failed.
    fn is_due(&self, index: usize, open: &OpenJoin, alive: &Alive, cut: &Cut) -> bool {
        let join = &self.rules.joins[index];
        join.ways_in.iter().enumerate().any(|(source, ways_in)| {
            let counts = !open.owed.contains(source) && !open.paid.contains(source);
            counts
                && match is_lost(ways_in, alive) {
                    true => self.why_lost(index, ways_in, cut).is_some(),
                    false => self.timed_out[index].is_some(),
                }
        })
    }

    /// What the first task came to that did not succeed, and led to the source; or
    /// what became of a join that led to it.
    fn why_lost(&self, index: usize, ways_in: &FixedBitSet, cut: &Cut) -> Option<Arrival> {
        let join = &self.rules.joins[index];
        let led = |came: &&Came| {
            let node = came.node as usize;
            came.how != How::Done && join.region.contains(node) && ways_in.contains(node)
        };
        let ended = self.came.iter().find(led).map(|came| came.how.arrival());
        let of_join = || match self.timed_out[index] {
            Some(_) => Arrival::TimedOut,
            None => Arrival::Cancelled,
        };
        ended.or_else(|| (!ways_in.is_disjoint(cut)).then(of_join))
    }

    fn short(&self, open: &OpenJoin, join: &RuledJoin, why: String) -> Short {
        Short {
            target: self.names[join.target as usize].clone(),
            why,
            arrivals: open.arrivals(join, self.names),
        }
    }

    fn fire(
        &self,
        open: &mut OpenJoins,
        index: usize,
        frontier: &mut Frontier,
        tasks: &mut Vec<Task>,
        alive: &mut Alive,
    ) -> Result<(), Short> {
        let join = &self.rules.joins[index];
        let cancels = join.rule.cancel_rest || self.timed_out[index].is_some();
        if cancels {
            self.cancel(open, join, frontier, tasks);
            *alive = self.alive(frontier, tasks);
        }
        let this = &mut open.joins[index];
        for source in this.pending().collect::<Vec<_>>() {
            if is_lost(&join.ways_in[source], alive) {
                this.put(source, Arrival::Cancelled);
            } else {
                this.owed.insert(source);
            }
        }
        let mut required = join.required.iter();
        if let Some(&source) = required.find(|&&source| !this.is_done(source)) {
            let name = &self.names[join.sources[source] as usize];
            let why = format!("requires `{name}`, which has not succeeded");
            return Err(self.short(this, join, why));
        }
        let arrivals = this.arrivals(join, self.names);
        for came in &mut this.came {
            came.clear();
        }
        this.round += 1;
        frontier.ready.push(join.target);
        alive.insert(join.target as usize);
        open.holds(self.rules, join.target);
        match open.fired.get_mut(&join.target) {
            Some(before) => Arc::make_mut(before).add(&arrivals),
            None => drop(open.fired.insert(join.target, Arc::new(arrivals))),
        }
        Ok(())
    }

    /// Takes away what is ready in the join's region.
    fn cancel(
        &self,
        open: &mut OpenJoins,
        join: &RuledJoin,
        frontier: &mut Frontier,
        tasks: &mut Vec<Task>,
    ) {
        let inside = |node: NodeIndex| join.region.contains(node as usize);
        frontier.ready.retain(|&node| !inside(node));
        tasks.retain(|task| !inside(task.node));
        open.fired.retain(|&node, _| !inside(node));
        for node in join.region.ones().filter(|&node| node < self.names.len()) {
            frontier.deferred.set(node, false);
        }
        frontier
            .filled
            .retain(|&plain| !inside(self.plain[plain].target));
        for (index, plain) in self.plain.iter().enumerate() {
            if inside(plain.target) {
                frontier.arrived[index].clear();
                frontier.sent.remove(&index);
            }
        }
        for &inner in &join.inner {
            open.joins[inner].clear();
        }
    }
}

/// Whether nothing leads to a source any more.
pub(super) fn is_lost(ways_in: &FixedBitSet, alive: &Alive) -> bool {
    ways_in.is_disjoint(alive)
}

fn short_of(needed: usize, possible: usize) -> String {
    match (needed, possible) {
        (1, _) => "waits for a success, and there can be none".to_owned(),
        (_, 0) => format!("waits for {needed} successes, and there can be none"),
        _ => format!("waits for {needed} successes, and there can be {possible} at most"),
    }
}
