//! How a post feels in all.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::{Deserialize, Serialize};

use super::senses::Impression;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) mood: f64,
    /// The parts of which it is not made, and why.
    pub(crate) without: Vec<String>,
}

impl Verdict {
    /// The mean of what there is, if there is anything.
    pub(crate) fn of(
        impressions: &BTreeMap<String, Impression>,
        without: Vec<String>,
    ) -> Option<Self> {
        let moods = impressions.values().map(|impression| impression.mood);
        let (n, sum) = (moods.len(), moods.sum::<f64>());
        let mood = sum / n as f64;
        (n > 0).then_some(Self { mood, without })
    }

    /// The mood, and in a line each what it is made of and what not.
    pub(crate) fn page(&self, impressions: &BTreeMap<String, Impression>) -> String {
        let mut page = format!("{:+.2}", self.mood);
        // Writing to a string cannot fail.
        for (part, Impression { mood, about }) in impressions {
            let _ = write!(page, "\n  {part:5}  {mood:+.2}  {about}");
        }
        for part in &self.without {
            let _ = write!(page, "\n  {part}");
        }
        page
    }
}
