//! What agents tell each other of where to go on, beside what they say.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize, Serializer};
use superstep_core::{IntoUpdate, Reducer};
use superstep_providers::{Message, ToolCall};

use super::values::{Change, is_kept};

/// Which loops an agent ends; see [`Session::escalate`](super::Session::escalate).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Escalate {
    /// The innermost around it.
    Loop,
    /// The one of that name, and those inside it. If there is none of that name around
    /// it, the run fails when its round ends or the next loop begins.
    Named(String),
    /// All around it.
    All,
}

/// Where the agents of a session stand; also the reducer of that. Only they read
/// and write it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Flow {
    /// For each agent that hands on, by name, who had the floor last.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    active: BTreeMap<String, String>,
    /// To whom the agent at work hands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer: Option<String>,
    /// Which loops are to end. Each takes out what is meant for it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    escalations: BTreeSet<Escalate>,
    /// How often loops have begun again, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    rounds: BTreeMap<String, u32>,
    /// What branches came to that wait for the others, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    branches: BTreeMap<String, Branch>,
    /// In a branch, how many messages there were before it.
    #[serde(skip_serializing_if = "is_zero")]
    inherited: usize,
    /// The agent whose answer a function of the program has given.
    #[serde(skip_serializing_if = "Option::is_none")]
    given: Option<String>,
    /// In an agent that is called as a tool, the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    called: Option<ToolCall>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// What a branch came to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Branch {
    pub(super) messages: Vec<Message>,
    #[serde(serialize_with = "kept")]
    pub(super) changes: Vec<Change>,
    pub(super) active: BTreeMap<String, String>,
    pub(super) escalations: BTreeSet<Escalate>,
}

/// What a branch begins with: who has the floor, the loops around it, and how many
/// messages there were before it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Inherited {
    messages: usize,
    active: BTreeMap<String, String>,
    rounds: BTreeMap<String, u32>,
}

/// Changes without those of what is temporary.
fn kept<S: Serializer>(changes: &[Change], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(changes.iter().filter(|change| is_kept(change.key())))
}

/// What is done to a [`Flow`], in order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FlowUpdate(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// A turn of the user begins.
    Turn,
    /// Of that group, this agent has the floor.
    Active(String, String),
    Transfer(String),
    /// Who is handed on to has begun.
    Transferred,
    Escalate(Escalate),
    /// The loop begins.
    Begin(String),
    /// The loop begins again.
    Again(String),
    /// The loop ends, and what was meant for it is done.
    Leave(String),
    /// A branch has ended.
    Branch(String, Box<Branch>),
    /// These branches are merged.
    Merged(Vec<String>),
    /// A branch begins.
    Inherit(Inherited),
    Call(ToolCall),
    /// A function of the program has given this agent's answer.
    Given(String),
    /// It is kept.
    Kept,
}

impl From<Step> for FlowUpdate {
    fn from(step: Step) -> Self {
        Self(vec![step])
    }
}

impl IntoUpdate<FlowUpdate> for Step {
    fn into_update(self) -> FlowUpdate {
        self.into()
    }
}

impl Reducer<Self> for Flow {
    type Update = FlowUpdate;

    fn reduce(flow: &mut Self, FlowUpdate(steps): FlowUpdate) {
        for step in steps {
            flow.step(step);
        }
    }
}

impl Flow {
    fn step(&mut self, step: Step) {
        match step {
            Step::Turn => {
                let active = std::mem::take(&mut self.active);
                *self = Self {
                    active,
                    ..Self::default()
                };
            }
            Step::Active(group, agent) => {
                self.active.insert(group, agent);
            }
            Step::Transfer(to) => self.transfer = Some(to),
            Step::Transferred => self.transfer = None,
            Step::Escalate(scope) => {
                self.escalations.insert(scope);
            }
            Step::Begin(name) => {
                self.rounds.insert(name, 0);
                self.escalations.clear();
            }
            Step::Again(name) => *self.rounds.entry(name).or_default() += 1,
            Step::Leave(name) => {
                self.rounds.remove(&name);
                self.escalations.remove(&Escalate::Loop);
                self.escalations.remove(&Escalate::Named(name));
            }
            Step::Branch(name, branch) => {
                self.branches.insert(name, *branch);
            }
            Step::Merged(names) => {
                for name in names {
                    if let Some(branch) = self.branches.remove(&name) {
                        self.active.extend(branch.active);
                        self.escalations.extend(branch.escalations);
                    }
                }
            }
            Step::Inherit(inherited) => {
                self.inherited = inherited.messages;
                self.active = inherited.active;
                self.rounds = inherited.rounds;
            }
            Step::Call(call) => self.called = Some(call),
            Step::Given(agent) => self.given = Some(agent),
            Step::Kept => self.given = None,
        }
    }

    pub(super) fn active(&self, group: &str) -> Option<&str> {
        self.active.get(group).map(String::as_str)
    }

    /// What a branch begins with, after so many messages.
    pub(super) fn inherit(&self, messages: usize) -> Step {
        Step::Inherit(Inherited {
            messages,
            active: self.active.clone(),
            rounds: self.rounds.clone(),
        })
    }

    pub(super) fn all_active(&self) -> &BTreeMap<String, String> {
        &self.active
    }

    pub(super) fn transfer(&self) -> Option<&str> {
        self.transfer.as_deref()
    }

    /// Whether a loop is to end.
    pub(super) fn escalates(&self) -> bool {
        !self.escalations.is_empty()
    }

    pub(super) fn escalations(&self) -> &BTreeSet<Escalate> {
        &self.escalations
    }

    /// Whether each loop that is to end has begun and has not ended, as is told of
    /// that place.
    pub(super) fn ends_loops(&self, place: &str) -> Result<(), NoSuchLoop> {
        let lost = self.escalations.iter().find(|scope| match scope {
            Escalate::Loop => self.rounds.is_empty(),
            Escalate::Named(name) => !self.rounds.contains_key(name),
            // There may be none.
            Escalate::All => false,
        });
        let Some(scope) = lost else { return Ok(()) };
        let name = match scope {
            Escalate::Named(name) => format!(" `{name}`"),
            Escalate::Loop | Escalate::All => String::new(),
        };
        let loops: Vec<_> = self.rounds.keys().map(|name| format!("`{name}`")).collect();
        let place = place.to_owned();
        let loops = loops.join(", ");
        Err(NoSuchLoop { name, place, loops })
    }

    pub(super) fn rounds(&self, name: &str) -> u32 {
        self.rounds.get(name).copied().unwrap_or_default()
    }

    pub(super) fn branch(&self, name: &str) -> Option<&Branch> {
        self.branches.get(name)
    }

    pub(super) fn inherited(&self) -> usize {
        self.inherited
    }

    pub(super) fn given(&self) -> Option<&str> {
        self.given.as_deref()
    }

    pub(super) fn called(&self) -> Option<&ToolCall> {
        self.called.as_ref()
    }
}

/// A loop is to end that is none.
#[derive(Debug, thiserror::Error)]
#[error("there is no loop{name} to end {place}{}", but(loops))]
pub(super) struct NoSuchLoop {
    name: String,
    place: String,
    loops: String,
}

fn but(loops: &str) -> String {
    match loops.is_empty() {
        true => String::new(),
        false => format!(", but {loops}"),
    }
}
