//! Language models, whoever provides them: what is said to them, what they
//! answer, and how they are asked. No back end is named here.

mod call;
mod embed;
mod error;
mod extract;
mod fallback;
mod forbid;
mod media;
mod message;
mod messages;
mod model;
mod request;
mod response;
mod specs;
mod stream;
mod strict;
#[cfg(feature = "openai")]
mod tape;
mod usage;

#[cfg(feature = "openai")]
pub(crate) use call::Metered;
pub use embed::{Embedder, EmbeddingModel, Embeddings};
pub use error::{ModelError, ModelErrorKind, ModelPhase};
#[cfg(feature = "testing")]
pub(crate) use extract::EXPLAINS;
pub use extract::{Extract, ExtractBy, Extracted, OutOfBounds, check_bounds};
#[cfg(feature = "openai")]
pub(crate) use forbid::is_here;
pub use forbid::{check_requests, forbid_requests};
pub use media::{Media, MediaSource};
pub use message::{Message, MessageFields, Part, Reasoning, Role, ToolCall, ToolResult};
pub use messages::{Messages, MessagesUpdate};
pub use model::{Capabilities, ChatModel, Model};
pub use request::{Effort, ModelRequest, OutputFormat, ToolChoice, ToolSpec};
pub use response::{Delta, Finish, ModelResponse, PartialResponse};
pub use specs::ToolSpecs;
pub use stream::ModelStream;
#[cfg(feature = "openai")]
pub(crate) use strict::{LeftOut, strict};
#[cfg(all(feature = "openai", feature = "testing"))]
pub(crate) use tape::Kept;
#[cfg(feature = "openai")]
pub(crate) use tape::{HttpAnswer, HttpBody, HttpRequest, HttpTape};
pub use usage::TokenUsage;
