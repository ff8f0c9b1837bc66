//! The kit finds nothing wrong with the checkpointer in memory, and something
//! with each that has a fault.

use superstep::MemoryCheckpointer;
use superstep::testing::checkpointer_kit;

checkpointer_kit!(memory, async { MemoryCheckpointer::new() });
