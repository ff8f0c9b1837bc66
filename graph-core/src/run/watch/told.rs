//! What the run of one graph, and its tasks, tell a hub.

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::time::Instant;

use super::hub::{Elapsed, Hub, Put};
use crate::event::{EventKind, Kinds, Origin, Spot};
use crate::id::NodeName;
use crate::node::{BoxFuture, Desk, EmitError, Emitted, Emitter, Place, Telling, Told};

/// What one graph of a run tells.
pub(crate) struct Watch {
    hub: Arc<Hub>,
    origin: Arc<Origin>,
}

impl Watch {
    pub(crate) fn new(hub: Arc<Hub>, origin: Arc<Origin>) -> Self {
        Self { hub, origin }
    }

    /// What a graph that is a node tells, in a task of this one.
    pub(crate) fn inside(&self, place: Place, names: Arc<[NodeName]>) -> Self {
        let Origin { run, path, .. } = &*self.origin;
        let (node, send) = (self.name_of(place.node), place.send.unwrap_or(0));
        let path = match path.as_str() {
            "" => format!("{node}/{send}"),
            path => format!("{path}/{node}/{send}"),
        };
        Self {
            hub: Arc::clone(&self.hub),
            origin: Arc::new(Origin {
                run: run.clone(),
                path,
                names,
            }),
        }
    }

    fn name_of(&self, node: u32) -> NodeName {
        self.origin.names[node as usize].clone()
    }

    /// Whether somebody wants events of one of these kinds.
    #[inline]
    pub(crate) fn wants(&self, kinds: Kinds) -> bool {
        self.hub.wants(kinds)
    }

    /// Tells of something, if somebody wants to know.
    pub(crate) fn tell(&self, at: Spot, kind: EventKind) {
        if self.wants(kind.kinds()) {
            self.put(self.elapsed(Instant::now())).tell(at, kind);
        }
    }

    /// Tells of several things that happen at one time.
    #[inline]
    pub(crate) fn put(&self, elapsed: Elapsed) -> Put<'_> {
        self.hub.put(&self.origin, elapsed)
    }

    /// How long after its begin this is in the run.
    #[inline]
    pub(crate) fn elapsed(&self, now: Instant) -> Elapsed {
        self.hub.elapsed(now)
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

    /// Whether graphs inside tasks wait for the reader between two supersteps.
    #[inline]
    pub(crate) fn holds_up_inside(&self) -> bool {
        self.hub.is_full() || (self.hub.holds_state() && !self.hub.lossy)
    }

    /// Returns once these go on, to be kept.
    pub(crate) fn boxed_read(&self) -> BoxFuture<()> {
        let hub = Arc::clone(&self.hub);
        Box::pin(async move { hub.wait_until_read().await })
    }

    /// Awaits what is not polled while there is no room for events.
    pub(crate) async fn gated<F: Future + Unpin>(&self, mut work: F) -> F::Output {
        let mut room: Option<BoxFuture<()>> = None;
        poll_fn(|cx| {
            // Looked at anew each time: whoever was told of room may not be polled.
            if self.is_full() {
                let room = room.get_or_insert_with(|| self.boxed_room());
                if room.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
            room = None;
            Pin::new(&mut work).poll(cx)
        })
        .await
    }

    /// Whether the run is to let its reader read before it goes on.
    #[inline]
    pub(crate) fn is_to_be_read(&self) -> bool {
        let is_inside = !self.origin.path.is_empty();
        match is_inside {
            // Nobody polls it again when the reader has read.
            true => self.holds_up_inside(),
            false => self.is_full() || self.hub.holds_state(),
        }
    }

    /// Lets the reader read: it polls the run again when it has. Who is inside a
    /// task is woken then.
    pub(crate) async fn let_read(&self) {
        if !self.origin.path.is_empty() {
            return self.hub.wait_until_read().await;
        }
        poll_fn(|_| match self.is_to_be_read() {
            true => Poll::Pending,
            false => Poll::Ready(()),
        })
        .await;
    }
}

impl Emitter for Watch {
    fn wants(&self, told: Telling) -> bool {
        self.hub.wants(match told {
            Telling::Token => Kinds::TOKENS,
            Telling::Custom => Kinds::CUSTOM,
        })
    }

    fn emit(&self, place: Place, told: Told) -> Result<Emitted, EmitError> {
        let capacity = self.hub.capacity;
        let kind = match told {
            Told::Token { text, part } => EventKind::Token { text, part },
            Told::Custom(custom) => EventKind::Custom(custom),
        };
        let mut put = self.put(self.elapsed(Instant::now()));
        let body = Spot::of(place);
        if !put.has_room_for(body) {
            return Err(EmitError { capacity });
        }
        put.tell(body, kind);
        Ok(match put.len() < capacity || self.hub.lossy {
            true => Emitted::default(),
            false => {
                let hub = Arc::clone(&self.hub);
                Emitted::waits_for(Box::pin(async move { hub.wait_elsewhere().await }))
            }
        })
    }

    fn emit_on_thread(&self, place: Place, told: Told, desk: &Desk) -> Result<Emitted, EmitError> {
        loop {
            if self.is_full() && !self.hub.lossy {
                block_until(either(self.hub.wait_elsewhere(), cancelled(desk)));
            }
            if desk.is_cancelled() {
                return Ok(Emitted::default());
            }
            // Several may have waited for the same room.
            if let Ok(emitted) = self.emit(place, told.clone()) {
                return Ok(emitted);
            }
        }
    }

    fn stood(&self) -> Duration {
        self.hub.stood()
    }
}

/// Ends when the call of a desk is cancelled.
async fn cancelled(desk: &Desk) {
    let Some(rings) = desk.rings() else {
        return pending().await;
    };
    let mut rung = pin!(rings.notified());
    rung.as_mut().enable();
    if !desk.is_cancelled() {
        rung.await;
    }
}

async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Pending => other.as_mut().poll(cx),
        ended @ Poll::Ready(()) => ended,
    })
    .await;
}

/// Blocks a thread that is not the runtime's own.
fn block_until(ended: impl Future<Output = ()>) {
    let waker = Waker::from(Arc::new(Unparks(thread::current())));
    let (mut ended, mut cx) = (pin!(ended), Context::from_waker(&waker));
    while ended.as_mut().poll(&mut cx).is_pending() {
        thread::park();
    }
}

/// Wakes a thread.
struct Unparks(Thread);

impl Wake for Unparks {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
