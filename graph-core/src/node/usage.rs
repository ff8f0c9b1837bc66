//! What a piece of work uses: tokens, calls, money.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;

/// What a piece of work uses, or is expected to: tokens, calls, money.
///
/// A plain number is so many tokens.
///
/// # Examples
///
/// ```
/// use superstep::{Cost, Usage};
///
/// let price: Cost = "2.50".parse()?; // for a million tokens
/// let usage = Usage::new().calls(1).tokens(1_200).cost(price.for_tokens(1_200));
/// assert_eq!(usage.cost, Cost::micros(3_000));
/// assert_eq!(Usage::from(300).tokens, 300);
/// # Ok::<(), superstep::ParseCostError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
#[must_use = "it only says how much something uses"]
pub struct Usage {
    /// Tokens, or whatever else is counted by weight.
    pub tokens: u64,
    /// Calls of a service.
    pub calls: u64,
    /// Money.
    pub cost: Cost,
}

impl Usage {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// So many tokens.
    pub fn tokens(mut self, tokens: u64) -> Self {
        self.tokens = tokens;
        self
    }

    /// So many calls.
    pub fn calls(mut self, calls: u64) -> Self {
        self.calls = calls;
        self
    }

    /// So much money.
    pub fn cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }
}

/// So many tokens.
impl From<u64> for Usage {
    fn from(tokens: u64) -> Self {
        Self::new().tokens(tokens)
    }
}

impl Usage {
    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_sub(other.tokens),
            calls: self.calls.saturating_sub(other.calls),
            cost: Cost(self.cost.0.saturating_sub(other.cost.0)),
        }
    }
}

/// Each of the two added, up to the largest number there is.
impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_add(other.tokens),
            calls: self.calls.saturating_add(other.calls),
            cost: Cost(self.cost.0.saturating_add(other.cost.0)),
        }
    }
}

/// An amount of money, in whatever currency: a whole number of millionths, so
/// that no sum of them drifts.
///
/// # Examples
///
/// ```
/// use superstep::Cost;
///
/// let cost: Cost = "0.0025".parse()?;
/// assert_eq!(cost, Cost::micros(2_500));
/// assert_eq!(cost.to_string(), "0.0025");
/// assert_eq!(Cost::whole(5).to_string(), "5");
/// assert!("1e3".parse::<Cost>().is_err());
/// # Ok::<(), superstep::ParseCostError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cost(u64);

/// Millionths in one.
const MICROS: u64 = 1_000_000;

impl Cost {
    /// So many millionths.
    #[must_use]
    pub const fn micros(micros: u64) -> Self {
        Self(micros)
    }

    /// So many whole ones, up to the largest amount there is.
    #[must_use]
    pub const fn whole(whole: u64) -> Self {
        Self(whole.saturating_mul(MICROS))
    }

    /// In millionths.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// What so many tokens cost, if this is the price of a million; rounded up.
    #[must_use]
    pub fn for_tokens(self, tokens: u64) -> Self {
        let exact = u128::from(self.0) * u128::from(tokens);
        let micros = exact.div_ceil(u128::from(MICROS));
        Self(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

/// As a decimal number without an end of zeros.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, micros) = (self.0 / MICROS, self.0 % MICROS);
        if micros == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{micros:06}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// From a decimal number with up to six places.
impl FromStr for Cost {
    type Err = ParseCostError;

    fn from_str(text: &str) -> Result<Self, ParseCostError> {
        let refuse = || ParseCostError(text.to_owned());
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
        if !digits(whole) || !digits(places) || places.len() > 6 {
            return Err(refuse());
        }
        let whole: u64 = whole.parse().map_err(|_| refuse())?;
        let micros: u64 = format!("{places:0<6}").parse().map_err(|_| refuse())?;
        let whole = whole.checked_mul(MICROS).ok_or_else(refuse)?;
        whole.checked_add(micros).map(Self).ok_or_else(refuse)
    }
}

/// A text is no [`Cost`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount of money with up to six decimal places")]
pub struct ParseCostError(String);
