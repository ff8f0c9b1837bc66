//! How a provider is asked.

use std::time::Duration;

/// How long each phase may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    pub(super) connect: Duration,
    pub(super) first_byte: Duration,
    pub(super) idle: Duration,
    pub(super) total: Duration,
}

/// What is asked of a provider, and so where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Chat,
    Responses,
    Embeddings,
}
