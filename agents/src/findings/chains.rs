//! What can be wrong with chains. `inside` says in which of their branches.

use super::{Findings, Place, meant};
use crate::chain::names;

impl Findings {
    /// `number` is that of the message, from 1.
    pub(crate) fn unreadable_template(
        &mut self,
        place: Place,
        inside: &str,
        number: usize,
        why: &str,
        help: &str,
    ) {
        self.add(
            place,
            "unreadable-template",
            format!("message {number} of the prompt{inside} cannot be read: {why}"),
            help,
        );
    }

    pub(crate) fn unknown_hole(&mut self, place: Place, inside: &str, name: &str, known: &[&str]) {
        self.add(
            place,
            "unknown-hole",
            format!("the prompt{inside} is given `{name}`, and has no hole of that name"),
            meant(name, known.iter().copied(), || {
                format!("name a hole; there is {}", names(known.iter().copied()))
            }),
        );
    }

    pub(crate) fn unwritable_value(&mut self, place: Place, inside: &str, name: &str, why: &str) {
        self.add(
            place,
            "unwritable-value",
            format!("what the prompt{inside} is given as `{name}` is no JSON: {why}"),
            "give it a value that serde can write as JSON",
        );
    }

    /// `at` is where the hole stands.
    pub(crate) fn unfilled_hole(
        &mut self,
        place: Place,
        inside: &str,
        (name, at): (&str, &str),
        known: &[&str],
    ) {
        let message = format!("the prompt{inside} gets no value for `{name}` ({at})");
        let help = meant(name, known.iter().copied(), || {
            let known = names(known.iter().copied());
            format!("give it one before, where there is {known}, or by `.partial({name:?}, ..)`")
        });
        self.add(place, "unfilled-hole", message, help);
    }

    /// The same of what the `$` before it makes no hole.
    pub(crate) fn left_hole(&mut self, place: Place, inside: &str, name: &str, at: &str) {
        self.add(
            place,
            "unfilled-hole",
            format!("the prompt{inside} leaves `${{{name}}}` as it is, and gets a value for it ({at})"),
            format!(
                "give the `$` as a value, `{{usd}}{{{name}}}` with `.partial(\"usd\", \"$\")`; if it \
                 is to stay, give all of it as one: what fills a hole is not looked at again"
            ),
        );
    }

    /// Each of the holes with where it stands.
    pub(crate) fn holes_for_text(
        &mut self,
        place: Place,
        inside: &str,
        holes: &[(String, String)],
    ) {
        let listed = holes.iter().map(|(name, at)| format!("`{name}` ({at})"));
        let listed: Vec<_> = listed.collect();
        self.add(
            place,
            "unfilled-hole",
            format!(
                "the prompt{inside} gets a text, which fills one hole, and has {}: {}",
                holes.len(),
                listed.join(", ")
            ),
            "give it a record, as by `parallel!`, or all but one by `.partial(..)`",
        );
    }

    pub(crate) fn nothing_to_pick(
        &mut self,
        place: Place,
        inside: &str,
        name: &str,
        known: &[&str],
    ) {
        self.add(
            place,
            "nothing-to-pick",
            format!("`pick`{inside} takes `{name}`, which is not there"),
            meant(name, known.iter().copied(), || {
                format!("take what is there: {}", names(known.iter().copied()))
            }),
        );
    }

    pub(crate) fn pick_from_text(&mut self, place: Place, inside: &str, name: &str) {
        self.add(
            place,
            "nothing-to-pick",
            format!("`pick`{inside} takes `{name}` from a text, which has no fields"),
            "leave it out, or let a record come before it, as by `parallel!`",
        );
    }

    pub(crate) fn assign_to_text(&mut self, place: Place, inside: &str) {
        self.add(
            place,
            "assign-to-text",
            format!("`assign!`{inside} gets a text, which has no fields to put others beside"),
            "write `parallel!` in its place, and keep the text as a branch: `text: passthrough()`",
        );
    }
}
