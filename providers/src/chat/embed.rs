//! What makes vectors of texts.

use std::future::Future;

use super::error::ModelError;
use super::usage::TokenUsage;

/// What makes a vector of a text, so that texts that mean the same are near each
/// other.
pub trait Embedder: Send + Sync + 'static {
    /// What it is called.
    fn name(&self) -> &str;

    /// How many numbers a vector has, if that is known.
    fn dimensions(&self) -> Option<usize> {
        None
    }

    /// A vector for each text, in the order of the texts.
    ///
    /// # Errors
    ///
    /// Why there are none, once; there are all or none.
    fn embed(
        &self,
        texts: Vec<String>,
    ) -> impl Future<Output = Result<Embeddings, ModelError>> + Send;
}

/// The vectors of some texts.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Embeddings {
    /// One for each text, in their order.
    pub vectors: Vec<Vec<f32>>,
    /// What they have used.
    pub usage: TokenUsage,
}

impl Embeddings {
    /// These, in the order of their texts.
    #[must_use]
    pub fn new(vectors: Vec<Vec<f32>>) -> Self {
        Self {
            vectors,
            usage: TokenUsage::default(),
        }
    }
}
