//! Slots, of which who needs several takes one of each at the same time.
//!
//! 1. Who finds all free that it needs takes it at once. Else it waits, and holds
//!    nothing.
//! 2. What is given back goes to whoever came first of those that then have all.
//!    It is theirs from that instant on, and not from their next poll on.
//! 3. Who needs the same waits in one line, and only heads of lines are looked at.
//! 4. Who needs several could be passed for ever, since these are never free at
//!    the same time. A head of a line that was passed [`PATIENCE`] times is called,
//!    and may keep what it needs from those who came later: the next free slot of
//!    one, then also that of the next one, and so on.
//! 5. So nobody waits for it who, by what is inside it, is to give back one of the
//!    first and needs one of the others. Whether that is so or the other way round is
//!    not known: who keeps what is free does so for a while, and the next time
//!    begins with another.
//! 6. Nothing is kept from who is known to be inside something.
//! 7. All slots of the process are under one lock, since who needs what together is
//!    known only when it asks: a lock for each set of slots that were so connected
//!    costs more than it spares, with two threads at it. No code of others runs under
//!    it: wakers are called and dropped afterwards.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// How often others may be served with what the head of a line needs.
const PATIENCE: u64 = 32;

static LINES: Mutex<Lines> = Mutex::new(Lines {
    next: 0,
    slots: BTreeMap::new(),
    lines: BTreeMap::new(),
});

/// So many slots, to be taken one at a time.
#[derive(Debug)]
pub(crate) struct Slots(u64);

impl Slots {
    pub(crate) fn new(most: usize) -> Self {
        let mut lines = LINES.lock();
        let id = lines.number();
        let slots = State {
            free: most,
            given: 0,
            kept_for: None,
            heads: BTreeMap::new(),
        };
        lines.slots.insert(id, slots);
        Self(id)
    }

    pub(crate) fn n_free(&self) -> usize {
        let lines = LINES.lock();
        lines.slots.get(&self.0).map_or(0, |slots| slots.free)
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        LINES.lock().slots.remove(&self.0);
    }
}

/// Takes one of each, or gets in line for them. `inside` says whether who asks
/// may hold something already. What was held `before` is given back in the same
/// instant, and its place in line stays.
pub(crate) fn ask<'s>(
    slots: impl IntoIterator<Item = &'s Slots>,
    inside: bool,
    before: Option<Held>,
) -> Result<Held, InLine> {
    let mut ids: Vec<u64> = slots.into_iter().map(|slots| slots.0).collect();
    ids.sort_unstable();
    ids.dedup();
    let (mut given_back, ticket) = (Vec::new(), before.as_ref().map(|held| held.ticket));
    let mut lines = LINES.lock();
    let ticket = ticket.unwrap_or_else(|| lines.number());
    if let Some(mut held) = before {
        given_back = mem::take(&mut held.ids);
        lines.put_back(&given_back);
    }
    let needs = Needs { ids, inside };
    let asked = if lines.has(&needs, ticket) {
        lines.take(&needs);
        let ids = needs.ids;
        Ok(Held { ids, ticket })
    } else {
        let needs = Arc::new(needs);
        lines.join(&needs, ticket);
        let served = false;
        Err(InLine {
            needs,
            ticket,
            served,
        })
    };
    let woken = lines.serve(&given_back);
    drop(lines);
    wake(woken);
    asked
}

fn wake(woken: Vec<Waker>) {
    woken.into_iter().for_each(Waker::wake);
}

/// One of each of some slots, until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    ids: Vec<u64>,
    ticket: u64,
}

impl Held {
    /// Gives back all but one of these.
    pub(crate) fn keep_only<'s>(&mut self, kept: impl IntoIterator<Item = &'s Slots>) {
        let kept: Vec<u64> = kept.into_iter().map(|slots| slots.0).collect();
        let is_kept = |id: &u64| kept.contains(id);
        let (kept, ids) = mem::take(&mut self.ids).into_iter().partition(is_kept);
        self.ids = kept;
        let ticket = self.ticket;
        drop(Self { ids, ticket });
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.ids.is_empty() {
            return;
        }
        let mut lines = LINES.lock();
        lines.put_back(&self.ids);
        let woken = lines.serve(&self.ids);
        drop(lines);
        wake(woken);
    }
}

/// A place in line. Dropped before its turn, it leaves nothing behind.
pub(crate) struct InLine {
    needs: Arc<Needs>,
    ticket: u64,
    /// Whether what it was served is somebody else's to give back.
    served: bool,
}

