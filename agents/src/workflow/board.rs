//! What sessions share: values, and whose changes are in them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use superstep_core::Reducer;
use superstep_macros::State;

use super::values::{Change, Values};

/// Of so many sessions that know, it is remembered for those who do not know it.
const REMEMBERED: u64 = 1000;

/// The state of a thread that sessions share.
#[derive(State, Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Shared {
    #[reduce(Board)]
    #[serde(default)]
    pub(super) board: Board,
}

/// Values of a scope; also the reducer of that.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Board {
    values: Values,
    /// Whose changes are in the values.
    told: BTreeMap<String, Told>,
    /// How often sessions have said that they know.
    confirmed: u64,
}

/// How many of all changes that a session ever made are in the values.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Told {
    up_to: u64,
    /// When the session has said that it knows. From then on it tells them no more,
    /// unless somebody still does who has read it before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Post {
    /// Changes that a session has made, after so many others. Those that are in the
    /// values already are passed over.
    Tell {
        session: String,
        from: u64,
        /// Each with its number among these.
        changes: Vec<(u64, Change)>,
        up_to: u64,
    },
    /// The session knows.
    Confirm { session: String, up_to: u64 },
}

impl Reducer<Self> for Board {
    type Update = Post;

    fn reduce(board: &mut Self, post: Post) {
        match post {
            Post::Tell {
                session,
                from,
                changes,
                up_to,
            } => {
                let known = board.told(&session);
                for (at, change) in changes {
                    if from + at >= known {
                        board.values.settle(change);
                    }
                }
                let told = board.told.entry(session).or_default();
                if up_to > known {
                    *told = Told {
                        up_to,
                        confirmed: None,
                    };
                }
            }
            Post::Confirm { session, up_to } => board.confirm(&session, up_to),
        }
    }
}

impl Board {
    /// How many changes of a session are in it, as far as it is remembered.
    pub(super) fn told(&self, session: &str) -> u64 {
        self.told.get(session).map_or(0, |told| told.up_to)
    }

    fn confirm(&mut self, session: &str, up_to: u64) {
        let Some(told) = self.told.get_mut(session) else {
            return;
        };
        if told.up_to <= up_to {
            self.confirmed += 1;
            told.confirmed = Some(self.confirmed);
        }
        let oldest = self.confirmed.saturating_sub(REMEMBERED);
        self.told
            .retain(|_, told| told.confirmed.is_none_or(|at| at > oldest));
    }

    pub(super) fn into_entries(self) -> BTreeMap<String, Value> {
        self.values.into_entries()
    }
}

impl Shared {
    /// The changes of a scope, of all that a session has made after so many others.
    pub(super) fn tell(session: &str, scope: &str, from: u64, changes: &[Change]) -> SharedUpdate {
        let of_scope = (0..).zip(changes);
        let of_scope = of_scope.filter(|(_, change)| change.key().starts_with(scope));
        let n_changes = u64::try_from(changes.len()).unwrap_or(u64::MAX);
        Self::update().board(Post::Tell {
            session: session.to_owned(),
            from,
            changes: of_scope.map(|(at, change)| (at, change.clone())).collect(),
            up_to: from + n_changes,
        })
    }

    pub(super) fn confirm(session: &str, up_to: u64) -> SharedUpdate {
        let session = session.to_owned();
        Self::update().board(Post::Confirm { session, up_to })
    }
}
