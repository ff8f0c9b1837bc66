//! Answers that a call has got, for its next attempt: to the node, a question
//! that is asked again is another one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use superstep_core::Interrupted;

/// A question by its name, and how often its attempt had asked it before.
type Question = (String, u32);

/// The answers of a call, over all its attempts.
#[derive(Default)]
pub(super) struct Answers(Mutex<BTreeMap<Question, Value>>);

/// The answers as one attempt gets them.
pub(super) struct AttemptAnswers {
    of_call: Arc<Answers>,
    asked: Mutex<BTreeMap<String, u32>>,
}

impl AttemptAnswers {
    pub(super) fn new(of_call: &Arc<Answers>) -> Self {
        Self {
            of_call: Arc::clone(of_call),
            asked: Mutex::default(),
        }
    }

    /// The answer that an attempt before this one got, else that of `ask`.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        name: &str,
        ask: impl FnOnce() -> Result<Answer<T>, Interrupted>,
    ) -> Result<T, Interrupted> {
        let question = (name.to_owned(), self.count(name));
        let before = lock(&self.of_call.0).get(&question).cloned();
        if let Some(Ok(value)) = before.map(T::deserialize) {
            return Ok(value);
        }
        let answer = ask()?;
        lock(&self.of_call.0).insert(question, answer.json);
        Ok(answer.value)
    }

    fn count(&self, name: &str) -> u32 {
        let mut asked = lock(&self.asked);
        let count = asked.entry(name.to_owned()).or_default();
        let before = *count;
        *count += 1;
        before
    }
}

/// Nothing in here panics while it holds a lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer, and what it was read from.
pub(super) struct Answer<T> {
    value: T,
    json: Value,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Answer<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Value::deserialize(deserializer)?;
        let value = T::deserialize(&json).map_err(D::Error::custom)?;
        Ok(Self { value, json })
    }
}
