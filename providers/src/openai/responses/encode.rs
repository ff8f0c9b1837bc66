//! A request as Responses has it.

use serde_json::{Map, Value, json};

use super::super::allowed::{Target, check, offered, unsupported};
use super::super::chat::{data_url, effort, number};
use super::super::strict::strict;
use crate::{
    Media, MediaSource, Message, ModelError, ModelRequest, OutputFormat, Part, Role, ToolChoice,
};

/// What of a model's own replies is put into the conversation as it came.
pub(super) const ITEM: &str = "responses_item";

/// The body of a request.
///
/// # Errors
///
/// When the interface has no way to say something of it.
pub(in super::super) fn body(
    request: &ModelRequest,
    target: &Target<'_>,
    streams: bool,
) -> Result<Value, ModelError> {
    check(request, target)?;
    let lacks = [
        (!request.stop.is_empty(), "`stop`"),
        (request.seed.is_some(), "`seed`"),
    ];
    if let Some((_, what)) = lacks.into_iter().find(|(asked, _)| *asked) {
        return Err(unsupported(what, "Responses"));
    }
    let mut input = Vec::new();
    for message in &request.messages {
        add(&mut input, message)?;
    }
    let mut body = Map::new();
    let mut set = |field: &str, value: Value| body.insert(field.to_owned(), value);
    set("model", target.model.into());
    set("input", input.into());
    set_tools(request, target, &mut set);
    if let Some(format) = format(&request.output) {
        set("text", json!({ "format": format }));
    }
    if let Some(temperature) = request.temperature {
        set("temperature", number(temperature));
    }
    if let Some(top_p) = request.top_p {
        set("top_p", number(top_p));
    }
    if let Some(max_tokens) = request.max_tokens {
        set("max_output_tokens", max_tokens.into());
    }
    if let Some(wanted) = request.effort {
        set("reasoning", json!({ "effort": effort(wanted) }));
    }
    for (field, value) in &request.extra {
        set(field, value.clone());
    }
    set("stream", streams.into());
    Ok(Value::Object(body))
}

fn set_tools(
    request: &ModelRequest,
    target: &Target<'_>,
    set: &mut impl FnMut(&str, Value) -> Option<Value>,
) {
    let tools = offered(request, target);
    if tools.is_empty() {
        return;
    }
    let tools = tools.iter().map(|tool| {
        json!({
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
            "strict": false,
        })
    });
    set("tools", tools.collect());
    let choice = match &request.tool_choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!("none")),
        ToolChoice::Required => Some(json!("required")),
        ToolChoice::Named(name) => Some(json!({ "type": "function", "name": name })),
    };
    if let Some(choice) = choice {
        set("tool_choice", choice);
    }
    if let Some(parallel) = request.parallel_tool_calls {
        set("parallel_tool_calls", parallel.into());
    }
}

fn format(output: &OutputFormat) -> Option<Value> {
    match output {
        OutputFormat::Text => None,
        OutputFormat::Json => Some(json!({ "type": "json_object" })),
        OutputFormat::Schema { name, schema } => {
            let (schema, strict) = strict(schema);
            let kind = "json_schema";
            Some(json!({ "type": kind, "name": name, "schema": schema, "strict": strict }))
        }
    }
}

/// A message is one item or several: calls and results stand by themselves.
fn add(input: &mut Vec<Value>, message: &Message) -> Result<(), ModelError> {
    let (role, kind) = match message.role {
        Role::System => ("system", "input_text"),
        Role::User | Role::Tool => ("user", "input_text"),
        Role::Assistant => ("assistant", "output_text"),
    };
    let mut content = Vec::new();
    // It knows no names: who of several users speaks stands before what they say.
    if let Some(name) = message.name.as_ref().filter(|_| role == "user") {
        content.push(json!({ "type": kind, "text": format!("{name}: ") }));
    }
    for part in &message.parts {
        match part {
            Part::Text { text } => content.push(json!({ "type": kind, "text": text })),
            Part::Refusal { text } => content.push(json!({ "type": "refusal", "refusal": text })),
            Part::Image(media) => content.push(image(media)),
            Part::File(media) => content.push(file(media)),
            Part::Audio(_) => return Err(unsupported("sound", "Responses")),
            Part::Reasoning(reasoning) => {
                let item = reasoning
                    .replay
                    .as_ref()
                    .and_then(|replay| replay.get(ITEM));
                if let Some(item) = item {
                    flush(input, role, &mut content);
                    input.push(item.clone());
                }
            }
            Part::ToolCall(call) => {
                flush(input, role, &mut content);
                input.push(json!({
                    "type": "function_call",
                    "call_id": call.id,
                    "name": call.name,
                    "arguments": call.arguments,
                }));
            }
            Part::ToolResult(result) => {
                flush(input, role, &mut content);
                input.push(json!({
                    "type": "function_call_output",
                    "call_id": result.call,
                    "output": result.content,
                }));
            }
        }
    }
    flush(input, role, &mut content);
    Ok(())
}

fn flush(input: &mut Vec<Value>, role: &str, content: &mut Vec<Value>) {
    if !content.is_empty() {
        let content = std::mem::take(content);
        input.push(json!({ "type": "message", "role": role, "content": content }));
    }
}

fn image(media: &Media) -> Value {
    match &media.source {
        MediaSource::Url(url) => json!({ "type": "input_image", "image_url": url }),
        MediaSource::Data(_) => {
            json!({ "type": "input_image", "image_url": data_url(media, "image/png") })
        }
        MediaSource::Id(id) => json!({ "type": "input_image", "file_id": id }),
    }
}

fn file(media: &Media) -> Value {
    match &media.source {
        MediaSource::Url(url) => json!({ "type": "input_file", "file_url": url }),
        MediaSource::Data(_) => json!({
            "type": "input_file",
            "filename": media.name.as_deref().unwrap_or("document.pdf"),
            "file_data": data_url(media, "application/pdf"),
        }),
        MediaSource::Id(id) => json!({ "type": "input_file", "file_id": id }),
    }
}
