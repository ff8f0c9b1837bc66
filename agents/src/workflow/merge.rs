//! How parallel branches become one.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use superstep_core::{Arrival, Arrivals, NodeError, NodeResult};

use super::agent::Agent;
use super::flow::{Branch, Step};
use super::outline::{Outline, failed_key};
use super::parallel::BranchFailure;
use super::values::{Change, Changes};
use super::{Session, SessionUpdate};

/// The branches of a parallel agent, in its order.
pub(super) struct Merge {
    name: String,
    branches: Vec<Expected>,
    on_failure: BranchFailure,
}

struct Expected {
    name: String,
    /// The keys that it declares.
    keys: Vec<String>,
}

impl Merge {
    pub(super) fn of<C>(name: &str, agents: &[Agent<C>], on_failure: BranchFailure) -> Self {
        let branches = agents.iter().map(|agent| {
            let outline = Outline::of(agent);
            let keys = outline.written().into_iter().map(|(key, _)| key.to_owned());
            Expected {
                keys: keys.collect(),
                name: outline.name.clone(),
            }
        });
        Self {
            name: name.to_owned(),
            branches: branches.collect(),
            on_failure,
        }
    }

    pub(super) fn branches(&self) -> Vec<String> {
        self.branches
            .iter()
            .map(|branch| branch.name.clone())
            .collect()
    }

    /// What all branches came to, in the order of declaration.
    pub(super) fn merge(
        &self,
        session: &Session,
        arrivals: &Arrivals,
    ) -> NodeResult<SessionUpdate> {
        let mut messages = Vec::new();
        let mut changes = Vec::new();
        let mut writers = Writers::default();
        for expected in &self.branches {
            match session.flow.branch(&expected.name) {
                Some(branch) => {
                    writers.check(&self.name, &expected.name, branch)?;
                    messages.extend_from_slice(&branch.messages);
                    changes.extend_from_slice(&branch.changes);
                }
                None => {
                    let unwritten = expected.keys.iter();
                    changes.extend(unwritten.map(|key| Change::set(key, Value::Null)));
                }
            }
        }
        if self.on_failure == BranchFailure::Continue {
            changes.push(Change::set(failed_key(&self.name), self.failed(arrivals)));
        }
        Ok(Session::update()
            .messages(messages)
            .values(Changes::of(changes))
            .flow(Step::Merged(self.branches())))
    }

    /// Who has failed, and why.
    fn failed(&self, arrivals: &Arrivals) -> Value {
        let failed = self.branches.iter().filter_map(|branch| {
            let why = match arrivals.get(&branch.name)? {
                Arrival::Done => return None,
                Arrival::Failed(why) => why.clone(),
                other => other.to_string(),
            };
            Some((branch.name.clone(), Value::from(why)))
        });
        let failed: Map<String, Value> = failed.collect();
        match failed.is_empty() {
            true => Value::Null,
            false => failed.into(),
        }
    }
}

/// Which branch has changed a key, and whether it has set it.
#[derive(Default)]
struct Writers<'b>(BTreeMap<&'b str, (&'b str, bool)>);

impl<'b> Writers<'b> {
    /// Nobody sets what another one changes.
    fn check(&mut self, parallel: &str, name: &'b str, branch: &'b Branch) -> NodeResult<()> {
        for change in &branch.changes {
            let (writer, set) = *self
                .0
                .entry(change.key())
                .and_modify(|(writer, set)| *set |= change.is_set() && *writer == name)
                .or_insert((name, change.is_set()));
            if writer != name && (set || change.is_set()) {
                return Err(NodeError::permanent(KeyConflict {
                    key: change.key().to_owned(),
                    first: writer.to_owned(),
                    second: name.to_owned(),
                    parallel: parallel.to_owned(),
                }));
            }
        }
        Ok(())
    }
}

/// Two branches have written one key, which neither of them declares.
#[derive(Debug, thiserror::Error)]
#[error(
    "agents `{first}` and `{second}` both wrote `{key}`, at the same time in `{parallel}`; give one \
     of them another key, or let both add or append to it"
)]
struct KeyConflict {
    key: String,
    first: String,
    second: String,
    parallel: String,
}
