//! What held the run up: barrier waits, the critical path, work and the ideal.
//! The numbers are those of the rules at the head of the module.

use std::cmp::Reverse;
use std::time::Duration;

use super::pieces::{Piece, Use, end, pieces, ready, time_in};
use super::scopes::Scopes;
use super::span::Span;

/// The part of the whole that is not worth a word is less than one in so many.
const SEEN: u32 = 200;

/// A timeline looked at.
#[derive(Debug)]
pub(super) struct Judged<'t> {
    pub(super) spans: &'t [Span],
    pub(super) pieces: Vec<Vec<Piece>>,
    pub(super) scopes: Scopes<'t>,
    /// The scopes inside each span.
    inside: Vec<Vec<usize>>,
    /// Rule 4, for each span.
    pub(super) barrier: Vec<Duration>,
    /// Rule 5.
    pub(super) critical: Vec<Link>,
    /// Whether a span is on the critical path.
    pub(super) is_critical: Vec<bool>,
    pub(super) total: Duration,
    pub(super) work: Duration,
    pub(super) ideal: Duration,
}

/// A span on the critical path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) span: usize,
    /// When nothing before it on the path held it up any longer.
    pub(super) from: Duration,
    /// When it held up nothing after it on the path any longer.
    pub(super) until: Duration,
}

impl<'t> Judged<'t> {
    pub(super) fn new(spans: &'t [Span]) -> Self {
        let scopes = Scopes::new(spans);
        let mut inside = vec![Vec::new(); spans.len()];
        for (at, scope) in scopes.all.iter().enumerate() {
            if let Some(parent) = scope.parent {
                inside[parent].push(at);
            }
        }
        let mut judged = Self {
            spans,
            pieces: spans.iter().map(pieces).collect(),
            scopes,
            inside,
            barrier: Vec::new(),
            critical: Vec::new(),
            is_critical: vec![false; spans.len()],
            total: spans.iter().map(end).max().unwrap_or_default(),
            work: Duration::ZERO,
            ideal: Duration::ZERO,
        };
        judged.barrier = judged.barriers();
        judged.critical = judged.critical_path();
        for link in &judged.critical {
            judged.is_critical[link.span] = true;
        }
        judged.work = judged.work();
        judged.ideal = judged.ideal().min(judged.total);
        judged
    }

    /// Whether other spans ran inside it.
    pub(super) fn is_parent(&self, span: usize) -> bool {
        !self.inside[span].is_empty()
    }

