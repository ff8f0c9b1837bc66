//! Outcomes as JSON: what a ledger or a cache keeps of a task.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{InputType, Outcome, SendTo, Target};
use crate::state::State;

/// An outcome, and after how many attempts it came.
#[derive(Serialize, Deserialize)]
struct ResultBody<U> {
    attempts: u32,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    update: Option<U>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    goto: Vec<TargetBody>,
}

fn none<U>() -> Option<U> {
    None
}

#[derive(Serialize, Deserialize)]
struct TargetBody {
    to: String,
    /// For a send, what was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<Box<RawValue>>,
}

/// Finds a worker by its name.
pub(crate) type Workers<'w> = dyn Fn(&str) -> Option<InputType> + 'w;

/// Fails for what could not be read again.
pub(crate) fn write_outcome<S: State>(
    attempts: u32,
    outcome: &Outcome<S>,
) -> serde_json::Result<String> {
    let goto = outcome.targets.iter().map(|target| {
        Ok(match target {
            Target::Node(name) => TargetBody {
                to: name.to_string(),
                input: None,
            },
            Target::Send(send) => TargetBody {
                to: send.worker().to_owned(),
                input: Some(RawValue::from_string(send.input.write()?)?),
            },
        })
    });
    let json = serde_json::to_string(&ResultBody {
        attempts,
        update: outcome.update.as_ref(),
        goto: goto.collect::<serde_json::Result<_>>()?,
    })?;
    if has_null(&json) {
        read_update::<S>(&json)?;
    }
    Ok(json)
}

/// An outcome that was written, with its attempts.
pub(crate) fn read_outcome<S: State>(
    json: &str,
    workers: &Workers<'_>,
) -> Result<(u32, Outcome<S>), String> {
    let body: ResultBody<S::Update> =
        serde_json::from_str(json).map_err(|error| error.to_string())?;
    let targets = body
        .goto
        .into_iter()
        .map(|target| read_target(target, workers));
    let outcome = Outcome {
        update: body.update,
        targets: targets.collect::<Result<_, _>>()?,
    };
    Ok((body.attempts, outcome))
}

fn read_target(target: TargetBody, workers: &Workers<'_>) -> Result<Target, String> {
    let TargetBody { to, input } = target;
    let Some(input) = input else {
        return Ok(Target::from(to));
    };
    let worker = workers(&to).ok_or_else(|| format!("there is no worker `{to}` any more"))?;
    let input = (worker.read)(input.get())
        .map_err(|error| format!("`{to}` was sent what it does not take: {error}"))?;
    Ok(Target::Send(SendTo {
        worker: worker.worker,
        input,
    }))
}

/// The update of an outcome that was written.
pub(crate) fn read_update<S: State>(json: &str) -> serde_json::Result<Option<S::Update>> {
    let body: ResultBody<S::Update> = serde_json::from_str(json)?;
    Ok(body.update)
}

/// Whether there may be a `null` in it: as that a float is written that is no
/// number, and what it is written for may not be read from it.
pub(crate) fn has_null(json: &str) -> bool {
    json.contains("null")
}
