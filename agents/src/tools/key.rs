//! What tells the calls of a task apart.
//!
//! 1. A call is known by its id, its tool and its arguments: models, and those who
//!    stand for them, give the same id to calls of several messages.
//! 2. Its questions are named after the id alone, so that whoever answers can name
//!    them. Where that id has asked for another call of the task before, they have
//!    the whole of rule 1, so that no answer holds for another call.

use superstep_core::{Ctx, NodeError, NodeResult};
use superstep_providers::ToolCall;

/// The key of a call.
#[derive(Debug, Clone)]
pub(super) struct CallKey {
    /// Its id, as far as it is its own in the message.
    id: String,
    /// What stands for its tool and its arguments.
    mark: String,
}

impl CallKey {
    /// Of each call of a message.
    pub(super) fn all(calls: &[&ToolCall]) -> Vec<Self> {
        let mut keys: Vec<Self> = Vec::with_capacity(calls.len());
        for (index, call) in calls.iter().enumerate() {
            // Of a question's name, a `#` is not part.
            let mut id = call.id.replace('#', "_");
            while id.is_empty() || keys.iter().any(|key| key.id == id) {
                id = format!("{id}~{index}");
            }
            let mark = hash(hash(SEED, &call.name), &format!("\0{}", call.arguments));
            let mark = format!("{mark:016x}");
            keys.push(Self { id, mark });
        }
        keys
    }

    /// What the call does once, and comes to, is kept under that.
    pub(super) fn of_effects(&self) -> String {
        format!("{}-{}", self.id, self.mark)
    }

    /// What the names of the call's questions begin with.
    pub(super) async fn of_questions<C>(&self, ctx: &Ctx<C>) -> String {
        let unknown = async || Err::<String, _>(NodeError::msg("nobody has asked"));
        let asked = ctx.once(&self.asked(), unknown).await;
        self.questions(asked.as_ref().unwrap_or(&self.mark))
    }

    /// The same, of a call that asks now.
    pub(super) async fn asks<C>(&self, ctx: &Ctx<C>) -> NodeResult<String> {
        let mark = async || Ok::<_, NodeError>(self.mark.clone());
        let asked = ctx.once(&self.asked(), mark).await?;
        Ok(self.questions(&asked))
    }

    fn questions(&self, asked: &str) -> String {
        match asked == self.mark {
            true => self.id.clone(),
            false => self.of_effects(),
        }
    }

    /// Where it is kept which call has asked under the id.
    fn asked(&self) -> String {
        format!("{}/asks", self.id)
    }
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// The same for the same text, in every process.
fn hash(seed: u64, text: &str) -> u64 {
    text.bytes().fold(seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A number from 0 to 1 that is the same every time, and another for each call,
/// so that those of one message do not all come back at the same moment.
pub(super) fn chance(key: &str, attempt: u32) -> f64 {
    let hash = hash(SEED ^ u64::from(attempt), key);
    let of_1000 = u32::try_from(hash % 1000).unwrap_or(500);
    f64::from(of_1000) / 1000.0
}
