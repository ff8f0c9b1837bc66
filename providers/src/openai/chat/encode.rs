//! A request as Chat Completions has it.

use serde_json::{Map, Value, json};

use super::super::allowed::{Target, check, offered, unsupported};
use super::super::preset::Thoughts;
use super::super::strict::strict;
use crate::{
    Effort, Media, MediaSource, Message, ModelError, ModelRequest, OutputFormat, Part, Role,
    ToolChoice, ToolSpec,
};

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
    let mut messages = Vec::new();
    for message in &request.messages {
        add(&mut messages, message, target)?;
    }
    let mut body = Map::new();
    let mut set = |field: &str, value: Value| body.insert(field.to_owned(), value);
    set("model", target.model.into());
    set("messages", messages.into());
    set_tools(request, target, &mut set);
    if let Some(format) = format(&request.output) {
        set("response_format", format);
    }
    if let Some(temperature) = request.temperature {
        set("temperature", number(temperature));
    }
    if let Some(top_p) = request.top_p {
        set("top_p", number(top_p));
    }
    if let Some(max_tokens) = request.max_tokens {
        set(target.dialect.max_tokens, max_tokens.into());
    }
    if !request.stop.is_empty() {
        set("stop", json!(request.stop));
    }
    if let Some(seed) = request.seed {
        set("seed", seed.into());
    }
    if let Some(wanted) = request.effort {
        set("reasoning_effort", effort(wanted).into());
    }
    for (field, value) in &request.extra {
        set(field, value.clone());
    }
    // Not left to async-openai, which sets it or not by a feature of its own.
    set("stream", streams.into());
    if streams {
        set("stream_options", json!({ "include_usage": true }));
    }
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
        let ToolSpec {
            name,
            description,
            parameters,
        } = tool;
        let function =
            json!({ "name": name, "description": description, "parameters": parameters });
        json!({ "type": "function", "function": function })
    });
    set("tools", tools.collect());
    let choice = match &request.tool_choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!("none")),
        ToolChoice::Required => Some(json!("required")),
        ToolChoice::Named(name) => {
            Some(json!({ "type": "function", "function": { "name": name } }))
        }
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
            let format = json!({ "name": name, "schema": schema, "strict": strict });
            Some(json!({ "type": "json_schema", "json_schema": format }))
        }
    }
}

pub(in super::super) fn effort(effort: Effort) -> &'static str {
    match effort {
        Effort::None => "none",
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
    }
}

/// As people write it: 0.7, and not what the next float to it is.
pub(in super::super) fn number(n: f32) -> Value {
    let text: Option<f64> = n.to_string().parse().ok();
    text.unwrap_or_else(|| n.into()).into()
}

fn add(
    messages: &mut Vec<Value>,
    message: &Message,
    target: &Target<'_>,
) -> Result<(), ModelError> {
    let mut object = match message.role {
        Role::Tool => {
            for part in &message.parts {
                messages.push(result(part, target)?);
            }
            return Ok(());
        }
        Role::System => json!({ "role": "system", "content": words(message, target)? }),
        Role::User => json!({ "role": "user", "content": content(message, target)? }),
        Role::Assistant => assistant(message, target)?,
    };
    if let Some(name) = &message.name {
        object["name"] = name.as_str().into();
    }
    messages.push(object);
    Ok(())
}

fn result(part: &Part, target: &Target<'_>) -> Result<Value, ModelError> {
    match part {
        Part::ToolResult(result) => Ok(json!({
            "role": "tool",
            "tool_call_id": result.call,
            "content": result.content,
        })),
        other => Err(misplaced(other, "a message of a tool", target)),
    }
}

fn words(message: &Message, target: &Target<'_>) -> Result<String, ModelError> {
    let not_text = |part: &&Part| !matches!(part, Part::Text { .. });
    match message.parts.iter().find(not_text) {
        None => Ok(message.text()),
        Some(part) => Err(misplaced(part, "a system message", target)),
    }
}

fn misplaced(part: &Part, place: &str, target: &Target<'_>) -> ModelError {
    let what = match part {
        Part::Text { .. } => "text",
        Part::Image(_) => "a picture",
        Part::Audio(_) => "sound",
        Part::File(_) => "a document",
        Part::Reasoning(_) => "a thought",
        Part::Refusal { .. } => "a refusal",
        Part::ToolCall(_) => "a call of a tool",
        Part::ToolResult(_) => "a tool's result",
    };
    unsupported(&format!("{what} in {place}"), target.dialect.name)
}

