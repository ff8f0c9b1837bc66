//! Where the events of a run gather until somebody reads them.
//!
//! 1. Whoever reads polls the run, and does so when it has read everything.
//! 2. The run itself goes on to the next superstep only when that has happened
//!    if the buffer is full, or holds a state: a merge would have to copy a
//!    state that somebody still sees.
//! 3. A task waits for room before it tells of its start and its end, and its
//!    body is not polled while there is none.
//! 4. A body that emits within one poll may, once the buffer is full, put in as
//!    many events again as that holds, whatever others put in meanwhile. One on a
//!    thread of its own is blocked there until there is room.
//! 5. If the buffer is lossy nobody waits: the oldest event is dropped, and
//!    counted. The run itself still lets its reader read between two supersteps:
//!    it is polled by nobody else.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Waker;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::event::{EventKind, Happened, Kinds, Origin, Spot, Stamp};

/// The events of a run that nobody has read.
pub(crate) struct Hub {
    buffer: Mutex<Buffer>,
    /// Whether there is no room.
    full: AtomicBool,
    /// Whether a state waits to be read.
    holds_state: AtomicBool,
    wanted: AtomicU32,
    /// Rings for one task that waits when events were read. One that goes on while
    /// there is room rings for the next, so that not all wake for room for a few.
    room: Notify,
    /// Rings then for all others who wait: bodies may keep what rings and not look
    /// at it.
    read: Notify,
    pub(super) capacity: usize,
    pub(super) lossy: bool,
    begun: Instant,
    /// Whether the reader is elsewhere, and does not poll the run.
    away: AtomicBool,
    /// Whether somebody wants to know how long the run waits for its reader.
    minds: AtomicBool,
}

struct Buffer {
    events: VecDeque<Happened>,
    /// How many each body has put in since it was full, by where its graph and its
    /// task are.
    beyond: BTreeMap<(usize, Spot), usize>,
    /// The number of the next event.
    sequence: u64,
    /// How many were dropped since somebody read.
    lost: u64,
    /// Whoever waits for an event.
    reader: Option<Waker>,
    stands: Stands,
}

/// When the run waits for its reader, as far as somebody wants to know.
#[derive(Default)]
struct Stands {
    since: Option<Elapsed>,
    /// For how long it did, in nanoseconds.
    before: u64,
}

impl Stands {
    fn begins(&mut self, now: Elapsed) {
        self.since.get_or_insert(now);
    }

    fn ends(&mut self, now: impl FnOnce() -> Elapsed) {
        if let Some(Elapsed(since)) = self.since.take() {
            self.before += now().0.saturating_sub(since);
        }
    }
}

impl Hub {
    pub(super) fn new(wanted: Kinds, capacity: usize, lossy: bool) -> Self {
        Self {
            buffer: Mutex::new(Buffer {
                events: VecDeque::new(),
                beyond: BTreeMap::new(),
                sequence: 0,
                lost: 0,
                reader: None,
                stands: Stands::default(),
            }),
            full: AtomicBool::new(false),
            holds_state: AtomicBool::new(false),
            wanted: AtomicU32::new(wanted.bits()),
            room: Notify::new(),
            read: Notify::new(),
            capacity,
            lossy,
            begun: Instant::now(),
            away: AtomicBool::new(false),
            minds: AtomicBool::new(false),
        }
    }

    #[inline]
    pub(super) fn wants(&self, kinds: Kinds) -> bool {
        self.wanted().meets(kinds)
    }

    #[inline]
    fn wanted(&self) -> Kinds {
        Kinds::of_bits(self.wanted.load(Ordering::Relaxed))
    }

    /// Nothing is wanted any more.
    pub(super) fn close(&self) {
        self.wanted.store(Kinds::NONE.bits(), Ordering::Relaxed);
        let mut unread = VecDeque::new();
        self.take(&mut unread, None);
        self.let_go_on();
    }

