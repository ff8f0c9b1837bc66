//! From a reply to what happens.

use std::collections::VecDeque;

use superstep_core::CurrentAttempt;

use super::super::play::{Step, count, fit, steps as played};
use super::reply::{How, What};
use super::{Asked, Reply, ScriptedModel};
use crate::{
    Message, ModelError, ModelErrorKind, ModelRequest, ModelResponse, Part, Role, TokenUsage,
    ToolCall,
};

/// The steps of that reply to what was asked.
pub(super) fn steps(
    model: &ScriptedModel,
    reply: &Reply,
    asked: &Asked,
) -> Result<VecDeque<Step>, ModelError> {
    let request = &asked.request;
    let (what, how) = chosen(reply, request)?;
    let mut steps = VecDeque::from([Step::Wait(how.latency.unwrap_or(model.latency))]);
    let response = match what {
        What::Fails(error) => {
            let mut error = copy(&error);
            error.usage = how.usage.or(error.usage);
            steps.push_back(Step::Fail(error));
            return Ok(steps);
        }
        What::Never => {
            steps.push_back(Step::Hang);
            return Ok(steps);
        }
        What::Answer(response) => *response,
        What::Calls(calls) => called(calls, turn(request)),
        What::With(_) | What::Turns(_) | What::Attempts(_) => ModelResponse::text(""),
    };
    steps.extend(answered(model, response, how, request));
    Ok(steps)
}

/// The reply that is meant, by the request and the attempt. What is said of the
/// inner one counts.
fn chosen(reply: &Reply, request: &ModelRequest) -> Result<(What, How), ModelError> {
    let mut reply = reply.clone();
    loop {
        let inner = match &reply.what {
            What::With(with) => with(request),
            What::Turns(turns) => match turns.get(turn(request)) {
                Some(reply) => reply.clone(),
                None => return Err(over(turns.len(), turn(request))),
            },
            What::Attempts(attempts) => {
                let attempt = CurrentAttempt::get().number() as usize;
                let chosen = attempts.get(attempt - 1).or(attempts.last());
                chosen.ok_or_else(|| over(0, 0))?.clone()
            }
            What::Answer(_) | What::Calls(_) | What::Fails(_) | What::Never => {
                return Ok((reply.what, reply.how));
            }
        };
        reply = Reply {
            what: inner.what,
            how: How {
                latency: inner.how.latency.or(reply.how.latency),
                usage: inner.how.usage.or(reply.how.usage),
                finish: inner.how.finish.or(reply.how.finish),
                cut: inner.how.cut.or(reply.how.cut),
            },
        };
    }
}

/// How often the model has spoken in the conversation.
fn turn(request: &ModelRequest) -> usize {
    let messages = request.messages.iter();
    messages
        .filter(|message| message.role == Role::Assistant)
        .count()
}

fn over(n_turns: usize, turn: usize) -> ModelError {
    let error = ModelError::new(ModelErrorKind::BadRequest);
    error.message(format!(
        "its rule has {n_turns} turn(s), and the model has spoken {turn} time(s)"
    ))
}

fn called(calls: Vec<(String, serde_json::Value)>, turn: usize) -> ModelResponse {
    let mut message = Message::new(Role::Assistant);
    for (index, (name, arguments)) in calls.into_iter().enumerate() {
        message = message.part(Part::ToolCall(ToolCall {
            id: format!("call-{turn}-{index}"),
            name,
            arguments: arguments.to_string(),
        }));
    }
    ModelResponse::new(message)
}

/// An answer as the request wants it: not too long, and ending where it is to stop.
fn answered(
    model: &ScriptedModel,
    mut response: ModelResponse,
    how: How,
    request: &ModelRequest,
) -> VecDeque<Step> {
    if let Some(finish) = how.finish {
        response.finish = finish;
    }
    let length = fit(&mut response, request);
    let cut = how.cut.or(length);
    if let Some(usage) = how.usage {
        response.usage = usage;
    } else if response.usage == TokenUsage::default() {
        let sent = request.messages.iter();
        let sent = sent.map(|message| count(&message.parts)).sum();
        response.usage = TokenUsage::new(sent, count(&response.message.parts));
    }
    let (name, id) = (model.name.clone(), id(request));
    response.model.get_or_insert(name);
    response.id.get_or_insert(id);
    played(response, model.pace, cut)
}

/// By the request alone, with FNV-1a.
fn id(request: &ModelRequest) -> String {
    let json = serde_json::to_vec(request).unwrap_or_default();
    let hash = json.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("scripted-{hash:016x}")
}

/// The same error, as far as it can be copied.
fn copy(error: &ModelError) -> ModelError {
    let mut copy = ModelError::new(error.kind.clone());
    copy.model.clone_from(&error.model);
    copy.status = error.status;
    copy.code.clone_from(&error.code);
    copy.message.clone_from(&error.message);
    copy.request_id.clone_from(&error.request_id);
    copy.body.clone_from(&error.body);
    copy.usage = error.usage;
    copy.should_retry = error.should_retry;
    copy
}
