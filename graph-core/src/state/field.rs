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
pub struct FieldUpdate<T, R: Reducer<T>>(Inner<T, R>);

enum Inner<T, R: Reducer<T>> {
    Unset,
    One(R::Update),
    /// Boxed, since rare: updates are moved often, and should be small.
    More(Box<More<T, R>>),
}

enum More<T, R: Reducer<T>> {
    Each(Vec<R::Update>),
    Overwrite(T),
    /// Back to the reducer's mark, and on from there.
    Rewind(usize, Vec<R::Update>),
}

impl<T, R: Reducer<T>> More<T, R> {
    #[inline(never)]
    fn apply(self, value: &mut T) {
        match self {
            Self::Each(updates) => reduce_each::<T, R>(value, updates),
            Self::Overwrite(new) => *value = new,
            Self::Rewind(mark, updates) => {
                R::rewind(value, mark);
                reduce_each::<T, R>(value, updates);
            }
        }
    }
}

fn reduce_each<T, R: Reducer<T>>(value: &mut T, updates: Vec<R::Update>) {
    for update in updates {
        R::reduce(value, update);
    }
}

/// What a field's entry is made of, to be written out.
pub(super) enum Parts<'u, T, U> {
    Unset,
    One(&'u U),
    Each(&'u [U]),
    Overwrite(&'u T),
    Rewind(usize, &'u [U]),
}

impl<T, R: Reducer<T>> FieldUpdate<T, R> {
    /// One write for the reducer.
    #[must_use]
    pub(super) fn one(update: R::Update) -> Self {
        Self(Inner::One(update))
    }

    /// Several writes for the reducer, in order.
    #[must_use]
    pub(super) fn each(updates: Vec<R::Update>) -> Self {
        Self(Inner::More(Box::new(More::Each(updates))))
    }

    /// A new value for the field.
    #[must_use]
    pub(super) fn set(value: T) -> Self {
        Self(Inner::More(Box::new(More::Overwrite(value))))
    }

    /// Adds a write for the reducer.
    #[inline]
    pub fn push(&mut self, update: R::Update) {
        if self.is_unset() {
            self.0 = Inner::One(update);
        } else {
            self.push_more(update);
        }
    }

    #[inline(never)]
    fn push_more(&mut self, update: R::Update) {
        match mem::take(self).0 {
            Inner::Unset => *self = Self::one(update),
            Inner::One(first) => *self = Self::each(vec![first, update]),
            Inner::More(mut more) => {
                match &mut *more {
                    More::Each(updates) | More::Rewind(_, updates) => updates.push(update),
                    More::Overwrite(value) => R::reduce(value, update),
                }
                self.0 = Inner::More(more);
            }
        }
    }

    /// Sets the field's new value, in place of what was written before.
    pub fn overwrite(&mut self, value: T) {
        *self = Self::set(value);
    }

    /// Adds what `later` writes, as if it had been written after this.
    pub fn extend(&mut self, later: Self) {
        match later.0 {
            Inner::Unset => {}
            Inner::One(update) => self.push(update),
            Inner::More(more) => match *more {
                More::Each(updates) => updates.into_iter().for_each(|update| self.push(update)),
                // What it was before is of no interest then.
                more => self.0 = Inner::More(Box::new(more)),
            },
        }
    }

    /// Whether the field is not written.
    #[must_use]
    #[inline]
    pub fn is_unset(&self) -> bool {
        matches!(self.0, Inner::Unset)
    }

    /// How the field is written, if it is.
    #[must_use]
    pub fn kind(&self) -> Option<WriteKind> {
        match self.parts() {
            Parts::Unset => None,
            Parts::One(_) | Parts::Each(_) => Some(WriteKind::Reduce),
            Parts::Overwrite(_) | Parts::Rewind(..) => Some(WriteKind::Overwrite),
        }
    }

    /// Takes the writes out of `self` and applies them to the field.
    #[inline]
    pub fn apply(&mut self, value: &mut T) {
        match mem::replace(&mut self.0, Inner::Unset) {
            Inner::Unset => {}
            Inner::One(update) => R::reduce(value, update),
            Inner::More(more) => (*more).apply(value),
        }
    }

    /// What gives the field its present value again once `self`, and nothing
    /// else, is applied to it: the reducer's mark where that is enough, else an
    /// overwrite.
    #[must_use]
    pub fn undo(&self, value: &T) -> Self
    where
        T: Clone,
    {
        let mark = match self.parts() {
            Parts::Unset => return Self::default(),
            Parts::One(_) | Parts::Each(_) => R::mark(value),
            Parts::Overwrite(_) | Parts::Rewind(..) => None,
        };
        match mark {
            Some(mark) => Self::rewind(mark, Vec::new()),
            None => Self::set(value.clone()),
        }
    }

    fn rewind(mark: usize, updates: Vec<R::Update>) -> Self {
        Self(Inner::More(Box::new(More::Rewind(mark, updates))))
    }

    pub(super) fn parts(&self) -> Parts<'_, T, R::Update> {
        match &self.0 {
            Inner::Unset => Parts::Unset,
            Inner::One(update) => Parts::One(update),
            Inner::More(more) => match &**more {
                More::Each(updates) => Parts::Each(updates),
                More::Overwrite(value) => Parts::Overwrite(value),
                More::Rewind(mark, updates) => Parts::Rewind(*mark, updates),
            },
        }
    }
}

impl<T, R: Reducer<T>> Default for FieldUpdate<T, R> {
    #[inline]
    fn default() -> Self {
        Self(Inner::Unset)
    }
}

impl<T: Clone, R: Reducer<T>> Clone for FieldUpdate<T, R> {
    fn clone(&self) -> Self {
        match self.parts() {
            Parts::Unset => Self::default(),
            Parts::One(update) => Self::one(update.clone()),
            Parts::Each(updates) => Self::each(updates.to_vec()),
            Parts::Overwrite(value) => Self::set(value.clone()),
            Parts::Rewind(mark, updates) => Self::rewind(mark, updates.to_vec()),
        }
    }
}

impl<T, R: Reducer<T>> fmt::Debug for FieldUpdate<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.parts() {
            Parts::Unset => "Unset",
            Parts::One(_) => "One(..)",
            Parts::Each(_) => "Each(..)",
            Parts::Overwrite(_) => "Overwrite(..)",
            Parts::Rewind(..) => "Rewind(..)",
        })
    }
}
