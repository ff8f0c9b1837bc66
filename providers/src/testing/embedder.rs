//! Vectors without a network.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{Embedder, Embeddings, ModelError, ModelErrorKind, TokenUsage};

/// How many numbers a vector has by default.
const DIMENSIONS: usize = 64;

/// How many bytes of text are a token, roughly.
const BYTES_A_TOKEN: usize = 4;

/// An embedder for tests: the same text has the same vector, of length 1, and texts
/// are the nearer to each other the more words they share. Clones share what they
/// were asked.
///
/// # Examples
///
/// ```
/// use superstep_providers::{EmbeddingModel, TestEmbedder};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let test = TestEmbedder::new();
/// let model = EmbeddingModel::new(test.clone());
/// let some = model.embed(["a red cat", "The red cat", "42 km"]).await?.vectors;
/// let near = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
/// assert!(near(&some[0], &some[1]) > near(&some[0], &some[2]));
/// assert_eq!(test.calls(), [["a red cat", "The red cat", "42 km"]]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "it does nothing until it is asked"]
pub struct TestEmbedder {
    dimensions: usize,
    given: Vec<(String, Result<Vec<f32>, ModelErrorKind>)>,
    calls: Arc<Mutex<Vec<Vec<String>>>>,
}

impl Default for TestEmbedder {
    fn default() -> Self {
        Self::new()
    }
}

impl TestEmbedder {
    /// One called `test`, whose vectors have 64 numbers.
    pub fn new() -> Self {
        Self {
            dimensions: DIMENSIONS,
            given: Vec::new(),
            calls: Arc::default(),
        }
    }

    /// The same, whose vectors have so many numbers; at least one.
    pub fn dimensions(mut self, n: usize) -> Self {
        self.dimensions = n.max(1);
        self
    }

    /// The same, of which that text has that vector.
    pub fn on(mut self, text: impl Into<String>, vector: impl Into<Vec<f32>>) -> Self {
        self.given.push((text.into(), Ok(vector.into())));
        self
    }

    /// The same, which fails when that text is among those that it is given.
    pub fn fails_on(mut self, text: impl Into<String>, kind: ModelErrorKind) -> Self {
        self.given.push((text.into(), Err(kind)));
        self
    }

    /// The texts of each call, in the order of the calls.
    #[must_use]
    pub fn calls(&self) -> Vec<Vec<String>> {
        let calls = self.calls.lock();
        calls.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn vector(&self, text: &str) -> Result<Vec<f32>, ModelError> {
        let mut given = self.given.iter();
        match given.find(|(known, _)| known == text) {
            Some((_, Ok(vector))) => Ok(vector.clone()),
            Some((_, Err(kind))) => Err(kind.clone().into()),
            None => Ok(self.of_words(text)),
        }
    }

    /// Each word adds to one of the numbers.
    fn of_words(&self, text: &str) -> Vec<f32> {
        let mut vector = vec![0.0_f32; self.dimensions];
        let text = text.to_lowercase();
        let words = text.split(|c: char| !c.is_alphanumeric());
        let mut words = words.filter(|word| !word.is_empty()).peekable();
        if words.peek().is_none() {
            vector[0] = 1.0;
        }
        words.for_each(|word| vector[place(word, self.dimensions)] += 1.0);
        let length = vector.iter().map(|n| n * n).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|n| *n /= length);
        vector
    }
}

/// Which of `n` a word belongs to: the same in every process.
fn place(word: &str, n: usize) -> usize {
    let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let n = u64::try_from(n).unwrap_or(u64::MAX);
    usize::try_from(hash % n).unwrap_or_default()
}

impl Embedder for TestEmbedder {
    fn name(&self) -> &'static str {
        "test"
    }

    fn dimensions(&self) -> Option<usize> {
        let given = self.given.iter().any(|(_, vector)| vector.is_ok());
        (!given).then_some(self.dimensions)
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Embeddings, ModelError> {
        let vectors: Result<Vec<_>, ModelError> =
            texts.iter().map(|text| self.vector(text)).collect();
        let sent = texts.iter().map(|text| text.len().div_ceil(BYTES_A_TOKEN));
        let sent = u64::try_from(sent.sum::<usize>()).unwrap_or(u64::MAX);
        let calls = self.calls.lock();
        calls.unwrap_or_else(PoisonError::into_inner).push(texts);
        let mut some = Embeddings::new(vectors?);
        some.usage = TokenUsage::new(sent, 0);
        Ok(some)
    }
}
