//! Keys, by the names under which they are known.

use std::fmt;

use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};

/// A key of 32 bytes, and the name that is written beside what it sealed.
#[derive(Clone)]
pub struct Key {
    pub(super) id: String,
    pub(super) cipher: XChaCha20Poly1305,
}

impl Key {
    /// The key of that name. The bytes should be drawn by chance, and kept
    /// elsewhere than what they seal.
    pub fn new(id: impl Into<String>, bytes: [u8; 32]) -> Self {
        Self {
            id: id.into(),
            cipher: XChaCha20Poly1305::new(&bytes.into()),
        }
    }
}

/// The key that seals, and those that sealed before.
#[derive(Debug, Clone)]
pub struct Keys {
    pub(super) current: Key,
    old: Vec<Key>,
}

impl Keys {
    /// One key, which seals and opens.
    #[must_use]
    pub fn new(current: Key) -> Self {
        let old = Vec::new();
        Self { current, old }
    }

    /// Opens what an older key sealed too. It seals nothing any more.
    #[must_use]
    pub fn with_old(mut self, key: Key) -> Self {
        self.old.push(key);
        self
    }

    pub(super) fn get(&self, id: &str) -> Option<&Key> {
        let mut all = std::iter::once(&self.current).chain(&self.old);
        all.find(|key| key.id == id)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
