//! Streams that are written down, and streams of what was.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::super::play::{Step, play};
use super::Cassette;
use super::tape::Answer;

use crate::{Delta, ModelError, ModelRequest, ModelStream};

pub(super) fn replay(deltas: Vec<Delta>) -> ModelStream {
    let steps: VecDeque<Step> = deltas.into_iter().map(Step::Say).collect();
    play(move || steps)
}

pub(super) fn record(cassette: Cassette, request: ModelRequest, inner: ModelStream) -> ModelStream {
    ModelStream::new(Recording {
        inner: Some(inner),
        deltas: Vec::new(),
        kept: None,
        to: Some((cassette, request)),
    })
}

/// What is being written.
type Kept = Pin<Box<dyn Future<Output = Result<(), ModelError>> + Send>>;

struct Recording {
    inner: Option<ModelStream>,
    deltas: Vec<Delta>,
    to: Option<(Cassette, ModelRequest)>,
    kept: Option<Kept>,
}

impl Stream for Recording {
    type Item = Result<Delta, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(inner) = &mut self.inner {
            match ready!(Pin::new(inner).poll_next(cx)) {
                Some(Ok(delta)) => {
                    match &delta {
                        // What was void is no part of the answer.
                        Delta::Again => self.deltas.clear(),
                        piece => self.deltas.push(piece.clone()),
                    }
                    return Poll::Ready(Some(Ok(delta)));
                }
                Some(Err(error)) => {
                    // Failures are of the moment.
                    (self.inner, self.to) = (None, None);
                    return Poll::Ready(Some(Err(error)));
                }
                None => self.inner = None,
            }
            let is_complete = self.deltas.iter().any(|d| matches!(d, Delta::Finished(_)));
            if let Some((cassette, request)) = self.to.take().filter(|_| is_complete) {
                let answer = Answer::Deltas(std::mem::take(&mut self.deltas));
                let kept = async move { cassette.keep(request, answer).await };
                self.kept = Some(Box::pin(kept));
            }
        }
        let Some(kept) = &mut self.kept else {
            return Poll::Ready(None);
        };
        let kept = ready!(kept.as_mut().poll(cx));
        self.kept = None;
        Poll::Ready(kept.err().map(Err))
    }
}