    /// Rule 3: the spans that made this one ready, as far as they can have.
    fn before(&self, span: usize) -> impl Iterator<Item = usize> + '_ {
        let (scopes, to) = (&self.scopes, &self.spans[span]);
        to.after.iter().copied().filter(move |&from| {
            self.spans.get(from).is_some_and(|before| {
                scopes.of[from] == scopes.of[span]
                    && scopes.rank[from] < scopes.rank[span]
                    && before.start <= to.start
            })
        })
    }

    /// Rule 4.
    fn barriers(&self) -> Vec<Duration> {
        let mut until: Vec<Option<Duration>> = vec![None; self.spans.len()];
        for (at, span) in self.spans.iter().enumerate() {
            for before in self.before(at) {
                let at = until[before].get_or_insert(ready(span));
                *at = ready(span).min(*at);
            }
        }
        let wait = |(at, span): (usize, &Span)| {
            let step = self.scopes.step(at);
            let next = self.scopes.step_after(at);
            let closes = next.is_none_or(|next| next.begin >= step.end);
            let until = until[at].or(closes.then_some(step.end));
            until.map_or(Duration::ZERO, |until| until.saturating_sub(end(span)))
        };
        self.spans.iter().enumerate().map(wait).collect()
    }

    /// Rule 6.
    fn work(&self) -> Duration {
        let leaves = (0..self.spans.len()).filter(|&span| !self.is_parent(span));
        leaves
            .map(|span| time_in(&self.pieces[span], Use::is_work))
            .fold(Duration::ZERO, Duration::saturating_add)
    }

    /// Rule 7.
    fn ideal(&self) -> Duration {
        let scopes = &self.scopes.all;
        let mut inner_first: Vec<usize> = (0..scopes.len()).collect();
        inner_first.sort_by_key(|&at| Reverse(scopes[at].path.len()));
        let mut chains = vec![Duration::ZERO; scopes.len()];
        for at in inner_first {
            chains[at] = self.chain(at, &chains);
        }
        let outer = scopes.iter().zip(chains);
        let outer = outer.filter(|(scope, _)| scope.parent.is_none());
        outer.map(|(_, chain)| chain).max().unwrap_or_default()
    }

    /// The longest chain of a scope; `chains` holds those of the scopes in it.
    fn chain(&self, scope: usize, chains: &[Duration]) -> Duration {
        let scope = &self.scopes.all[scope];
        let mut until = vec![Duration::ZERO; scope.steps.len()];
        let mut done: Vec<(usize, Duration)> = Vec::with_capacity(scope.spans.len());
        let mut longest = Duration::ZERO;
        for &span in &scope.spans {
            let ended = |before: usize| {
                let rank = self.scopes.rank[before];
                let at = done.partition_point(|&(known, _)| known < rank);
                done.get(at).map_or(Duration::ZERO, |&(_, end)| end)
            };
            let step = self.scopes.step_of[span];
            let whole_step = || step.checked_sub(1).map(|before| until[before]);
            let begin = self.before(span).map(ended).max().or_else(whole_step);
            let end = begin
                .unwrap_or_default()
                .saturating_add(self.own(span, chains));
            done.push((self.scopes.rank[span], end));
            until[step] = until[step].max(end);
            longest = longest.max(end);
        }
        longest
    }

    /// How long a span takes when nothing but its own policy makes it wait.
    fn own(&self, span: usize, chains: &[Duration]) -> Duration {
        let begin = self.spans[span].start;
        let held = |used| matches!(used, Use::Queued | Use::Limited);
        let late = self.pieces[span]
            .iter()
            .filter(|piece| piece.start >= begin);
        let late: Vec<Piece> = late.copied().collect();
        let own = time_in(&late, |used| !held(used));
        let inside = self.inside[span].iter();
        let longest = inside.max_by_key(|&&scope| chains[scope]);
        longest.map_or(own, |&scope| {
            let steps = &self.scopes.all[scope].steps;
            let begin = steps.iter().map(|step| step.begin).min();
            let end = steps.iter().map(|step| step.end).max();
            let took = end.unwrap_or_default() - begin.unwrap_or_default();
            own.saturating_sub(took).saturating_add(chains[scope])
        })
    }

    /// Rule 5.
    fn critical_path(&self) -> Vec<Link> {
        let outer = |scope: &&super::scopes::Scope<'_>| scope.parent.is_none();
        let outer = self.scopes.all.iter().filter(outer);
        let last = outer
            .flat_map(|scope| &scope.steps)
            .reduce(|last, step| if step.end >= last.end { step } else { last });
        let mut path = Vec::new();
        // The scopes that are still to be walked, each from its last span.
        let mut open: Vec<(usize, Duration)> =
            last.map(|step| (step.last, step.end)).into_iter().collect();
        while let Some((from, until)) = open.pop() {
            let walked = self.walk(from, until);
            for link in &walked {
                let inside = self.inside[link.span].iter();
                open.extend(inside.filter_map(|&scope| {
                    let steps = self.scopes.all[scope].steps.iter();
                    let last = steps.max_by_key(|step| step.end)?;
                    Some((last.last, last.end))
                }));
            }
            path.extend(walked);
        }
        path.sort_by_key(|link| (self.spans[link.span].start, self.scopes.rank[link.span]));
        path
    }

    /// The path through one scope that ends with this span.
    fn walk(&self, from: usize, until: Duration) -> Vec<Link> {
        let releases = self.releases(self.scopes.of[from]);
        let mut path = Vec::new();
        let (mut span, mut until) = (from, until);
        loop {
            let held = self.held_by(span, &releases);
            let from = held.map_or(ready(&self.spans[span]), |(_, from)| from);
            path.push(Link { span, from, until });
            match held {
                Some((by, from)) => (span, until) = (by, from),
                None => return path,
            }
        }
    }

    /// When attempts of a scope ended, and of which spans, in this order.
    fn releases(&self, scope: usize) -> Vec<(Duration, usize)> {
        let spans = &self.scopes.all[scope].spans;
        let mut releases: Vec<(Duration, usize)> = Vec::with_capacity(spans.len());
        for &span in spans {
            let attempts = self.pieces[span]
                .iter()
                .filter(|piece| piece.used.is_work());
            releases.extend(attempts.map(|piece| (piece.end, span)));
        }
        releases.sort_unstable();
        releases
    }

    /// The span that held this one's begin up, and until when. It began earlier,
    /// or is earlier in order, so that every walk ends.
    fn held_by(&self, span: usize, releases: &[(Duration, usize)]) -> Option<(usize, Duration)> {
        if let Some(by) = self.permit_of(span, releases) {
            return Some(by);
        }
        let begin = ready(&self.spans[span]);
        let step = self.scopes.step_before(span);
        let step = step.filter(|step| step.end <= begin);
        let last = |&at: &usize| (end(&self.spans[at]), Reverse(self.scopes.rank[at]));
        let before = self.before(span).max_by_key(last);
        let by = match (step, before) {
            (Some(step), Some(before)) if end(&self.spans[before]) > step.end => before,
            (Some(step), _) => step.last,
            (None, before) => before?,
        };
        Some((by, begin))
    }

    /// Rule 5: who gave the permit that this span queued for.
    fn permit_of(&self, span: usize, releases: &[(Duration, usize)]) -> Option<(usize, Duration)> {
        let pieces = &self.pieces[span];
        let first = pieces.iter().position(|piece| piece.used.is_work())?;
        let mut waits = pieces[..first].iter().rev();
        // When it had its permit, a rate may have had no room.
        let wait = waits.find(|piece| piece.used != Use::Limited)?;
        if wait.used != Use::Queued {
            return None;
        }
        let key = |span: usize| (self.spans[span].start, self.scopes.rank[span]);
        let until = releases.partition_point(|&(at, _)| at <= wait.end);
        let since = releases[..until].iter().rev();
        let mut since = since.take_while(|&&(at, _)| at > wait.start);
        let by = since.find(|&&(_, by)| key(by) < key(span))?;
        Some((by.1, wait.end))
    }

    /// What the run's time was used for along the critical path: each use and how
    /// long, what took longest first. What is not in a span of it, such as the
    /// time between supersteps, is of unknown use.
    pub(super) fn spent(&self) -> Vec<(Use, Duration)> {
        let mut spent: Vec<(Use, Duration)> = Vec::new();
        for link in &self.critical {
            if self.is_parent(link.span) {
                continue;
            }
            for piece in &self.pieces[link.span] {
                let start = piece.start.max(link.from);
                let length = piece.end.min(link.until).saturating_sub(start);
                let used = if piece.used.is_work() {
                    Use::Work
                } else {
                    piece.used
                };
                push(&mut spent, used, length);
            }
        }
        let known = spent.iter().map(|&(_, sum)| sum);
        let known = known.fold(Duration::ZERO, Duration::saturating_add);
        push(&mut spent, Use::Unknown, self.total.saturating_sub(known));
        spent.retain(|(_, sum)| !sum.is_zero() && sum.saturating_mul(SEEN) >= self.total);
        spent.sort_by_key(|&(used, sum)| (Reverse(sum), used));
        spent
    }
}

/// Adds to the time of a use.
fn push(spent: &mut Vec<(Use, Duration)>, used: Use, length: Duration) {
    match spent.iter_mut().find(|(known, _)| *known == used) {
        Some((_, sum)) => *sum = sum.saturating_add(length),
        None => spent.push((used, length)),
    }
}
