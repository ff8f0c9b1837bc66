//! An answer of Chat Completions, piece by piece or whole, which is one piece.
//!
//! 1. Every field may be missing, null or of another type.
//! 2. A call of a tool is known by its index; by its id where that is missing, or
//!    where calls that have other ids share it; else the last call goes on. One
//!    that one piece names twice is two.
//! 3. A call without an id gets one that no other answer's has: by the answer's id
//!    and time, or by what it begins with, and by the call's place.
//! 4. Why the answer ends is told last, when nothing else can come.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Map, Value, json};

use super::super::failure::{in_answer, of_json};
use super::super::lenient::{arguments, count, filled, id, index, list, of, said, text, wrong};
use super::super::usage::usage;
use crate::{Delta, Finish, ModelError, ModelErrorKind, Reasoning};

#[derive(Debug, Default)]
pub(in super::super) struct Decoder {
    started: bool,
    /// What the ids begin with of calls that have none.
    mark: u64,
    /// Whether something of an answer has come.
    answers: bool,
    calls: Vec<Call>,
    finish: Option<Finish>,
    /// What is to be sent back as it came, which comes in pieces.
    details: Vec<Value>,
    extras: Map<String, Value>,
}

#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: String,
}

impl Decoder {
    /// Takes in a piece of the answer, or a whole one.
    ///
    /// # Errors
    ///
    /// When it is an error, or nothing that can be read.
    pub(in super::super) fn add(
        &mut self,
        piece: &Value,
        out: &mut VecDeque<Delta>,
    ) -> Result<(), ModelError> {
        if let Some(error) = in_answer(piece) {
            return Err(error);
        }
        if !piece.is_object() {
            let error = ModelError::new(ModelErrorKind::Decode);
            return Err(error.body(&piece.to_string()));
        }
        let choices = list(piece, "choices");
        let mut choices = choices.iter();
        let choice = choices.find(|choice| count(choice, "index") == 0);
        if let Some(choice) = choice {
            if wrong(choice).is_some() {
                return Err(of_json(choice));
            }
            self.start(piece, out);
            self.answers = true;
            self.choice(choice, out)?;
        }
        if let Some(used) = filled(piece, "usage").and_then(usage) {
            out.push_back(Delta::Usage(used));
        }
        Ok(())
    }

    fn start(&mut self, piece: &Value, out: &mut VecDeque<Delta>) {
        if !std::mem::replace(&mut self.started, true) {
            let id = id(piece);
            self.mark = hash(&match &id {
                Some(id) => format!("{id}/{}", count(piece, "created")),
                None => piece.to_string(),
            });
            out.push_back(Delta::Started {
                id,
                model: said(piece, "model").map(str::to_owned),
            });
        }
    }

    fn choice(&mut self, choice: &Value, out: &mut VecDeque<Delta>) -> Result<(), ModelError> {
        let message = ["delta", "message"].into_iter();
        let message = message.filter_map(|key| filled(choice, key)).next();
        if let Some(message) = message {
            self.thoughts(message, out);
            if let Some(content) = filled(message, "content") {
                say(content, out);
            }
            if let Some(words) = said(message, "refusal") {
                out.push_back(Delta::Refusal {
                    text: words.to_owned(),
                });
            }
            // What was said aloud.
            if let Some(words) = message
                .get("audio")
                .and_then(|audio| said(audio, "transcript"))
            {
                out.push_back(Delta::Text {
                    text: words.to_owned(),
                });
            }
            let mut named = BTreeSet::new();
            for call in list(message, "tool_calls") {
                self.call(call, &mut named, out);
            }
            if let Some(function) = filled(message, "function_call") {
                let call = json!({ "index": 0, "function": function });
                self.call(&call, &mut BTreeSet::new(), out);
            }
        }
        match said(choice, "finish_reason") {
            // It could not go on: that is no end.
            Some(reason @ ("error" | "insufficient_system_resource")) => {
                let error = ModelError::new(ModelErrorKind::Overloaded { retry_after: None });
                return Err(error.code(reason));
            }
            Some(reason) => self.finish = Some(finish(reason)),
            None => {}
        }
        Ok(())
    }

    fn thoughts(&mut self, message: &Value, out: &mut VecDeque<Delta>) {
        let words = ["reasoning_content", "reasoning"].into_iter();
        let words = words
            .filter_map(|key| filled(message, key))
            .map(text)
            .next();
        if let Some(text) = words.filter(|words| !words.is_empty()) {
            let replay = None;
            out.push_back(Delta::Reasoning(Reasoning { text, replay }));
        }
        self.details
            .extend_from_slice(list(message, "reasoning_details"));
    }