impl InLine {
    /// Ready when its turn has come; not to be polled after that.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Held> {
        let mut lines = LINES.lock();
        if let Some(waker) = lines.waker(&self.needs, self.ticket) {
            let old = waker.replace(cx.waker().clone());
            drop(lines);
            drop(old);
            return Poll::Pending;
        }
        self.served = true;
        Poll::Ready(Held {
            ids: self.needs.ids.clone(),
            ticket: self.ticket,
        })
    }

    /// Whether it has been passed too often, and is to keep what it needs.
    pub(crate) fn is_called(&self) -> bool {
        let lines = LINES.lock();
        let line = lines.lines.get(&self.needs);
        line.is_some_and(|line| line.called && line.head() == Some(self.ticket))
    }

    /// Keeps what it needs from those who came later, beginning with that one.
    pub(crate) fn keep(&self, first: usize) {
        let mut lines = LINES.lock();
        if let Some(line) = lines.lines.get_mut(&self.needs) {
            line.keeps = Some(first);
        }
        lines.keep(&self.needs, self.ticket, first);
    }

    /// If it keeps what somebody could have, it keeps nothing more, until it has
    /// been passed as often again; says whether that was so.
    pub(crate) fn lets_go(&self) -> bool {
        let mut lines = LINES.lock();
        let slots = self.needs.ids.iter().filter_map(|id| lines.slots.get(id));
        let mut kept = slots.filter(|slots| slots.kept_for == Some(self.ticket));
        if kept.all(|slots| slots.free == 0) {
            return false;
        }
        lines.keep_nothing(&self.needs, self.ticket);
        lines.begin_counting(&self.needs);
        let woken = lines.serve(&self.needs.ids);
        drop(lines);
        wake(woken);
        true
    }
}

impl Drop for InLine {
    fn drop(&mut self) {
        if self.served {
            return;
        }
        let mut lines = LINES.lock();
        let left = lines.leave(&self.needs, self.ticket);
        if left.is_none() {
            lines.put_back(&self.needs.ids);
        }
        let woken = lines.serve(&self.needs.ids);
        drop(lines);
        drop(left);
        wake(woken);
    }
}

/// What somebody needs: one of each of these, in the order of their numbers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Needs {
    ids: Vec<u64>,
    /// Whether it may hold something already.
    inside: bool,
}

/// All slots, and who waits for them.
struct Lines {
    /// The next number that nothing has: they are the names of slots, and say who
    /// came before whom.
    next: u64,
    slots: BTreeMap<u64, State>,
    lines: BTreeMap<Arc<Needs>, Line>,
}

struct State {
    free: usize,
    /// How often one was taken.
    given: u64,
    /// Who keeps the next from those who came later.
    kept_for: Option<u64>,
    /// Of each line that needs it, who came first.
    heads: BTreeMap<u64, Arc<Needs>>,
}

impl State {
    fn has(&self, ticket: u64, inside: bool) -> bool {
        let is_kept = self.kept_for.is_some_and(|other| other < ticket);
        self.free > usize::from(is_kept && !inside)
    }
}

/// Those that need the same.
#[derive(Default)]
struct Line {
    waiting: BTreeMap<u64, Option<Waker>>,
    /// How often what they need had been taken when there was this head.
    given: u64,
    /// Whether the head has been passed too often.
    called: bool,
    /// With which of its needs the head begins to keep something, if it does.
    keeps: Option<usize>,
}

impl Line {
    fn head(&self) -> Option<u64> {
        self.waiting.keys().next().copied()
    }
}

impl Lines {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Whether all is there for who came then.
    fn has(&self, needs: &Needs, ticket: u64) -> bool {
        let mut slots = needs.ids.iter().filter_map(|id| self.slots.get(id));
        slots.all(|slots| slots.has(ticket, needs.inside))
    }

    fn take(&mut self, needs: &Needs) {
        for id in &needs.ids {
            if let Some(slots) = self.slots.get_mut(id) {
                slots.free -= 1;
                slots.given += 1;
            }
        }
    }

    /// Some may be gone, with the run or the limiter that they were of.
    fn put_back(&mut self, ids: &[u64]) {
        for id in ids {
            if let Some(slots) = self.slots.get_mut(id) {
                slots.free += 1;
            }
        }
    }

    /// Where the waker is of who waits, if it still does.
    fn waker(&mut self, needs: &Arc<Needs>, ticket: u64) -> Option<&mut Option<Waker>> {
        self.lines.get_mut(needs)?.waiting.get_mut(&ticket)
    }

