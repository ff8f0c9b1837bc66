//! One field of an update: nothing, writes for the reducer, or a new value.

use std::fmt;
use std::mem;

use super::Reducer;

/// How a task writes a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteKind {
    /// Through the field's reducer.
    Reduce,
    /// Past it: the field is set.
    Overwrite,
}

/// What an update says of one field of type `T`, reduced by `R`.
///
/// Writes to the same field add up in the order of the calls; an overwrite
/// takes the place of what was written before it, and what is written after
/// it is reduced into the new value.
pub enum FieldUpdate<T, R: Reducer<T>> {
    /// The field is not written.
    Unset,
    /// One write for the reducer.
    One(R::Update),
    /// Several writes for the reducer, in order.
    Each(Vec<R::Update>),
    /// The field's new value.
    Overwrite(T),
}

impl<T, R: Reducer<T>> FieldUpdate<T, R> {
    /// Adds a write for the reducer.
    pub fn push(&mut self, update: R::Update) {
        match self {
            Self::Unset => *self = Self::One(update),
            Self::One(_) => {
                if let Self::One(first) = mem::replace(self, Self::Unset) {
                    *self = Self::Each(vec![first, update]);
                }
            }
            Self::Each(updates) => updates.push(update),
            Self::Overwrite(value) => R::reduce(value, update),
        }
    }

    /// Sets the field's new value, in place of what was written before.
    pub fn overwrite(&mut self, value: T) {
        *self = Self::Overwrite(value);
    }

    /// Whether the field is not written.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        matches!(self, Self::Unset)
    }

    /// How the field is written, if it is.
    #[must_use]
    pub fn kind(&self) -> Option<WriteKind> {
        match self {
            Self::Unset => None,
            Self::One(_) | Self::Each(_) => Some(WriteKind::Reduce),
            Self::Overwrite(_) => Some(WriteKind::Overwrite),
        }
    }

    /// Applies the writes to the field.
    #[inline]
    pub fn apply(self, value: &mut T) {
        match self {
            Self::Unset => {}
            Self::One(update) => R::reduce(value, update),
            Self::Each(updates) => {
                for update in updates {
                    R::reduce(value, update);
                }
            }
            Self::Overwrite(new) => *value = new,
        }
    }

    /// An overwrite with the field's present value if `self` writes it.
    #[must_use]
    pub fn undo(&self, value: &T) -> Self
    where
        T: Clone,
    {
        match self {
            Self::Unset => Self::Unset,
            Self::One(_) | Self::Each(_) | Self::Overwrite(_) => Self::Overwrite(value.clone()),
        }
    }
}

impl<T, R: Reducer<T>> Default for FieldUpdate<T, R> {
    fn default() -> Self {
        Self::Unset
    }
}

impl<T: Clone, R: Reducer<T>> Clone for FieldUpdate<T, R> {
    fn clone(&self) -> Self {
        match self {
            Self::Unset => Self::Unset,
            Self::One(update) => Self::One(update.clone()),
            Self::Each(updates) => Self::Each(updates.clone()),
            Self::Overwrite(value) => Self::Overwrite(value.clone()),
        }
    }
}

impl<T, R: Reducer<T>> fmt::Debug for FieldUpdate<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unset => "Unset",
            Self::One(_) => "One(..)",
            Self::Each(_) => "Each(..)",
            Self::Overwrite(_) => "Overwrite(..)",
        })
    }
}
