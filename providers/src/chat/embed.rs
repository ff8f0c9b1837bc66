//! What makes vectors of texts.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::call::Metered;
use super::error::{ModelError, ModelErrorKind};
use super::usage::TokenUsage;

/// What makes a vector of a text, so that texts that mean the same are near each
/// other. It is asked through an [`EmbeddingModel`].
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

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Embeddings, ModelError>> + Send + 'a>>;

/// The object-safe twin of [`Embedder`].
trait DynEmbedder: Send + Sync {
    fn name(&self) -> &str;
    fn dimensions(&self) -> Option<usize>;
    fn embed(&self, texts: Vec<String>) -> Answer<'_>;
}

impl<E: Embedder> DynEmbedder for E {
    fn name(&self) -> &str {
        Embedder::name(self)
    }

    fn dimensions(&self) -> Option<usize> {
        Embedder::dimensions(self)
    }

    fn embed(&self, texts: Vec<String>) -> Answer<'_> {
        Box::pin(Embedder::embed(self, texts))
    }
}

/// What makes vectors of texts, whoever provides it: it belongs into a graph's
/// context, as a [`Model`](super::Model) does. Cloning it copies a pointer.
///
/// # Examples
///
/// ```
/// use superstep_providers::{EmbeddingModel, TestEmbedder};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = EmbeddingModel::new(TestEmbedder::new().on("cat", [1.0, 0.0]).on("dog", [0.0, 1.0]));
/// assert_eq!(model.embed(["dog", "cat"]).await?.vectors, [[0.0, 1.0], [1.0, 0.0]]);
/// assert_eq!(model.embed_one("cat").await?, [1.0, 0.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct EmbeddingModel(Arc<dyn DynEmbedder>);

impl EmbeddingModel {
    /// That one.
    pub fn new(embedder: impl Embedder) -> Self {
        Self(Arc::new(embedder))
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// How many numbers a vector has, if that is known.
    #[must_use]
    pub fn dimensions(&self) -> Option<usize> {
        self.0.dimensions()
    }

    /// A vector for each text, in the order of the texts; for none, nothing is asked.
    ///
    /// In a node, what it uses is counted for [`Run::usage`](superstep_core::Run::usage)
    /// and by the run's budget.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the request; what it has sent is counted.
    ///
    /// # Errors
    ///
    /// Why there are none; [`Decode`](ModelErrorKind::Decode) when there is not one
    /// for each text.
    pub async fn embed<T: Into<String>>(
        &self,
        texts: impl IntoIterator<Item = T>,
    ) -> Result<Embeddings, ModelError> {
        let texts: Vec<String> = texts.into_iter().map(Into::into).collect();
        if texts.is_empty() {
            return Ok(Embeddings::default());
        }
        self.embed_all(texts)
            .await
            .map_err(|error| error.or_model(self.name()))
    }

    /// The vector of one text.
    ///
    /// # Errors
    ///
    /// As [`embed`](Self::embed).
    pub async fn embed_one(&self, text: impl Into<String>) -> Result<Vec<f32>, ModelError> {
        let some = self.embed([text.into()]).await?;
        Ok(some.vectors.into_iter().next().unwrap_or_default())
    }

    async fn embed_all(&self, texts: Vec<String>) -> Result<Embeddings, ModelError> {
        let n_texts = texts.len();
        let mut metered = Metered::of_texts(&texts);
        metered.begin()?;
        let answered = self.0.embed(texts).await;
        let some = answered.inspect_err(|error| metered.fails(error))?;
        metered.has_used(some.usage);
        if some.vectors.len() != n_texts {
            let error = ModelError::new(ModelErrorKind::Decode);
            return Err(error.message("there is not one vector for each text"));
        }
        Ok(some)
    }
}

impl<E: Embedder> From<E> for EmbeddingModel {
    fn from(embedder: E) -> Self {
        Self::new(embedder)
    }
}

impl fmt::Debug for EmbeddingModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EmbeddingModel").field(&self.name()).finish()
    }
}
