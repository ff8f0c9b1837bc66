//! Chance that can be repeated.

/// A row of numbers that looks like chance (splitmix64).
pub(crate) struct Chance(u64);

impl Chance {
    /// The row that `SUPERSTEP_SEED` says, for one purpose.
    pub(crate) fn of(purpose: &str) -> Self {
        Self(seed() ^ hash(purpose))
    }

    /// A row that no variable changes.
    pub(crate) fn fixed() -> Self {
        Self(1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// One of the numbers below that one.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).expect("it is below a usize")
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// What `SUPERSTEP_SEED` says.
pub(crate) fn seed() -> u64 {
    number("SUPERSTEP_SEED", 1)
}

/// The number that a variable of the environment says.
pub(crate) fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().expect("the variable is a number"),
        Err(_) => default,
    }
}

/// A number that stands for a text.
pub(crate) fn hash(text: &str) -> u64 {
    let hashed = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(hashed)
}

fn mix(number: u64) -> u64 {
    let mut mixed = number;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
