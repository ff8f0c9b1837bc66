//! Threads in SQLite and in Postgres, and everything that goes wrong around them: processes
//! that are killed, files that are damaged, disks that are full, processes that
//! want the same thread, servers that die.
//!
//! `SUPERSTEP_KILLS=5000` kills more often, `SUPERSTEP_SEED=7` at other moments;
//! the seed is printed. What a killed process did is told by a file of its own,
//! to which each body writes a line when it begins and when it ends.
#![cfg(feature = "sqlite")]

#[cfg(all(feature = "agents", feature = "testing"))]
mod agents;
mod chance;
mod check;
mod damage;
mod drive;
mod edited;
mod full;
mod joined;
mod kill;
mod label;
mod ledger;
mod nested;
#[cfg(feature = "postgres")]
mod outage;
mod policies;
#[cfg(feature = "postgres")]
mod postgres;
mod prompt;
mod race;
mod races;
mod rules;
#[cfg(feature = "postgres")]
mod server;
mod store;
mod work;