    fn join(&mut self, needs: &Arc<Needs>, ticket: u64) {
        let line = self.lines.entry(Arc::clone(needs)).or_default();
        let before = line.head();
        line.waiting.insert(ticket, None);
        self.note_head(needs, before);
    }

    /// Takes somebody out of line, if it is there.
    fn leave(&mut self, needs: &Arc<Needs>, ticket: u64) -> Option<Option<Waker>> {
        let line = self.lines.get_mut(needs)?;
        let before = line.head();
        let waker = line.waiting.remove(&ticket)?;
        self.note_head(needs, before);
        Some(waker)
    }

    /// Whoever was head of the line `before` may be so no more.
    fn note_head(&mut self, needs: &Arc<Needs>, before: Option<u64>) {
        let head = self.lines.get(needs).and_then(Line::head);
        if head == before {
            return;
        }
        if let Some(before) = before {
            self.keep_nothing(needs, before);
        }
        for id in &needs.ids {
            if let Some(slots) = self.slots.get_mut(id) {
                before.map(|before| slots.heads.remove(&before));
                head.map(|head| slots.heads.insert(head, Arc::clone(needs)));
            }
        }
        match head {
            Some(_) => self.begin_counting(needs),
            None => drop(self.lines.remove(needs)),
        }
    }

    /// Keeps one after another for who waits, up to the first that is not there.
    fn keep(&mut self, needs: &Needs, ticket: u64, first: usize) {
        let (before, from) = needs.ids.split_at(first % needs.ids.len());
        for id in from.iter().chain(before) {
            if let Some(slots) = self.slots.get_mut(id) {
                if slots.kept_for.is_none_or(|other| other > ticket) {
                    slots.kept_for = Some(ticket);
                }
                if !slots.has(ticket, needs.inside) {
                    return;
                }
            }
        }
    }

    fn keep_nothing(&mut self, needs: &Needs, ticket: u64) {
        for id in &needs.ids {
            if let Some(slots) = self.slots.get_mut(id) {
                slots.kept_for.take_if(|other| *other == ticket);
            }
        }
    }

    fn n_given(&self, needs: &Needs) -> u64 {
        let slots = needs.ids.iter().filter_map(|id| self.slots.get(id));
        slots.map(|slots| slots.given).sum()
    }

    /// Counts from now on how often the head of a line is passed.
    fn begin_counting(&mut self, needs: &Arc<Needs>) {
        let given = self.n_given(needs);
        if let Some(line) = self.lines.get_mut(needs) {
            line.given = given;
            line.called = false;
            line.keeps = None;
        }
    }

    /// Serves whom these slots can be given; returns who is to be woken.
    fn serve(&mut self, ids: &[u64]) -> Vec<Waker> {
        let mut woken = Vec::new();
        while let Some((ticket, needs)) = self.next(ids, &mut woken) {
            self.take(&needs);
            woken.extend(self.leave(&needs, ticket).flatten());
        }
        woken
    }

    /// Who came first of those that one of these slots gives all they need. Who
    /// is passed by that too often is called, or keeps more.
    fn next(&mut self, ids: &[u64], woken: &mut Vec<Waker>) -> Option<(u64, Arc<Needs>)> {
        let mut next: Option<(u64, Arc<Needs>)> = None;
        let mut passed = Vec::new();
        let slots = ids.iter().filter_map(|id| self.slots.get(id));
        for slots in slots.filter(|slots| slots.free > 0) {
            for (&ticket, needs) in &slots.heads {
                if next.as_ref().is_some_and(|&(first, _)| first <= ticket) {
                    break;
                }
                if self.has(needs, ticket) {
                    next = Some((ticket, Arc::clone(needs)));
                    break;
                }
                if self.has_been_passed(needs) {
                    passed.push((ticket, Arc::clone(needs)));
                }
            }
        }
        for (ticket, needs) in passed {
            let Some(line) = self.lines.get_mut(&needs) else {
                continue;
            };
            if let Some(first) = line.keeps {
                self.keep(&needs, ticket, first);
            } else if !line.called {
                line.called = true;
                woken.extend(line.waiting.get_mut(&ticket).and_then(Option::take));
            }
        }
        next
    }

    /// Whether the head of a line was passed too often. Who needs one thing is
    /// passed by nobody who came later.
    fn has_been_passed(&self, needs: &Arc<Needs>) -> bool {
        let line = self.lines.get(needs).filter(|_| needs.ids.len() > 1);
        line.is_some_and(|line| self.n_given(needs) - line.given >= PATIENCE)
    }
}