    /// How long after its begin this is in the run.
    pub(super) fn elapsed(&self, now: Instant) -> Elapsed {
        let elapsed = now.saturating_duration_since(self.begun);
        Elapsed(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Puts in what happens now.
    pub(super) fn put<'h>(&'h self, origin: &'h Arc<Origin>, elapsed: Elapsed) -> Put<'h> {
        let buffer = self.buffer.lock();
        Put {
            hub: self,
            origin,
            elapsed,
            // Under the lock: into one that is closed nothing goes any more.
            wanted: self.wanted(),
            buffer,
            dropped: Vec::new(),
        }
    }

    /// Moves all events into `taken`, which is empty. If there are none, `reader`
    /// is woken when there are.
    pub(super) fn take(&self, taken: &mut VecDeque<Happened>, reader: Option<&Waker>) {
        let mut buffer = self.buffer.lock();
        std::mem::swap(&mut buffer.events, taken);
        buffer.beyond.clear();
        let somebody_waits = self.is_full() || self.holds_state();
        self.full.store(false, Ordering::Release);
        self.holds_state.store(false, Ordering::Release);
        if !self.away.load(Ordering::Relaxed) {
            buffer.stands.ends(|| self.elapsed(Instant::now()));
        }
        if taken.is_empty() {
            if let Some(reader) = reader {
                buffer.reader = Some(reader.clone());
            }
            return;
        }
        let lost = std::mem::take(&mut buffer.lost);
        drop(buffer);
        if lost > 0
            && let Some(first) = taken.front()
        {
            let mut stamp = first.stamp.clone();
            // Where the last of them would have been.
            stamp.sequence = stamp.sequence.saturating_sub(1);
            stamp.at = Spot::default();
            let kind = EventKind::Lost { events: lost };
            taken.push_front(Happened { kind, stamp });
        }
        if somebody_waits {
            self.let_go_on();
        }
    }

    fn let_go_on(&self) {
        self.read.notify_waiters();
        self.room.notify_one();
    }

    /// For how long the run has waited for its reader, since this was asked for the
    /// first time.
    pub(super) fn stood(&self) -> Duration {
        let now = self.elapsed(Instant::now());
        let mut buffer = self.buffer.lock();
        if !self.minds.swap(true, Ordering::Relaxed) && self.stands() {
            buffer.stands.begins(now);
        }
        let Stands { since, before } = buffer.stands;
        let now = since.map_or(0, |Elapsed(since)| now.0.saturating_sub(since));
        Duration::from_nanos(before + now)
    }

    fn stands(&self) -> bool {
        self.away.load(Ordering::Relaxed) || self.is_full() || (self.holds_state() && !self.lossy)
    }

    /// The reader goes elsewhere.
    #[inline]
    pub(super) fn is_left(&self) {
        self.away.store(true, Ordering::Relaxed);
        if self.minds.load(Ordering::Relaxed) {
            let now = self.elapsed(Instant::now());
            self.buffer.lock().stands.begins(now);
        }
    }

    /// The reader is back.
    #[inline]
    pub(super) fn is_back(&self) {
        self.away.store(false, Ordering::Relaxed);
        if self.minds.load(Ordering::Relaxed) {
            let mut buffer = self.buffer.lock();
            if !self.stands() {
                buffer.stands.ends(|| self.elapsed(Instant::now()));
            }
        }
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    #[inline]
    pub(super) fn holds_state(&self) -> bool {
        self.holds_state.load(Ordering::Acquire)
    }

    /// Returns once there is room, for a task: whoever is told of it looks, or is
    /// dropped.
    pub(super) async fn wait_for_room(&self) {
        if self.is_full() {
            wait_while(&self.room, || self.is_full()).await;
            self.room.notify_one();
        }
    }

    /// Returns once there is room, for anybody.
    pub(super) async fn wait_elsewhere(&self) {
        wait_while(&self.read, || self.is_full()).await;
    }

    /// Returns once there is room, and no state waits to be read.
    pub(super) async fn wait_until_read(&self) {
        wait_while(&self.read, || self.is_full() || self.holds_state()).await;
    }
}

async fn wait_while(bell: &Notify, waits: impl Fn() -> bool) {
    while waits() {
        let mut rings = pin!(bell.notified());
        rings.as_mut().enable();
        if waits() {
            rings.await;
        }
    }
}

/// Nanoseconds since the begin of a run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Elapsed(u64);

/// Puts events into a buffer, at one time; whoever waits for one is woken in
/// the end.
pub(crate) struct Put<'h> {
    hub: &'h Hub,
    origin: &'h Arc<Origin>,
    elapsed: Elapsed,
    wanted: Kinds,
    buffer: MutexGuard<'h, Buffer>,
    /// What had to make room: dropped outside the lock, since it may want it.
    dropped: Vec<Happened>,
}

impl Put<'_> {
    #[inline]
    pub(crate) fn wants(&self, kinds: Kinds) -> bool {
        self.wanted.meets(kinds)
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        self.buffer.events.len()
    }

    /// Whether this body may put one more in. It is not polled while the buffer is
    /// full: what it puts in after that is of one poll.
    pub(crate) fn has_room_for(&mut self, body: Spot) -> bool {
        if self.hub.lossy || self.len() < self.hub.capacity {
            return true;
        }
        // The events that it counts keep the origin where it is.
        let graph = Arc::as_ptr(self.origin).addr();
        let n = self.buffer.beyond.entry((graph, body)).or_default();
        *n += 1;
        *n <= self.hub.capacity
    }

    /// Puts an event in, if somebody wants to know.
    #[inline]
    pub(crate) fn tell(&mut self, at: Spot, kind: EventKind) {
        if !self.wants(kind.kinds()) {
            return;
        }
        let (hub, buffer) = (self.hub, &mut *self.buffer);
        let is_state = matches!(kind, EventKind::SuperstepFinished { .. });
        let is_full = buffer.events.len() + 1 >= hub.capacity;
        if is_state {
            hub.holds_state.store(true, Ordering::Relaxed);
        }
        if (is_state || is_full) && !hub.lossy && hub.minds.load(Ordering::Relaxed) {
            buffer.stands.begins(self.elapsed);
        }
        if is_full {
            if !hub.lossy {
                hub.full.store(true, Ordering::Relaxed);
            } else if buffer.events.len() >= hub.capacity {
                self.dropped.extend(buffer.events.pop_front());
                buffer.lost += 1;
            }
        }
        let stamp = Stamp {
            origin: Arc::clone(self.origin),
            sequence: buffer.sequence,
            elapsed: self.elapsed.0,
            at,
        };
        buffer.sequence += 1;
        buffer.events.push_back(Happened { kind, stamp });
    }

    /// The node of that number, by its name.
    pub(crate) fn name_of(&self, node: u32) -> crate::id::NodeName {
        self.origin.names[node as usize].clone()
    }
}

impl Drop for Put<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.buffer.events.is_empty()
            && let Some(reader) = self.buffer.reader.take()
        {
            MutexGuard::unlocked(&mut self.buffer, || reader.wake());
        }
    }
}
