//! An answer as a list of steps, played to whoever asked.
//!
//! 1. Nothing happens before the first poll.
//! 2. Text comes in pieces of a word; a piece counts as a token.
//! 3. Waits are of the runtime's clock, which tests can pause.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::{Sleep, sleep};

use crate::{
    Delta, Finish, ModelError, ModelErrorKind, ModelRequest, ModelResponse, ModelStream, Part,
    Reasoning, TokenUsage,
};

/// What happens next of an answer.
pub(super) enum Step {
    Wait(Duration),
    Say(Delta),
    Fail(ModelError),
    /// Nothing any more.
    Hang,
}

/// Where an answer stops before its end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cut {
    /// The connection breaks after so many pieces.
    Breaks(usize),
    /// It has reached its longest after so many.
    Length(usize),
}

/// An answer whose steps are known once somebody wants them.
pub(super) fn play(steps: impl FnOnce() -> VecDeque<Step> + Send + 'static) -> ModelStream {
    ModelStream::new(Playing {
        begin: Some(Box::new(steps)),
        steps: VecDeque::new(),
        waits: None,
    })
}

struct Playing {
    begin: Option<Box<dyn FnOnce() -> VecDeque<Step> + Send>>,
    steps: VecDeque<Step>,
    waits: Option<Pin<Box<Sleep>>>,
}

impl Stream for Playing {
    type Item = Result<Delta, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(begin) = self.begin.take() {
            self.steps = begin();
        }
        loop {
            if let Some(waits) = &mut self.waits {
                ready!(waits.as_mut().poll(cx));
                self.waits = None;
            }
            match self.steps.pop_front() {
                Some(Step::Wait(time)) if time.is_zero() => {}
                Some(Step::Wait(time)) => self.waits = Some(Box::pin(sleep(time))),
                Some(Step::Say(delta)) => return Poll::Ready(Some(Ok(delta))),
                Some(Step::Fail(error)) => return Poll::Ready(Some(Err(error))),
                Some(Step::Hang) => {
                    self.steps.push_front(Step::Hang);
                    return Poll::Pending;
                }
                None => return Poll::Ready(None),
            }
        }
    }
}

/// The steps of an answer, in pieces, up to where it is cut.
pub(super) fn steps(response: ModelResponse, pace: Duration, cut: Option<Cut>) -> VecDeque<Step> {
    let mut steps = VecDeque::new();
    let mut n_pieces = 0;
    let usage = response.usage;
    for delta in response.into_deltas().into_iter().flat_map(in_pieces) {
        if let Some(cut) = cut.filter(|cut| is_piece(&delta) && n_pieces == cut.after()) {
            match cut {
                Cut::Breaks(_) => steps.push_back(Step::Fail(broken())),
                Cut::Length(_) => {
                    let output = u64::try_from(n_pieces).unwrap_or(u64::MAX);
                    let usage = TokenUsage { output, ..usage };
                    steps.push_back(Step::Say(Delta::Usage(usage)));
                    steps.push_back(Step::Say(Delta::Finished(Finish::Length)));
                }
            }
            return steps;
        }
        if is_piece(&delta) {
            n_pieces += 1;
            steps.push_back(Step::Wait(pace));
        }
        if matches!((&delta, cut), (Delta::Usage(_), Some(Cut::Breaks(_)))) {
            // As long as the answer, or longer: it breaks at the end.
            steps.push_back(Step::Fail(broken()));
            return steps;
        }
        steps.push_back(Step::Say(delta));
    }
    steps
}

/// Ends an answer where the request wants it to stop; says where it is to be cut
/// since it is too long.
pub(super) fn fit(response: &mut ModelResponse, request: &ModelRequest) -> Option<Cut> {
    stop(response, &request.stop);
    let most = u64::from(request.max_tokens?);
    let is_longer = count(&response.message.parts) > most;
    is_longer.then(|| Cut::Length(usize::try_from(most).unwrap_or(usize::MAX)))
}

/// Ends the text before any of these.
fn stop(response: &mut ModelResponse, stops: &[String]) {
    for at in 0..response.message.parts.len() {
        let Part::Text { text } = &mut response.message.parts[at] else {
            continue;
        };
        let places = stops.iter().filter(|stop| !stop.is_empty());
        if let Some(end) = places.filter_map(|stop| text.find(&**stop)).min() {
            text.truncate(end);
            response.message.parts.truncate(at + 1);
            response.finish = Finish::Stop;
            return;
        }
    }
}

fn broken() -> ModelError {
    let error = ModelError::new(ModelErrorKind::Transport);
    error.message("it broke in the middle of the answer")
}

impl Cut {
    fn after(self) -> usize {
        match self {
            Self::Breaks(n) | Self::Length(n) => n,
        }
    }
}

fn is_piece(delta: &Delta) -> bool {
    match delta {
        Delta::Text { .. } | Delta::Refusal { .. } | Delta::Reasoning(_) => true,
        Delta::ToolCall { id, .. } => id.is_none(),
        Delta::Started { .. } | Delta::Usage(_) | Delta::Finished(_) | Delta::Again => false,
    }
}

/// The same, a word in each. A call is named first, and then has its arguments.
fn in_pieces(delta: Delta) -> Vec<Delta> {
    match delta {
        Delta::Text { text } => {
            let pieces = pieces(&text).into_iter();
            pieces.map(|text| Delta::Text { text }).collect()
        }
        Delta::Refusal { text } => {
            let pieces = pieces(&text).into_iter();
            pieces.map(|text| Delta::Refusal { text }).collect()
        }
        Delta::Reasoning(Reasoning { text, replay }) => {
            let of = |text| Reasoning { text, replay: None };
            let mut thoughts: Vec<Reasoning> = pieces(&text).into_iter().map(of).collect();
            match thoughts.last_mut() {
                Some(last) => last.replay = replay,
                None => thoughts.push(Reasoning { text, replay }),
            }
            thoughts.into_iter().map(Delta::Reasoning).collect()
        }
        Delta::ToolCall {
            index,
            id,
            name,
            arguments,
        } => {
            let call = |id, name, arguments| Delta::ToolCall {
                index,
                id,
                name,
                arguments,
            };
            let first = call(id, name, String::new());
            let more = pieces(&arguments).into_iter();
            let more = more.map(|arguments| call(None, None, arguments));
            [first].into_iter().chain(more).collect()
        }
        other => vec![other],
    }
}

/// The words of a text, each with the space after it; those of JSON end at its
/// punctuation, too.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        piece.push(character);
        let goes_on = characters.peek().is_some_and(|next| next.is_whitespace());
        let ends = character.is_whitespace() || matches!(character, ',' | ':' | '{' | '[');
        if ends && !goes_on {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

/// How many pieces there are in what is said.
pub(super) fn count(parts: &[Part]) -> u64 {
    let counts = parts.iter().map(|part| match part {
        Part::Text { text } | Part::Refusal { text } => pieces(text).len(),
        Part::ToolCall(call) => pieces(&call.arguments).len(),
        Part::ToolResult(result) => pieces(&result.content).len(),
        Part::Reasoning(reasoning) => pieces(&reasoning.text).len(),
        Part::Image(_) | Part::Audio(_) | Part::File(_) => 0,
    });
    u64::try_from(counts.sum::<usize>()).unwrap_or(u64::MAX)
}
