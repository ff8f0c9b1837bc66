//! What holds of encrypted threads.
#![cfg(feature = "encryption")]

#[path = "../support/mod.rs"]
mod support;
mod tampering;

use superstep_core::MemoryCheckpointer;
use superstep_core::testing::checkpointer_kit;
use superstep_providers::{Encrypted, Key, Keys};

fn keys() -> Keys {
    Keys::new(Key::new("new", [171; 32]))
}

checkpointer_kit!(encrypted, async {
    Encrypted::new(MemoryCheckpointer::new(), keys())
});
