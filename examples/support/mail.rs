//! A mail, as it is printed.

use std::collections::BTreeMap;

use super::brief::Brief;

/// The mail of these parts, any of which may be missing.
pub(crate) fn mail(brief: &Brief, parts: &BTreeMap<String, String>) -> String {
    let part = |name: &str| parts.get(name).map_or("(nothing)", String::as_str);
    let (subject, body, action) = (part("subject"), part("body"), part("action"));
    let picture = match (parts.get("image"), parts.get("caption")) {
        (Some(svg), Some(caption)) => format!("[{} bytes of SVG: {caption}]", svg.len()),
        (Some(svg), None) => format!("[{} bytes of SVG]", svg.len()),
        (None, _) => "[no picture]".to_owned(),
    };
    let product = &brief.product;
    let line = "=".repeat(product.chars().count());
    format!("{product}\n{line}\nSubject: {subject}\n\n{body}\n{action}\n{picture}\n")
}

/// Whether the mail is whole, and what it lacks, by part.
pub(crate) fn lacks(
    missing: &BTreeMap<String, String>,
    complaints: &BTreeMap<String, String>,
) -> String {
    let lacks = missing.iter().chain(complaints);
    let lacks: Vec<_> = lacks
        .map(|(part, why)| format!("  {part}: {why}"))
        .collect();
    match lacks.is_empty() {
        true => "It is whole.".to_owned(),
        false => format!("It is not whole:\n{}", lacks.join("\n")),
    }
}