/// What a user says: text, or a list of parts.
fn content(message: &Message, target: &Target<'_>) -> Result<Value, ModelError> {
    if let [Part::Text { text }] = &*message.parts {
        return Ok(text.as_str().into());
    }
    let parts = message.parts.iter().map(|part| match part {
        Part::Text { text } => Ok(json!({ "type": "text", "text": text })),
        Part::Image(media) => {
            let url = url(media, "a picture by its id", target)?;
            Ok(json!({ "type": "image_url", "image_url": { "url": url } }))
        }
        Part::Audio(media) => audio(media, target),
        Part::File(media) => file(media, target),
        other => Err(misplaced(other, "a message of a user", target)),
    });
    parts.collect()
}

fn url(media: &Media, otherwise: &str, target: &Target<'_>) -> Result<String, ModelError> {
    match &media.source {
        MediaSource::Url(url) => Ok(url.clone()),
        MediaSource::Data(_) => Ok(data_url(media, "image/png")),
        MediaSource::Id(_) => Err(unsupported(otherwise, target.dialect.name)),
    }
}

/// Data as a URL.
pub(in super::super) fn data_url(media: &Media, mime: &str) -> String {
    let mime = media.mime.as_deref().unwrap_or(mime);
    let data = media.to_base64().unwrap_or_default();
    format!("data:{mime};base64,{data}")
}

fn audio(media: &Media, target: &Target<'_>) -> Result<Value, ModelError> {
    let Some(data) = media.to_base64() else {
        let what = "sound that is not sent along";
        return Err(unsupported(what, target.dialect.name));
    };
    let format = match media.mime.as_deref().unwrap_or("audio/wav") {
        "audio/mpeg" | "audio/mp3" => "mp3",
        mime => mime.rsplit(['/', '-']).next().unwrap_or(mime),
    };
    Ok(json!({ "type": "input_audio", "input_audio": { "data": data, "format": format } }))
}

fn file(media: &Media, target: &Target<'_>) -> Result<Value, ModelError> {
    let file = match &media.source {
        MediaSource::Id(id) => json!({ "file_id": id }),
        MediaSource::Data(_) => json!({
            "filename": media.name.as_deref().unwrap_or("document.pdf"),
            "file_data": data_url(media, "application/pdf"),
        }),
        MediaSource::Url(_) => return Err(unsupported("a document's URL", target.dialect.name)),
    };
    Ok(json!({ "type": "file", "file": file }))
}

/// What the model said before.
fn assistant(message: &Message, target: &Target<'_>) -> Result<Value, ModelError> {
    let mut thoughts = String::new();
    let mut given = Map::new();
    let mut calls = Vec::new();
    for part in &message.parts {
        match part {
            Part::Text { .. } | Part::Refusal { .. } => {}
            Part::Reasoning(reasoning) => {
                thoughts.push_str(&reasoning.text);
                if let Some(Value::Object(replay)) = &reasoning.replay {
                    given.extend(replay.clone());
                }
            }
            Part::ToolCall(call) => calls.push(json!({
                "id": call.id,
                "type": "function",
                "function": { "name": call.name, "arguments": call.arguments },
            })),
            other => return Err(misplaced(other, "a message of the model", target)),
        }
    }
    let text = message.text();
    let content = match text.is_empty() && !calls.is_empty() {
        true => Value::Null,
        false => text.into(),
    };
    let mut object = json!({ "role": "assistant", "content": content });
    if let Some(words) = message.refusal() {
        object["refusal"] = words.into();
    }
    match target.dialect.thoughts {
        Thoughts::Kept => {}
        Thoughts::Text(field) => {
            if !thoughts.is_empty() {
                object[field] = thoughts.into();
            }
        }
        Thoughts::AsGiven => replay(&mut object, &mut calls, given),
    }
    if !calls.is_empty() {
        object["tool_calls"] = calls.into();
    }
    Ok(object)
}

/// Puts back what the provider gave: fields of the message, and under
/// `extra_content` what belongs to calls, by their ids.
fn replay(object: &mut Value, calls: &mut [Value], mut given: Map<String, Value>) {
    if let Some(Value::Object(mut of_calls)) = given.remove("extra_content") {
        for call in calls {
            let id = call["id"].as_str().unwrap_or_default();
            if let Some(extra) = of_calls.remove(id) {
                call["extra_content"] = extra;
            }
        }
    }
    for (field, value) in given {
        object[field] = value;
    }
}