    /// A call, or more of one, and which ones its piece has named by then.
    fn call(&mut self, call: &Value, named: &mut BTreeSet<usize>, out: &mut VecDeque<Delta>) {
        let function = filled(call, "function").unwrap_or(call);
        let name = said(function, "name").map(str::to_owned);
        let again = name.as_ref().map(|_| &*named);
        let (place, is_new) = self.place(index(call, "index"), id(call), again);
        if name.is_some() {
            named.insert(place);
        }
        let known = &self.calls[place].id;
        if let Some(extra) = filled(call, "extra_content") {
            self.extras.insert(known.clone(), extra.clone());
        }
        out.push_back(Delta::ToolCall {
            index: place,
            id: is_new.then(|| known.clone()),
            name,
            arguments: arguments(function),
        });
    }

    /// Which of the calls a piece belongs to, by rule 2, and whether it is new. If
    /// it has a name, with those that were named beside it.
    fn place(
        &mut self,
        index: Option<u64>,
        id: Option<String>,
        others: Option<&BTreeSet<usize>>,
    ) -> (usize, bool) {
        let named = others.is_some();
        let same_index = |call: &Call| index.is_some() && call.index == index;
        let same_id = |call: &Call| id.as_ref() == Some(&call.id);
        let found = match (&id, index) {
            // The id of a call that goes on, or another at the same index.
            (Some(_), _) if self.calls.iter().any(same_id) => self.calls.iter().rposition(same_id),
            (Some(_), _) if named => None,
            (_, Some(_)) => self.calls.iter().rposition(same_index),
            (Some(_), None) => None,
            (None, None) if named => None,
            (None, None) => self.calls.len().checked_sub(1),
        };
        let is_other = |place: &usize| others.is_some_and(|others| others.contains(place));
        if let Some(found) = found.filter(|found| !is_other(found)) {
            return (found, false);
        }
        let place = self.calls.len();
        // Results are known by it.
        let id = id.filter(|id| self.calls.iter().all(|call| call.id != *id));
        let id = id.unwrap_or_else(|| format!("call_{:016x}_{place}", self.mark));
        self.calls.push(Call { index, id });
        (place, true)
    }

    /// Whether the provider has said why the answer ends.
    pub(in super::super) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Nothing more will come; `done` if the provider has said so.
    ///
    /// # Errors
    ///
    /// When the answer was cut off, or there was none.
    pub(in super::super) fn end(
        &mut self,
        done: bool,
        out: &mut VecDeque<Delta>,
    ) -> Result<(), ModelError> {
        if !done && !self.is_finished() {
            return Err(ModelErrorKind::Truncated.into());
        }
        if !self.answers {
            return Err(ModelError::new(ModelErrorKind::Decode).message("it holds no answer"));
        }
        let mut replay = Map::new();
        if !self.details.is_empty() {
            replay.insert("reasoning_details".to_owned(), joined(&self.details));
        }
        if !self.extras.is_empty() {
            let extras = std::mem::take(&mut self.extras);
            replay.insert("extra_content".to_owned(), extras.into());
        }
        if !replay.is_empty() {
            out.push_back(Delta::Reasoning(Reasoning {
                text: String::new(),
                replay: Some(replay.into()),
            }));
        }
        let finish = self.finish.take().unwrap_or(Finish::Stop);
        // Some say that they stop where tools are to be called.
        let calls = finish == Finish::Stop && !self.calls.is_empty();
        out.push_back(Delta::Finished(match calls {
            true => Finish::ToolCalls,
            false => finish,
        }));
        Ok(())
    }
}

/// Text, or a list of parts, of which some are thoughts.
fn say(content: &Value, out: &mut VecDeque<Delta>) {
    let parts = match content {
        Value::Array(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    for part in parts {
        let text = match of(part, "type") {
            Some("thinking") => {
                let text = part.get("thinking").map(text).unwrap_or_default();
                let replay = None;
                out.push_back(Delta::Reasoning(Reasoning { text, replay }));
                continue;
            }
            _ => text(part),
        };
        if !text.is_empty() {
            out.push_back(Delta::Text { text });
        }
    }
}

/// FNV-1a: the same for the same text, in every process.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn finish(reason: &str) -> Finish {
    match reason {
        "stop" => Finish::Stop,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "length" => Finish::Length,
        "content_filter" => Finish::ContentFilter,
        other => Finish::Other(other.to_owned()),
    }
}

/// Pieces that have the same index are one: their texts are joined.
fn joined(pieces: &[Value]) -> Value {
    let mut whole: Vec<Map<String, Value>> = Vec::new();
    for piece in pieces.iter().filter_map(Value::as_object) {
        let place = piece.get("index").filter(|index| !index.is_null());
        let same = |other: &&mut Map<String, Value>| {
            place.is_some() && other.get("index") == place && other.get("type") == piece.get("type")
        };
        let Some(before) = whole.iter_mut().find(same) else {
            whole.push(piece.clone());
            continue;
        };
        for (key, value) in piece {
            match (before.get_mut(key), value) {
                (Some(Value::String(text)), Value::String(more))
                    if matches!(&**key, "text" | "summary" | "data") =>
                {
                    text.push_str(more);
                }
                (_, Value::Null) => {}
                _ => {
                    before.insert(key.clone(), value.clone());
                }
            }
        }
    }
    whole.into_iter().map(Value::Object).collect()
}
