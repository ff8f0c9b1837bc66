//! Models for tests, which answer without a network, and what judges models.

mod automatic;
mod cassette;
mod embedder;
mod function;
#[doc(hidden)]
pub mod kit;
mod play;
mod sample;
mod script;

pub use automatic::TestModel;
pub use cassette::Cassette;
#[cfg(feature = "openai")]
pub use cassette::HttpCassette;
pub use embedder::TestEmbedder;
pub use function::FnModel;
pub use script::{Asked, Reply, ScriptedModel};
