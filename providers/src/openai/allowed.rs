//! Whether a request can be put to an interface: what it cannot do is an error,
//! and never left out in silence.

use super::preset::{Dialect, Field};
use crate::{
    Capabilities, MediaSource, ModelError, ModelErrorKind, ModelRequest, OutputFormat, Part,
    ToolChoice, ToolSpec,
};

/// Who is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) model: &'a str,
    pub(super) dialect: &'a Dialect,
    pub(super) capabilities: Capabilities,
}

pub(super) fn unsupported(what: &str, whose: &str) -> ModelError {
    ModelError::new(ModelErrorKind::Unsupported).message(format!("{whose} does not take {what}"))
}

/// The tools that the interface is told of: none that must not be called, where it
/// cannot be told so.
pub(super) fn offered<'a>(request: &'a ModelRequest, target: &Target<'_>) -> &'a [ToolSpec] {
    let cannot_be_told = target.dialect.lacks.contains(&Field::ToolChoice);
    match request.tool_choice {
        ToolChoice::None if cannot_be_told => &[],
        _ => &request.tools,
    }
}

/// What this crate puts into a body itself, since its reading depends on it.
const OURS: [&str; 4] = ["stream", "stream_options", "messages", "input"];

/// # Errors
///
/// [`ModelErrorKind::Unsupported`] says what of it cannot be done.
pub(super) fn check(request: &ModelRequest, target: &Target<'_>) -> Result<(), ModelError> {
    let can = target.capabilities;
    let lacks = |field: Field| target.dialect.lacks.contains(&field);
    let parts = || request.messages.iter().flat_map(|message| &message.parts);
    let has = |is: fn(&Part) -> bool| parts().any(is);
    let url = |part: &Part| matches!(part, Part::Image(media) if matches!(media.source, MediaSource::Url(_)));
    let schema = matches!(request.output, OutputFormat::Schema { .. });
    let asked = [
        (!can.tools && !request.tools.is_empty(), "tools"),
        (!can.schema && schema, "a schema for its answer"),
        (
            !can.json && request.output == OutputFormat::Json,
            "the wish for an answer in JSON",
        ),
        (
            !can.images && has(|part| matches!(part, Part::Image(_))),
            "pictures",
        ),
        (
            !can.audio && has(|part| matches!(part, Part::Audio(_))),
            "sound",
        ),
        (
            !can.files && has(|part| matches!(part, Part::File(_))),
            "documents",
        ),
    ];
    let fields = [
        (Field::Effort, request.effort.is_some()),
        (Field::ImageUrl, parts().any(url)),
        (
            Field::ParallelToolCalls,
            request.parallel_tool_calls.is_some(),
        ),
        (Field::Seed, request.seed.is_some()),
        (Field::Stop, !request.stop.is_empty()),
        // By `offered` none is called without it.
        (
            Field::ToolChoice,
            !matches!(request.tool_choice, ToolChoice::Auto | ToolChoice::None),
        ),
    ];
    let asked = asked.into_iter().find(|(asked, _)| *asked);
    let asked = asked.map(|(_, what)| what).or_else(|| {
        let field = fields.into_iter().find(|&(field, set)| set && lacks(field));
        field.map(|(field, _)| field.name())
    });
    if let Some(what) = asked {
        return Err(unsupported(what, target.dialect.name));
    }
    match OURS
        .into_iter()
        .find(|field| request.extra.contains_key(*field))
    {
        None => Ok(()),
        Some(field) => Err(unsupported(
            &format!("`{field}` as an extra field"),
            "this crate",
        )),
    }
}
