//! What was used, as each interface says it.

use serde_json::Value;

use super::lenient::{count, filled};
use crate::{ModelError, TokenUsage};

/// What an answer, or a piece of one, says that it has used.
pub(super) fn used(answer: &Value) -> Option<TokenUsage> {
    let answer = filled(answer, "response").unwrap_or(answer);
    filled(answer, "usage").and_then(usage)
}

/// The error, and what was used all the same.
pub(super) fn having_used(mut error: ModelError, used: Option<TokenUsage>) -> ModelError {
    error.usage = error.usage.or(used);
    error
}

/// What was used, if that is said.
pub(super) fn usage(json: &Value) -> Option<TokenUsage> {
    let either = |one: &str, other: &str| match count(json, one) {
        0 => count(json, other),
        n => n,
    };
    let none = Value::Null;
    let details = |one: &str, other: &str| {
        let details = filled(json, one).or_else(|| filled(json, other));
        details.unwrap_or(&none)
    };
    let sent = details("prompt_tokens_details", "input_tokens_details");
    let said = details("completion_tokens_details", "output_tokens_details");
    let mut used = TokenUsage::new(
        either("prompt_tokens", "input_tokens"),
        either("completion_tokens", "output_tokens"),
    );
    used.cached = match count(sent, "cached_tokens") {
        0 => count(json, "prompt_cache_hit_tokens"),
        n => n,
    };
    used.cache_written = count(sent, "cache_write_tokens");
    used.reasoning = count(said, "reasoning_tokens");
    used.audio = count(sent, "audio_tokens").saturating_add(count(said, "audio_tokens"));
    (used.total() > 0).then_some(used)
}
