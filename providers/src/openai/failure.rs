//! What went wrong, out of a status and a body of whatever shape.
//!
//! Bodies that are seen: `{"error": {"message", "type", "code"}}` where the code
//! is text or a number, `{"error": "text"}`, `[{"error": …}]`, `{"message", "code"}`,
//! `{"detail": …}`, and text or HTML of a proxy.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::lenient::{filled, of, wrong};
use super::usage::used;
use super::wait;
use crate::{ModelError, ModelErrorKind};

/// An answer whose status is not one of success.
pub(super) fn of_answer(status: StatusCode, headers: &HeaderMap, body: &str) -> ModelError {
    let json: Option<Value> = serde_json::from_str(body).ok();
    let told = json.as_ref().map(told).unwrap_or_default();
    let asked = wait::retry_after(headers).or(told.wait);
    let status = status.as_u16();
    let mut error = told.error(Some(status), asked).status(status).body(body);
    error.usage = json.as_ref().and_then(used);
    if json.is_none() && error.message.is_none() {
        error.message = short(body).and_then(line);
    }
    let should_retry = headers.get("x-should-retry");
    error.should_retry = should_retry.and_then(|value| match value.as_bytes() {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    });
    error
}

/// The error that JSON holds where an answer, or a piece of one, was to be.
pub(super) fn in_answer(json: &Value) -> Option<ModelError> {
    let first = json.as_array().and_then(|list| list.first());
    let object = first.unwrap_or(json);
    let is_error = match wrong(object) {
        Some(_) => true,
        // Of the event `error`, and of servers that wrap nothing.
        None => {
            let says = |key| filled(object, key).is_some();
            let answers = ["choices", "output", "data", "response", "delta", "usage"];
            let is_answer = answers.into_iter().any(says);
            let named =
                of(object, "type") == Some("error") || of(object, "object") == Some("error");
            !is_answer && (named || says("error") || says("message") || says("detail"))
        }
    };
    is_error.then(|| of_json(json))
}

/// The error that JSON is.
pub(super) fn of_json(json: &Value) -> ModelError {
    let told = told(json);
    let asked = told.wait;
    told.error(None, asked).body(&json.to_string())
}

/// What the body of an error tells.
#[derive(Debug, Default)]
struct Told {
    message: Option<String>,
    code: Option<String>,
    /// What else it is called.
    class: Option<String>,
    wait: Option<Duration>,
    /// A filter says what it found.
    flagged: bool,
}

fn told(json: &Value) -> Told {
    let first = json.as_array().and_then(|list| list.first());
    let object = first.unwrap_or(json);
    let error = match wrong(object) {
        Some(Value::String(text)) => {
            return Told {
                message: line(text),
                code: code(object),
                ..Told::default()
            };
        }
        Some(error) => error,
        None => object,
    };
    let message = ["message", "detail", "msg"].into_iter();
    let mut message = message.filter_map(|key| match filled(error, key)? {
        Value::String(text) => line(text),
        other => Some(other.to_string()),
    });
    let metadata = error.get("metadata");
    Told {
        message: message.next(),
        code: code(error),
        class: [of(error, "type"), of(error, "status")]
            .into_iter()
            .flatten()
            .find(|class| *class != "error")
            .map(str::to_owned),
        wait: delay(error),
        flagged: metadata.is_some_and(|metadata| filled(metadata, "reasons").is_some()),
    }
}

fn code(error: &Value) -> Option<String> {
    match filled(error, "code")? {
        Value::String(code) => Some(code.clone()),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    }
}

/// Google's `"details": [{"retryDelay": "34s"}]`.
fn delay(error: &Value) -> Option<Duration> {
    let details = error.get("details")?.as_array()?;
    let delay = details.iter().find_map(|detail| of(detail, "retryDelay"))?;
    wait::duration(delay)
}

/// Words as one clause, which others may stand after, if there are any.
fn line(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ").trim_end_matches('.').to_owned();
    Some(line).filter(|line| !line.is_empty())
}

/// Text that a person can read, if it is short: not a page of HTML.
fn short(body: &str) -> Option<&str> {
    let text = body.trim();
    let is_short = !text.is_empty() && text.len() <= 200 && !text.starts_with('<');
    is_short.then_some(text)
}

const QUOTA: &[&str] = &[
    "insufficient_quota",
    "billing_hard_limit_reached",
    "insufficient balance",
    "insufficient credits",
];
const CONTEXT: &[&str] = &[
    "context_length",
    "context length",
    "context window",
    "maximum context",
    "prompt is too long",
    "input is too long",
    "input token count",
];
const FILTER: &[&str] = &[
    "content_filter",
    "content_policy",
    "moderation_blocked",
    "responsibleaipolicyviolation",
];
const AUTH: &[&str] = &[
    "invalid_api_key",
    "authentication_error",
    "permission",
    "unauthenticated",
];
const RATE: &[&str] = &["rate_limit", "resource_exhausted", "too_many_requests"];
const REQUEST: &[&str] = &[
    "invalid_request",
    "invalid_argument",
    "not_found",
    "model_not_found",
];

impl Told {
    fn error(self, status: Option<u16>, retry_after: Option<Duration>) -> ModelError {
        let kind = self.kind(status, retry_after);
        let mut error = ModelError::new(kind);
        error.code = self.code.or(self.class);
        error.message = self.message;
        error
    }

    fn kind(&self, status: Option<u16>, retry_after: Option<Duration>) -> ModelErrorKind {
        let parts = [&self.code, &self.class].map(|part| part.as_deref().unwrap_or_default());
        let names = parts.join(" ").to_lowercase();
        let words = self.message.as_deref().unwrap_or_default().to_lowercase();
        let named = |list: &[&str]| list.iter().any(|word| names.contains(word));
        let said = |list: &[&str]| list.iter().any(|word| words.contains(word));
        // Some put the status into the code.
        let coded = self.code.as_ref().and_then(|code| code.parse().ok());
        let status = status.or(coded).unwrap_or_default();
        let is_server = status >= 500;
        if status == 402 || named(QUOTA) || (!is_server && said(QUOTA)) {
            return ModelErrorKind::Quota;
        }
        if named(CONTEXT) || (matches!(status, 0 | 400 | 413 | 422) && said(CONTEXT)) {
            return ModelErrorKind::ContextLength;
        }
        if named(FILTER) || (status == 403 && self.flagged) {
            return ModelErrorKind::ContentFilter;
        }
        match status {
            401 | 403 | 407 => ModelErrorKind::Auth,
            429 => ModelErrorKind::RateLimited { retry_after },
            501 => ModelErrorKind::Unsupported,
            408 | 409 | 425 | 500.. => ModelErrorKind::Overloaded { retry_after },
            300..=499 => ModelErrorKind::BadRequest,
            _ if named(RATE) => ModelErrorKind::RateLimited { retry_after },
            _ if named(AUTH) => ModelErrorKind::Auth,
            _ if named(REQUEST) => ModelErrorKind::BadRequest,
            // It began to answer, and could not go on.
            _ => ModelErrorKind::Overloaded { retry_after },
        }
    }
}
