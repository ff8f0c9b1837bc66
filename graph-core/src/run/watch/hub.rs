//! Where the events of a run gather until somebody reads them.
//!
//! 1. Whoever reads polls the run, and does so when it has read everything.
//! 2. The run itself goes on to the next superstep only when that has happened
//!    if the buffer is full, or holds a state: a merge would have to copy a
//!    state that somebody still sees.
//! 3. A task waits for room before it tells of its start and its end, and its
//!    body is not polled while there is none.
//! 4. A body that emits within one poll may fill the buffer twice over.
//! 5. If the buffer is lossy nobody waits: the oldest event is dropped, and
//!    counted.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Poll, Waker};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::event::{Event, EventKind, Kinds, Origin, Spot, Stamp};
use crate::id::NodeName;
use crate::node::{BoxFuture, EmitError, Emitted, Emitter, Place, Telling, Told};
use crate::state::State;

/// The events of a run that nobody has read.
pub(crate) struct Hub<S: State> {
    buffer: Mutex<Buffer<S>>,
    /// Whether there is no room.
    full: AtomicBool,
    /// Whether a state waits to be read.
    holds_state: AtomicBool,
    wanted: AtomicU32,
    /// Rings when events were read; who waits for it rings on.
    room: Notify,
    capacity: usize,
    lossy: bool,
    begun: Instant,
}

struct Buffer<S: State> {
    events: VecDeque<Event<S>>,
    /// The number of the next event.
    sequence: u64,
    /// How many were dropped since somebody read.
    lost: u64,
    /// Whoever waits for an event.
    reader: Option<Waker>,
}

impl<S: State> Hub<S> {
    pub(super) fn new(wanted: Kinds, capacity: usize, lossy: bool) -> Self {
        Self {
            buffer: Mutex::new(Buffer {
                events: VecDeque::new(),
                sequence: 0,
                lost: 0,
                reader: None,
            }),
            full: AtomicBool::new(false),
            holds_state: AtomicBool::new(false),
            wanted: AtomicU32::new(wanted.bits()),
            room: Notify::new(),
            capacity,
            lossy,
            begun: Instant::now(),
        }
    }

    fn wants(&self, kinds: Kinds) -> bool {
        Kinds::of_bits(self.wanted.load(Ordering::Relaxed)).meets(kinds)
    }

    /// Nothing is wanted any more.
    pub(super) fn close(&self) {
        self.wanted.store(Kinds::NONE.bits(), Ordering::Relaxed);
        let mut unread = VecDeque::new();
        self.take(&mut unread, None);
        self.room.notify_one();
    }

    /// Puts an event in; returns how many there are then.
    fn push(&self, origin: &Arc<Origin>, at: Spot, kind: EventKind<S>) -> usize {
        let elapsed = self.begun.elapsed();
        let holds_state = matches!(kind, EventKind::Values { .. });
        let mut dropped = None;
        let mut buffer = self.buffer.lock();
        if self.lossy && buffer.events.len() >= self.capacity {
            dropped = buffer.events.pop_front();
            buffer.lost += 1;
        }
        let stamp = Stamp {
            origin: Arc::clone(origin),
            sequence: buffer.sequence,
            elapsed,
            at,
        };
        buffer.sequence += 1;
        buffer.events.push_back(Event { kind, stamp });
        let n_events = buffer.events.len();
        if n_events >= self.capacity && !self.lossy {
            self.full.store(true, Ordering::Relaxed);
        }
        if holds_state {
            self.holds_state.store(true, Ordering::Relaxed);
        }
        let reader = buffer.reader.take();
        drop(buffer);
        if let Some(reader) = reader {
            reader.wake();
        }
        // Outside the lock: what is dropped may want it.
        drop(dropped);
        n_events
    }

    /// Moves all events into `taken`, which is empty. If there are none, `reader`
    /// is woken when there are.
    pub(super) fn take(&self, taken: &mut VecDeque<Event<S>>, reader: Option<&Waker>) {
        let mut buffer = self.buffer.lock();
        std::mem::swap(&mut buffer.events, taken);
        self.full.store(false, Ordering::Relaxed);
        self.holds_state.store(false, Ordering::Relaxed);
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
            taken.push_front(Event { kind, stamp });
        }
        if !self.lossy {
            self.room.notify_one();
        }
    }

    fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Returns once there is room.
    async fn wait_for_room(&self) {
        if !self.is_full() {
            return;
        }
        while self.is_full() {
            let mut rings = pin!(self.room.notified());
            rings.as_mut().enable();
            if self.is_full() {
                rings.await;
            }
        }
        self.room.notify_one();
    }
}

/// What the tasks of one graph of a run tell, on its way to the hub.
pub(crate) struct Watch<S: State> {
    hub: Arc<Hub<S>>,
    origin: Arc<Origin>,
}

impl<S: State> Watch<S> {
    pub(crate) fn new(hub: Arc<Hub<S>>, origin: Arc<Origin>) -> Self {
        Self { hub, origin }
    }

    /// Whether somebody wants events of one of these kinds.
    #[inline]
    pub(crate) fn wants(&self, kinds: Kinds) -> bool {
        self.hub.wants(kinds)
    }

    /// Tells of something, if somebody wants to know.
    pub(crate) fn tell(&self, at: Spot, kind: EventKind<S>) {
        if self.wants(kind.kinds()) {
            self.hub.push(&self.origin, at, kind);
        }
    }

    /// The node of that number, by its name.
    pub(crate) fn name_of(&self, node: u32) -> NodeName {
        self.origin.names[node as usize].clone()
    }

    /// Whether a body is not to be polled.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.hub.is_full()
    }

    /// Returns once there is room for more events.
    pub(crate) async fn room(&self) {
        self.hub.wait_for_room().await;
    }

    /// As [`room`](Self::room), to be kept.
    pub(crate) fn boxed_room(&self) -> BoxFuture<()> {
        let hub = Arc::clone(&self.hub);
        Box::pin(async move { hub.wait_for_room().await })
    }

    /// Whether the run is to let its reader read before it goes on.
    #[inline]
    pub(crate) fn is_to_be_read(&self) -> bool {
        self.is_full() || self.hub.holds_state.load(Ordering::Relaxed)
    }

    /// Lets the reader read: it polls the run again when it has.
    pub(crate) async fn let_read(&self) {
        poll_fn(|_| match self.is_to_be_read() {
            true => Poll::Pending,
            false => Poll::Ready(()),
        })
        .await;
    }
}

impl<S: State> Emitter for Watch<S> {
    fn wants(&self, told: Telling) -> bool {
        self.hub.wants(match told {
            Telling::Token => Kinds::TOKENS,
            Telling::Custom => Kinds::CUSTOM,
        })
    }

    fn emit(&self, place: Place, told: Told) -> Result<Emitted, EmitError> {
        let hub = &self.hub;
        if hub.is_full() && hub.buffer.lock().events.len() >= 2 * hub.capacity {
            return Err(EmitError {
                capacity: hub.capacity,
            });
        }
        let kind = match told {
            Told::Token(text) => EventKind::Token { text },
            Told::Custom(custom) => EventKind::Custom(custom),
        };
        let n_events = hub.push(&self.origin, Spot::of(place), kind);
        if n_events < hub.capacity || hub.lossy {
            return Ok(Emitted::default());
        }
        Ok(Emitted::waits_for(self.boxed_room()))
    }
}
