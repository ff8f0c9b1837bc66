//! What a chain has so far, told piece by piece.
//!
//! 1. A piece of text is added to what came before at its path. A value stands
//!    for all that came before, at its path and below.
//! 2. What ends a chain, or a branch, tells of the whole if the pieces do not add
//!    up to it. So the sum of a stream is what the chain comes to.
//! 3. Who tells waits while nobody reads.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::ChainError;
use super::chunk::{Chunk, ChunkPath, Content};

/// How many pieces wait to be read.
const WAITING: usize = 64;

/// Telling, which waits while nobody reads.
pub(super) type Telling<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Where a step, or a branch, tells of what it has.
#[derive(Clone)]
pub(super) struct Tell {
    path: Arc<ChunkPath>,
    queue: Arc<Queue>,
    said: Arc<Said>,
}

/// What was told at a path so far.
#[derive(Default)]
struct Said {
    text: Mutex<String>,
    pieces: AtomicUsize,
    /// Whether what is told below is all there is.
    by_parts: AtomicBool,
    around: Option<Arc<Self>>,
}

impl Tell {
    /// At the end of the chain.
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self {
            path: Arc::default(),
            queue,
            said: Arc::default(),
        }
    }

    pub(super) fn branch(&self, index: usize, name: &'static str) -> Self {
        Self {
            path: Arc::new(self.path.below(index, name)),
            queue: Arc::clone(&self.queue),
            said: Arc::new(Said {
                around: Some(Arc::clone(&self.said)),
                ..Said::default()
            }),
        }
    }

    /// How many pieces were told so far, here and below.
    pub(super) fn told(&self) -> usize {
        self.said.pieces.load(Ordering::Relaxed)
    }

    /// Says that what is told below adds up to the whole here.
    pub(super) fn by_parts(&self) {
        self.said.by_parts.store(true, Ordering::Relaxed);
    }

    pub(super) async fn text(&self, text: String) {
        lock(&self.said.text).push_str(&text);
        self.send(Content::Text(text)).await;
    }

    /// Tells of the whole, if the pieces do not add up to it. The value is looked
    /// at now.
    pub(super) fn whole<T: Serialize>(&self, value: &T) -> Result<Option<Telling<'_>>, ChainError> {
        if self.said.by_parts.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let content = self.missing(value)?;
        Ok(content.map(|content| Box::pin(self.send(content)) as Telling<'_>))
    }

    fn missing<T: Serialize>(&self, value: &T) -> Result<Option<Content>, ChainError> {
        let value = serde_json::to_value(value).map_err(|error| {
            let why = format!("what it comes to cannot be written as JSON: {error}");
            ChainError::permanent("stream", why)
        })?;
        Ok(match value {
            Value::String(text) => match (self.told(), &*lock(&self.said.text)) {
                (0, _) => Some(Content::Text(text)),
                (_, said) if *said == text => None,
                _ => Some(Content::Value(text.into())),
            },
            value => Some(Content::Value(value)),
        })
    }

    async fn send(&self, content: Content) {
        let mut around = Some(&self.said);
        while let Some(said) = around {
            said.pieces.fetch_add(1, Ordering::Relaxed);
            around = said.around.as_ref();
        }
        let path = Arc::clone(&self.path);
        self.queue.push(Chunk::new(path, content)).await;
    }
}

/// The pieces that wait to be read.
pub(super) struct Queue {
    chunks: Mutex<VecDeque<Chunk>>,
    /// Whoever waits longest for room is the first to have it.
    room: Semaphore,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            chunks: Mutex::default(),
            room: Semaphore::new(WAITING),
        }
    }
}

impl Queue {
    async fn push(&self, chunk: Chunk) {
        // It is never closed.
        if let Ok(room) = self.room.acquire().await {
            room.forget();
        }
        lock(&self.chunks).push_back(chunk);
    }

    pub(super) fn pop(&self) -> Option<Chunk> {
        let chunk = lock(&self.chunks).pop_front()?;
        self.room.add_permits(1);
        Some(chunk)
    }
}

/// Nothing in here panics while it holds a lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
