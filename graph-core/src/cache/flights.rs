//! Who is at work on what, so that nobody does the same beside.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// The keys that somebody is at work on, or waits for, each with its line.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<BTreeMap<String, Arc<Semaphore>>>);

/// One who is at work on a key, or waits for it.
pub(crate) struct Flight<'f> {
    flights: &'f Flights,
    key: String,
    /// One permit, for who is at work.
    pub(crate) line: Arc<Semaphore>,
}

impl Flights {
    pub(crate) fn join(&self, key: &str) -> Flight<'_> {
        let mut flights = self.0.lock();
        let line = flights
            .entry(key.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(1)));
        Flight {
            flights: self,
            key: key.to_owned(),
            line: Arc::clone(line),
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock();
        // The list's and this one's: under the lock, nobody gets another.
        if Arc::strong_count(&self.line) == 2 {
            flights.remove(&self.key);
        }
    }
}
