//! What sessions share: values, and whose changes are in them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use superstep_core::Reducer;
use superstep_macros::State;

use super::values::{Change, Values};

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
    /// Of sessions whose changes are in the values and that may not know it yet, how
    /// many of all changes that they ever made.
    told: BTreeMap<String, u64>,
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
    Forget { session: String, up_to: u64 },
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
                board.told.insert(session, up_to.max(known));
            }
            Post::Forget { session, up_to } => {
                if board.told(&session) <= up_to {
                    board.told.remove(&session);
                }
            }
        }
    }
}

impl Board {
    /// How many changes of a session are in it that the session may not know of.
    pub(super) fn told(&self, session: &str) -> u64 {
        self.told.get(session).copied().unwrap_or_default()
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

    pub(super) fn forget(session: &str, up_to: u64) -> SharedUpdate {
        let session = session.to_owned();
        Self::update().board(Post::Forget { session, up_to })
    }
}
