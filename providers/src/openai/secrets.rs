//! Keys, and keeping them out of what is shown.

use std::fmt;

/// What must not be shown.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

/// Shorter ones are in too many texts by chance.
const SHORTEST: usize = 6;

impl Secrets {
    pub(super) fn add(&mut self, secret: &str) {
        if secret.len() >= SHORTEST {
            self.0.push(secret.to_owned());
        }
    }

    /// The text without them: some servers repeat the key that they refuse.
    pub(super) fn hide(&self, text: &str) -> String {
        let secrets = self.0.iter();
        secrets.fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), "[key]")
        })
    }
}

/// How many there are.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}
