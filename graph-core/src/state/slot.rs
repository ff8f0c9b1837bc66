//! What a derived update holds for a field, be the field right or wrong.
//!
//! A field whose type or reducer does not fit would fail to compile wherever
//! the derive's code touches it: a dozen errors for one mistake. So the derive
//! asks for the fit once, by [`check_reducer`] and [`check_data`], and
//! everything else takes what [`Slotted`] picks, which is a stand-in for a
//! field that does not fit.

use std::marker::PhantomData;

use serde::de::MapAccess;
use serde::ser::SerializeMap;

use super::{Data, FieldUpdate, Reducer, State, WriteKind};

/// Whether a field of type `T` fits its reducer `R`, as a constant: `FITS` is
/// found here if the bounds hold, and on [`Misfit`] if they do not.
#[derive(Debug)]
pub struct Fit<T, R>(PhantomData<(T, R)>);

impl<T: Data, R: Reducer<T>> Fit<T, R> {
    /// They fit.
    pub const FITS: bool = true;
}

/// What [`Fit`] falls back to.
pub trait Misfit {
    /// They do not fit.
    const FITS: bool = false;
}

impl<T, R> Misfit for Fit<T, R> {}

/// A field of type `T` reduced by `R`, and whether they fit.
#[derive(Debug)]
pub struct Slot<T, R, const FITS: bool>(PhantomData<(T, R)>);

/// What the derive's code uses for a field.
pub trait Slotted {
    /// What the update holds.
    type Field;
    /// What the builder method takes.
    type Update;
    /// As in [`Reducer`].
    const SINGLE_WRITER: bool;
    /// As in [`Reducer`].
    const EXTENDS: bool;
}

impl<T, R: Reducer<T>> Slotted for Slot<T, R, true> {
    type Field = FieldUpdate<T, R>;
    type Update = R::Update;
    const SINGLE_WRITER: bool = R::SINGLE_WRITER;
    const EXTENDS: bool = R::EXTENDS;
}

impl<T, R> Slotted for Slot<T, R, false> {
    type Field = StandIn<T>;
    type Update = T;
    const SINGLE_WRITER: bool = false;
    const EXTENDS: bool = false;
}

/// A field's value in the state's default is taken from here, which asks for
/// `State` and not for `Default` once more.
#[must_use]
pub fn default_state<S: State>() -> S {
    S::default()
}

/// Refuses a reducer that does not take fields of type `T`.
pub const fn check_reducer<T, R: Reducer<T>>() {}

/// Refuses a field that no checkpoint can hold.
pub const fn check_data<T: Data>() {}

/// In place of the [`FieldUpdate`] of a field that does not fit. It has the
/// same methods, asks nothing of `T`, and is never run.
#[derive(Debug)]
pub struct StandIn<T>(PhantomData<fn() -> T>);

impl<T> Default for StandIn<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T> Clone for StandIn<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T> StandIn<T> {
    /// Drops the write.
    pub fn push(&mut self, _update: T) {}

    /// Drops the value.
    pub fn overwrite(&mut self, _value: T) {}

    /// Adds nothing.
    pub fn extend(&mut self, _later: Self) {}

    /// Never written.
    #[must_use]
    pub fn kind(&self) -> Option<WriteKind> {
        None
    }

    /// Never written.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        true
    }

    /// Changes nothing.
    pub fn apply(&mut self, _value: &mut T) {}

    /// Another of the same.
    #[must_use]
    pub fn undo(&self, _value: &T) -> Self {
        Self::default()
    }

    /// Writes nothing.
    ///
    /// # Errors
    ///
    /// Never.
    pub fn serialize_into<M: SerializeMap>(
        &self,
        _map: &mut M,
        _keys: &[&str],
    ) -> Result<(), M::Error> {
        Ok(())
    }

    /// Reads nothing.
    ///
    /// # Errors
    ///
    /// Never.
    pub fn read<'de, A: MapAccess<'de>>(
        &mut self,
        _key: usize,
        _keys: &'static [&'static str],
        _map: &mut A,
    ) -> Result<(), A::Error> {
        Ok(())
    }
}
