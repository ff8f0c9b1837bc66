//! Words that errors have in common.

use superstep_core::Diagnostic;

/// Names in backticks: `a` and `b`; or that there are none.
pub(crate) fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.is_empty() {
        true => "nothing".to_owned(),
        false => names.join(", "),
    }
}

/// What is missing, what there is, and what was meant: `no value for ...`.
pub(super) fn missing(missing: &[(String, String)], known: &[&str]) -> String {
    let holes = missing
        .iter()
        .map(|(name, place)| format!("`{name}` ({place})"));
    let holes: Vec<_> = holes.collect();
    let meant = missing.iter().filter_map(|(name, _)| {
        let near = Diagnostic::nearest(name, known.iter().copied())?;
        Some(format!("; did you mean `{near}` for `{name}`?"))
    });
    let known = names(known.iter().copied());
    let meant: String = meant.collect();
    format!("no value for {}: there is {known}{meant}", holes.join(", "))
}
