//! Sealing a text, and opening it again.
//!
//! What is sealed is the text and its checksum: beside the sealed text the
//! checksum would help to guess it. With it is bound, unsealed, where it
//! belongs: its place in the thread, and all that is told of it there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chacha20poly1305::aead::rand_core::RngCore as _;
use chacha20poly1305::aead::{Aead as _, OsRng, Payload};
use serde::{Deserialize, Serialize};
use superstep_core::CheckpointError;

use super::keys::Keys;
use super::place::Place;

const NONCE: usize = 24;
const CHECKSUM: usize = 8;

/// Tells threads apart that are no copies of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin([u8; 16]);

impl Origin {
    pub(super) fn by_chance() -> Self {
        let mut bytes = [0; 16];
        OsRng.fill_bytes(&mut bytes);
        Self(bytes)
    }
}

/// As it is written.
#[derive(Serialize, Deserialize)]
struct Sealed {
    /// The key's name.
    key: String,
    /// Origin, nonce and what is encrypted.
    sealed: String,
}

/// A text that was opened.
pub(super) struct Opened {
    pub(super) origin: Origin,
    pub(super) text: String,
    pub(super) checksum: u64,
}

pub(super) fn seal(
    keys: &Keys,
    origin: Origin,
    place: &Place<'_>,
    text: &str,
    checksum: u64,
) -> Result<String, CheckpointError> {
    let mut nonce = [0; NONCE];
    OsRng.fill_bytes(&mut nonce);
    let mut plain = checksum.to_le_bytes().to_vec();
    plain.extend_from_slice(text.as_bytes());
    let key = &keys.current;
    let payload = Payload {
        msg: &plain,
        aad: &place.bound(&key.id, &origin.0),
    };
    let encrypted = key.cipher.encrypt(&nonce.into(), payload);
    let encrypted = encrypted.map_err(|_| CheckpointError::store("it is too long to be sealed"))?;
    let mut bytes = origin.0.to_vec();
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&encrypted);
    let sealed = Sealed {
        key: key.id.clone(),
        sealed: BASE64.encode(bytes),
    };
    serde_json::to_string(&sealed).map_err(CheckpointError::store)
}

pub(super) fn open(keys: &Keys, place: &Place<'_>, text: &str) -> Result<Opened, CheckpointError> {
    let corrupt = |why: &str| CheckpointError::corrupt(place.to_string(), why);
    let sealed: Sealed = serde_json::from_str(text).map_err(|_| corrupt("it is not sealed"))?;
    let Some(key) = keys.get(&sealed.key) else {
        let id = sealed.key;
        return Err(CheckpointError::store(format!(
            "there is no key `{id}` to open {place}"
        )));
    };
    let cut = || corrupt("what is sealed is cut off");
    let bytes = BASE64.decode(&sealed.sealed).map_err(|_| cut())?;
    let (origin, rest) = bytes.split_first_chunk().ok_or_else(cut)?;
    let (nonce, encrypted) = rest.split_first_chunk::<NONCE>().ok_or_else(cut)?;
    let payload = Payload {
        msg: encrypted,
        aad: &place.bound(&sealed.key, origin),
    };
    let changed = || corrupt("it was changed, or sealed for another place");
    let plain = key
        .cipher
        .decrypt(nonce.into(), payload)
        .map_err(|_| changed())?;
    let (checksum, text) = plain.split_first_chunk::<CHECKSUM>().ok_or_else(changed)?;
    Ok(Opened {
        origin: Origin(*origin),
        text: String::from_utf8(text.to_vec()).map_err(|_| changed())?,
        checksum: u64::from_le_bytes(*checksum),
    })
}
