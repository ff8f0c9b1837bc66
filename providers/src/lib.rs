//! The outside world of superstep: language models, where threads are kept and
//! how runs are shown. Use it through the crate `superstep`, which re-exports what is public
//! here.
//!
//! | feature | what it adds |
//! |---|---|
//! | `encryption` | `Encrypted`: what a checkpointer keeps, encrypted |
//! | `models` | `Model`: a language model, whoever provides it |
//! | `openai` | `OpenAi`: models of OpenAI and of what speaks like it |
//! | `postgres` | `Postgres`: threads in a database |
//! | `postgres-tls` | TLS for `Postgres` |
//! | `progress` | `Progress`: a run as it goes on, on a terminal |
//! | `sqlite` | `Sqlite`: threads in a file |
//! | `testing` | with `models`: `ScriptedModel`, other models for tests, and a kit that judges models |

// One module a back end; none names another.
#[cfg(feature = "models")]
mod chat;
#[cfg(feature = "encryption")]
mod encryption;
#[cfg(feature = "openai")]
mod openai;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "progress")]
mod progress;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(all(feature = "models", feature = "testing"))]
mod testing;
#[cfg(any(feature = "openai", feature = "postgres-tls"))]
mod tls;

#[cfg(feature = "models")]
pub use chat::{
    Capabilities, ChatModel, Delta, Effort, Embedder, EmbeddingModel, Embeddings, Extract,
    ExtractBy, Extracted, Finish, Media, MediaSource, Message, MessageFields, Messages,
    MessagesUpdate, Model, ModelError, ModelErrorKind, ModelPhase, ModelRequest, ModelResponse,
    ModelStream, OutOfBounds, OutputFormat, Part, PartialResponse, Reasoning, Role, TokenUsage,
    ToolCall, ToolChoice, ToolResult, ToolSpec, ToolSpecs, check_bounds, check_requests,
    forbid_requests,
};
#[cfg(feature = "encryption")]
pub use encryption::{Encrypted, Key, Keys};
#[cfg(feature = "openai")]
pub use openai::{OpenAi, OpenAiEmbedder};
#[cfg(feature = "postgres")]
pub use postgres::{Postgres, PostgresOptions};
#[cfg(feature = "progress")]
pub use progress::Progress;
#[cfg(feature = "sqlite")]
pub use sqlite::{Sqlite, SqliteOptions};
#[cfg(all(feature = "openai", feature = "testing"))]
pub use testing::HttpCassette;
#[cfg(all(feature = "models", feature = "testing"))]
#[doc(hidden)]
pub use testing::kit as __model_kit;
#[cfg(all(feature = "models", feature = "testing"))]
pub use testing::{Asked, Cassette, FnModel, Reply, ScriptedModel, TestEmbedder, TestModel};
