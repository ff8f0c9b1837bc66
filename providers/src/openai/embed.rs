//! Vectors of texts.

use std::fmt;

use serde_json::{Value, json};

use super::caller::Caller;
use super::failure::in_answer;
use super::lenient::{index, list};
use super::usage::used;
use crate::{Embedder, Embeddings, ModelError, ModelErrorKind};

/// The most texts in a request.
const MOST_TEXTS: usize = 2048;

/// Vectors of texts, from OpenAI or from what speaks like it:
/// [`OpenAi::embedder`](crate::OpenAi::embedder) makes one.
pub struct OpenAiEmbedder {
    pub(super) caller: Caller,
    pub(super) dimensions: Option<usize>,
}

impl OpenAiEmbedder {
    /// Asks for vectors of so many numbers.
    #[must_use]
    pub fn dimensions(mut self, n: usize) -> Self {
        self.dimensions = Some(n);
        self
    }
}

impl Embedder for OpenAiEmbedder {
    fn name(&self) -> &str {
        &self.caller.model
    }

    fn dimensions(&self) -> Option<usize> {
        self.dimensions
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Embeddings, ModelError> {
        let mut all = Embeddings::default();
        for texts in texts.chunks(MOST_TEXTS) {
            let mut body = json!({
                "model": self.caller.model,
                "input": texts,
                "encoding_format": "float",
            });
            if let Some(n) = self.dimensions {
                body["dimensions"] = n.into();
            }
            let some = self.caller.post(body, |answer| read(&answer, texts.len()));
            let some = some.await.map_err(|mut error| {
                // With those before.
                let used = all.usage + error.usage.unwrap_or_default();
                error.usage = Some(used).filter(|used| used.total() > 0);
                error.model(&self.caller.model)
            })?;
            all.vectors.extend(some.vectors);
            all.usage = all.usage + some.usage;
        }
        Ok(all)
    }
}

fn read(answer: &Value, n_texts: usize) -> Result<Embeddings, ModelError> {
    if let Some(error) = in_answer(answer) {
        return Err(error);
    }
    let unreadable = |why: &str| ModelError::new(ModelErrorKind::Decode).message(why);
    let data = list(answer, "data");
    if data.len() != n_texts {
        return Err(unreadable("there is not one vector for each text"));
    }
    let mut vectors = vec![Vec::new(); n_texts];
    for (place, item) in (0_u64..).zip(data) {
        let place = usize::try_from(index(item, "index").unwrap_or(place)).ok();
        let place = place.and_then(|place| vectors.get_mut(place));
        let numbers = serde_json::from_value(item["embedding"].clone());
        match (place, numbers) {
            (Some(place), Ok(numbers)) => *place = numbers,
            _ => return Err(unreadable("a vector is no list of numbers")),
        }
    }
    if vectors.iter().any(Vec::is_empty) {
        return Err(unreadable("there is not one vector for each text"));
    }
    let mut some = Embeddings::new(vectors);
    some.usage = used(answer).unwrap_or_default();
    Ok(some)
}

impl fmt::Debug for OpenAiEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("OpenAiEmbedder");
        shown.field(&self.caller.model).finish()
    }
}
