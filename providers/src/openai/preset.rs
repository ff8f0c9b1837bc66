//! What the interfaces that are like OpenAI's have of their own.

use crate::Capabilities;

/// An interface like OpenAI's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    /// Whose it is, for errors.
    pub(super) name: &'static str,
    /// Where it is found, if that is always the same.
    pub(super) base: Option<&'static str>,
    /// The environment variable that holds its key, if it has one.
    pub(super) key: Option<&'static str>,
    /// What the limit of an answer's tokens is called.
    pub(super) max_tokens: &'static str,
    /// How what was thought is sent back.
    pub(super) thoughts: Thoughts,
    /// What it does not know, ignores in silence or refuses.
    pub(super) lacks: &'static [Field],
    pub(super) capabilities: Capabilities,
}

/// How what a model has thought is sent back to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thoughts {
    /// It is not.
    Kept,
    /// As text in that field of its message.
    Text(&'static str),
    /// As the provider gave it, in the fields of its message and of its calls.
    AsGiven,
}

/// A field of a request that not every interface knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Effort,
    ImageUrl,
    ParallelToolCalls,
    Seed,
    Stop,
    ToolChoice,
}

impl Field {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Effort => "`effort`",
            Self::ImageUrl => "a picture's URL",
            Self::ParallelToolCalls => "`parallel_tool_calls`",
            Self::Seed => "`seed`",
            Self::Stop => "`stop`",
            Self::ToolChoice => "`tool_choice`",
        }
    }
}

pub(super) const OPENAI: Dialect = Dialect {
    name: "OpenAI",
    base: Some("https://api.openai.com/v1"),
    key: Some("OPENAI_API_KEY"),
    max_tokens: "max_completion_tokens",
    thoughts: Thoughts::Kept,
    lacks: &[],
    capabilities: Capabilities::all(),
};

/// Of a server about which nothing is known but its address.
pub(super) const COMPATIBLE: Dialect = Dialect {
    name: "this server",
    base: None,
    key: None,
    max_tokens: "max_tokens",
    ..OPENAI
};

pub(super) const OLLAMA: Dialect = Dialect {
    name: "Ollama",
    base: Some("http://localhost:11434/v1"),
    lacks: &[Field::ImageUrl, Field::ParallelToolCalls, Field::ToolChoice],
    capabilities: Capabilities {
        audio: false,
        files: false,
        ..Capabilities::all()
    },
    ..COMPATIBLE
};

pub(super) const VLLM: Dialect = Dialect {
    name: "vLLM",
    thoughts: Thoughts::Text("reasoning_content"),
    ..COMPATIBLE
};

pub(super) const GEMINI: Dialect = Dialect {
    name: "Gemini",
    base: Some("https://generativelanguage.googleapis.com/v1beta/openai"),
    key: Some("GEMINI_API_KEY"),
    thoughts: Thoughts::AsGiven,
    lacks: &[Field::ParallelToolCalls, Field::Seed],
    capabilities: Capabilities {
        files: false,
        ..Capabilities::all()
    },
    ..COMPATIBLE
};

pub(super) const AZURE: Dialect = Dialect {
    name: "Azure",
    base: None,
    key: Some("AZURE_OPENAI_API_KEY"),
    ..OPENAI
};

pub(super) const OPEN_ROUTER: Dialect = Dialect {
    name: "OpenRouter",
    base: Some("https://openrouter.ai/api/v1"),
    key: Some("OPENROUTER_API_KEY"),
    thoughts: Thoughts::AsGiven,
    ..COMPATIBLE
};

pub(super) const DEEP_SEEK: Dialect = Dialect {
    name: "DeepSeek",
    base: Some("https://api.deepseek.com/v1"),
    key: Some("DEEPSEEK_API_KEY"),
    thoughts: Thoughts::Text("reasoning_content"),
    lacks: &[Field::Effort, Field::ParallelToolCalls, Field::Seed],
    capabilities: Capabilities {
        schema: false,
        images: false,
        audio: false,
        files: false,
        ..Capabilities::all()
    },
    ..COMPATIBLE
};

pub(super) const ANTHROPIC: Dialect = Dialect {
    name: "Anthropic",
    base: Some("https://api.anthropic.com/v1"),
    key: Some("ANTHROPIC_API_KEY"),
    lacks: &[Field::Effort, Field::Seed],
    capabilities: Capabilities {
        schema: false,
        json: false,
        audio: false,
        files: false,
        ..Capabilities::all()
    },
    ..COMPATIBLE
};
