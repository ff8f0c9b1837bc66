//! What a process writes: messages, a line each, and what it says beside them.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// The longest message that is read, as of one over HTTP.
const LONGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// How much is remembered of what a process says.
const SAID: usize = 2000;

/// What is read at once.
const PIECE: usize = 16 * 1024;

/// The lines of a pipe.
pub(super) struct Lines<R> {
    pipe: R,
    buffer: Vec<u8>,
    /// How much of the buffer has no end of a line in it.
    searched: usize,
}

pub(super) enum Line {
    Is(Vec<u8>),
    TooLong,
    End,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn of(pipe: R) -> Self {
        Self {
            pipe,
            buffer: Vec::new(),
            searched: 0,
        }
    }

    /// The next line, without its end. Of one that is too long, what was read is
    /// dropped.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Line> {
        loop {
            let fresh = &self.buffer[self.searched..];
            if let Some(at) = fresh.iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(self.searched + at + 1);
                let mut line = std::mem::replace(&mut self.buffer, rest);
                self.searched = 0;
                line.truncate(line.trim_ascii_end().len());
                return Poll::Ready(Line::Is(line));
            }
            self.searched = self.buffer.len();
            if self.searched > LONGEST_MESSAGE {
                self.buffer = Vec::new();
                self.searched = 0;
                return Poll::Ready(Line::TooLong);
            }
            if ready!(read(&mut self.pipe, cx, &mut self.buffer)) == 0 {
                return Poll::Ready(Line::End);
            }
        }
    }

    /// Why a line is not read, that is too long.
    pub(super) fn too_long() -> String {
        format!("it has sent a message of more than {LONGEST_MESSAGE} bytes")
    }
}

/// Reads a piece, and says how long it is: nothing at the end, and after an error.
pub(super) fn read<R: AsyncRead + Unpin>(
    pipe: &mut R,
    cx: &mut Context<'_>,
    into: &mut Vec<u8>,
) -> Poll<usize> {
    let mut piece = [0; PIECE];
    let mut piece = ReadBuf::new(&mut piece);
    match ready!(Pin::new(pipe).poll_read(cx, &mut piece)) {
        Ok(()) => into.extend_from_slice(piece.filled()),
        Err(_) => return Poll::Ready(0),
    }
    Poll::Ready(piece.filled().len())
}

/// The last of what a process says.
#[derive(Debug, Default)]
pub(super) struct Said(Vec<u8>);

impl Said {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        let over = self.0.len().saturating_sub(SAID);
        self.0.drain(..over);
    }

    /// Its lines in one, or nothing.
    pub(super) fn text(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.0);
        let lines = text.lines().map(str::trim);
        let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
        (!lines.is_empty()).then(|| lines.join(" "))
    }
}

/// Why a connection has ended, noted once.
#[derive(Debug, Default)]
pub(super) struct Why(Mutex<Option<String>>);

impl Why {
    pub(super) fn note(&self, why: String) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.get_or_insert(why);
    }

    pub(super) fn get(&self) -> Option<String> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.clone()
    }
}
