//! Outcomes as JSON: what a ledger or a cache keeps of a task.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{InputType, Outcome, SendTo, Target};
use crate::state::State;

/// What a task came to, and how.
pub(crate) struct Written<O> {
    /// The version of the state, where nothing around says it.
    pub(crate) version: u32,
    pub(crate) attempts: u32,
    /// Whether it is the fallback's.
    pub(crate) fallback: bool,
    /// Of a task that a join waits for, its place in the order of ends.
    pub(crate) place: Option<u32>,
    /// And how it ended, if it did not succeed.
    pub(crate) ended: Option<WrittenEnd>,
    /// What graphs inside it are to remember of the thread: the runs know how that
    /// is written.
    pub(crate) memories: Option<Box<RawValue>>,
    /// The joins that have starved in it, if it is a graph: written likewise.
    pub(crate) starved: Option<Box<RawValue>>,
    pub(crate) outcome: O,
}

/// How a task ended that a join waits for.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WrittenEnd {
    Failed(String),
    /// With the target of the join whose time was over.
    TimedOut(String),
    Cancelled,
}

#[derive(Serialize, Deserialize)]
struct ResultBody<U> {
    attempts: u32,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    version: u32,
    #[serde(default, skip_serializing_if = "is_false")]
    fallback: bool,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    update: Option<U>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    goto: Vec<TargetBody>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<u32>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    ended: Option<WrittenEnd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memories: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starved: Option<Box<RawValue>>,
}

fn is_false(it: &bool) -> bool {
    !it
}

fn none<U>() -> Option<U> {
    None
}

fn one() -> u32 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_one(number: &u32) -> bool {
    *number == 1
}

#[derive(Default, Serialize, Deserialize)]
struct TargetBody {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    to: String,
    /// For a send, what was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<Box<RawValue>>,
    /// For one in the parent graph, what is gone to there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<Vec<Self>>,
}

/// Finds a worker by its name: of this graph, or of one so many levels up.
pub(crate) type FindWorker<'f> = dyn Fn(usize, &str) -> Option<InputType> + Sync + 'f;

/// Fails for what could not be read again.
pub(crate) fn write_outcome<S: State>(written: Written<&Outcome<S>>) -> serde_json::Result<String> {
    let goto = written.outcome.targets.iter().map(TargetBody::of);
    let json = serde_json::to_string(&ResultBody {
        attempts: written.attempts,
        version: written.version,
        fallback: written.fallback,
        update: written.outcome.update.as_ref(),
        goto: goto.collect::<serde_json::Result<_>>()?,
        place: written.place,
        ended: written.ended,
        memories: written.memories,
        starved: written.starved,
    })?;
    if has_null(&json) {
        read_update::<S>(&json)?;
    }
    Ok(json)
}

/// What was written.
pub(crate) fn read_outcome<S: State>(
    json: &str,
    worker: &FindWorker<'_>,
) -> Result<Written<Outcome<S>>, String> {
    let body: ResultBody<S::Update> =
        serde_json::from_str(json).map_err(|error| error.to_string())?;
    let targets = body.goto.into_iter().map(|target| target.read(0, worker));
    Ok(Written {
        attempts: body.attempts,
        version: body.version,
        fallback: body.fallback,
        place: body.place,
        ended: body.ended,
        memories: body.memories,
        starved: body.starved,
        outcome: Outcome {
            update: body.update,
            targets: targets.collect::<Result<_, _>>()?,
        },
    })
}

impl TargetBody {
    fn of(target: &Target) -> serde_json::Result<Self> {
        Ok(match target {
            Target::Node(name) => Self {
                to: name.to_string(),
                ..Self::default()
            },
            Target::Send(send) => Self {
                to: send.worker().to_owned(),
                input: Some(RawValue::from_string(send.input.write()?)?),
                parent: None,
            },
            Target::Parent(targets) => {
                let targets = targets.iter().map(Self::of);
                Self {
                    parent: Some(targets.collect::<serde_json::Result<_>>()?),
                    ..Self::default()
                }
            }
        })
    }

    fn read(self, depth: usize, worker: &FindWorker<'_>) -> Result<Target, String> {
        let Self { to, input, parent } = self;
        if let Some(parent) = parent {
            let targets = parent.into_iter();
            let targets = targets.map(|target| target.read(depth + 1, worker));
            return Ok(Target::Parent(targets.collect::<Result<_, _>>()?));
        }
        let Some(input) = input else {
            return Ok(Target::from(to));
        };
        let worker =
            worker(depth, &to).ok_or_else(|| format!("there is no worker `{to}` any more"))?;
        let input = (worker.read)(input.get())
            .map_err(|error| format!("`{to}` was sent what it does not take: {error}"))?;
        Ok(Target::Send(SendTo {
            worker: worker.worker,
            input,
        }))
    }
}

/// The update of an outcome that was written.
pub(crate) fn read_update<S: State>(json: &str) -> serde_json::Result<Option<S::Update>> {
    let body: ResultBody<S::Update> = serde_json::from_str(json)?;
    Ok(body.update)
}

/// The version of the state that an outcome was written with, where nothing around
/// says it.
pub(crate) fn version_of(json: &str) -> serde_json::Result<u32> {
    #[derive(Deserialize)]
    struct Version {
        #[serde(default = "one")]
        version: u32,
    }
    serde_json::from_str(json).map(|Version { version }| version)
}

/// Whether there may be a `null` in it: as that a float is written that is no
/// number, and what it is written for may not be read from it.
pub(crate) fn has_null(json: &str) -> bool {
    json.contains("null")
}
