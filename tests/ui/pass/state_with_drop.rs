//! A state may have a `Drop` of its own, with ephemeral fields and without.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use superstep::{State, Update};

static DROPPED: AtomicUsize = AtomicUsize::new(0);

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Plain {
    topic: String,
}

impl Drop for Plain {
    fn drop(&mut self) {}
}

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Passing {
    topic: String,
    #[state(ephemeral)]
    hint: Option<String>,
}

impl Drop for Passing {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

fn main() {
    let _ = Plain::update().topic("a");
    let mut state = Passing::default();
    let mut update = Passing::update().topic("b").hint("c".to_owned());
    update.apply(&mut state, &mut 0);
    PassingUpdate::reset(&mut state, 1);
    assert_eq!((state.topic.as_str(), &state.hint), ("b", &None));
    assert_eq!(DROPPED.load(Ordering::SeqCst), 1);
}
