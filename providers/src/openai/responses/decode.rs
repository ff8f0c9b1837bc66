//! An answer of Responses, event by event or whole.
//!
//! 1. Events of types that are not known here say nothing.
//! 2. An item tells its text in deltas, or else when it is done.
//! 3. What was thought is an item that is to be sent back as it came.
//! 4. The event that holds the whole response ends it.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::super::failure::in_answer;
use super::super::lenient::{arguments, count, filled, id, list, of, said};
use super::super::usage::usage;
use super::encode::ITEM;
use crate::{Delta, Finish, ModelError, ModelErrorKind, Reasoning};

#[derive(Debug, Default)]
pub(in super::super) struct Decoder {
    started: bool,
    /// The items that have told something, by their place in the output.
    told: BTreeSet<u64>,
    /// The places of calls.
    calls: Vec<u64>,
    finish: Option<Finish>,
}

impl Decoder {
    /// Takes in an event, or a whole response.
    ///
    /// # Errors
    ///
    /// When it is an error, or nothing that can be read.
    pub(in super::super) fn add(
        &mut self,
        event: &Value,
        out: &mut VecDeque<Delta>,
    ) -> Result<(), ModelError> {
        if let Some(error) = in_answer(event) {
            return Err(error);
        }
        if !event.is_object() {
            let error = ModelError::new(ModelErrorKind::Decode);
            return Err(error.body(&event.to_string()));
        }
        let place = count(event, "output_index");
        let text = || said(event, "delta").unwrap_or_default().to_owned();
        match of(event, "type").unwrap_or_default() {
            "response.created" => self.start(event.get("response"), out),
            "response.output_text.delta" => {
                self.told.insert(place);
                out.push_back(Delta::Text { text: text() });
            }
            "response.refusal.delta" => {
                self.told.insert(place);
                out.push_back(Delta::Refusal { text: text() });
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.told.insert(place);
                let (text, replay) = (text(), None);
                out.push_back(Delta::Reasoning(Reasoning { text, replay }));
            }
            "response.function_call_arguments.delta" => {
                self.told.insert(place);
                let index = self.call(place);
                let (id, name, arguments) = (None, None, text());
                out.push_back(Delta::ToolCall {
                    index,
                    id,
                    name,
                    arguments,
                });
            }
            "response.output_item.added" => self.item_begins(event.get("item"), place, out),
            "response.output_item.done" => self.item(event.get("item"), place, out),
            "response.completed" | "response.incomplete" | "response.failed" => {
                return self.whole(event.get("response").unwrap_or(&Value::Null), out);
            }
            _ if event.get("output").is_some() || event.get("status").is_some() => {
                return self.whole(event, out);
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, response: Option<&Value>, out: &mut VecDeque<Delta>) {
        if let Some(response) = response.filter(|_| !self.started) {
            self.started = true;
            out.push_back(Delta::Started {
                id: id(response),
                model: said(response, "model").map(str::to_owned),
            });
        }
    }

    /// Which of the calls stands at that place.
    fn call(&mut self, place: u64) -> usize {
        let known = self.calls.iter().position(|known| *known == place);
        known.unwrap_or_else(|| {
            self.calls.push(place);
            self.calls.len() - 1
        })
    }

    fn item_begins(&mut self, item: Option<&Value>, place: u64, out: &mut VecDeque<Delta>) {
        let Some(item) = item.filter(|item| of(item, "type") == Some("function_call")) else {
            return;
        };
        let index = self.call(place);
        let call_id = said(item, "call_id").map(str::to_owned);
        out.push_back(Delta::ToolCall {
            index,
            id: call_id.or_else(|| id(item)),
            name: said(item, "name").map(str::to_owned),
            arguments: String::new(),
        });
    }

    /// An item that is complete; what it has told already it does not tell again.
    fn item(&mut self, item: Option<&Value>, place: u64, out: &mut VecDeque<Delta>) {
        let Some(item) = item else { return };
        let is_new = self.told.insert(place);
        match of(item, "type").unwrap_or_default() {
            "message" if is_new => {
                for part in list(item, "content") {
                    if let Some(text) = said(part, "refusal") {
                        out.push_back(Delta::Refusal {
                            text: text.to_owned(),
                        });
                    } else if let Some(text) = said(part, "text") {
                        out.push_back(Delta::Text {
                            text: text.to_owned(),
                        });
                    }
                }
            }
            "function_call" if is_new => {
                self.item_begins(Some(item), place, out);
                let index = self.call(place);
                let (id, name, arguments) = (None, None, arguments(item));
                out.push_back(Delta::ToolCall {
                    index,
                    id,
                    name,
                    arguments,
                });
            }
            "reasoning" => {
                let parts = list(item, "summary").iter().chain(list(item, "content"));
                let words = parts.filter_map(|part| said(part, "text"));
                let text = words.filter(|_| is_new).collect();
                let replay = Some(json!({ ITEM: item }));
                out.push_back(Delta::Reasoning(Reasoning { text, replay }));
            }
            _ => {}
        }
    }

    fn whole(&mut self, response: &Value, out: &mut VecDeque<Delta>) -> Result<(), ModelError> {
        if let Some(error) = in_answer(response) {
            return Err(error);
        }
        let status = of(response, "status").unwrap_or("completed");
        if matches!(status, "failed" | "cancelled") {
            let error = ModelError::new(ModelErrorKind::Overloaded { retry_after: None });
            return Err(error.body(&response.to_string()));
        }
        self.start(Some(response), out);
        for (place, item) in (0..).zip(list(response, "output")) {
            // By their events these are known.
            if !self.told.contains(&place) {
                self.item(Some(item), place, out);
            }
        }
        if let Some(used) = filled(response, "usage").and_then(usage) {
            out.push_back(Delta::Usage(used));
        }
        let reason = filled(response, "incomplete_details");
        let reason = reason.and_then(|details| of(details, "reason"));
        self.finish = Some(match (status, reason) {
            (_, Some("max_output_tokens")) => Finish::Length,
            (_, Some("content_filter")) => Finish::ContentFilter,
            (_, Some(other)) => Finish::Other(other.to_owned()),
            ("completed", None) if self.calls.is_empty() => Finish::Stop,
            ("completed", None) => Finish::ToolCalls,
            (other, None) => Finish::Other(other.to_owned()),
        });
        Ok(())
    }

    /// Whether the whole response has come.
    pub(in super::super) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Nothing more will come.
    ///
    /// # Errors
    ///
    /// When the answer was cut off.
    pub(in super::super) fn end(&mut self, out: &mut VecDeque<Delta>) -> Result<(), ModelError> {
        let finish = self.finish.take();
        out.push_back(Delta::Finished(finish.ok_or(ModelErrorKind::Truncated)?));
        Ok(())
    }
}
