//! Lists in what a model says.

/// The items of a text with commas. As in CSV, an item in double quotes may hold
/// commas and line breaks, and two double quotes in it are one.
pub(super) fn items(text: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut item = String::new();
    let (mut is_quoted, mut was_quoted) = (false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.next_if_eq(&'"').is_some() => item.push('"'),
            '"' if is_quoted => is_quoted = false,
            '"' if item.trim().is_empty() && !was_quoted => {
                item.clear();
                (is_quoted, was_quoted) = (true, true);
            }
            ',' | '\n' if !is_quoted => {
                finish(&mut items, &mut item, &mut was_quoted);
            }
            _ => item.push(c),
        }
    }
    finish(&mut items, &mut item, &mut was_quoted);
    items
}

/// Takes the item, unless it is empty and was not meant to be.
fn finish(items: &mut Vec<String>, item: &mut String, was_quoted: &mut bool) {
    let text = item.trim();
    if !text.is_empty() || *was_quoted {
        items.push(text.to_owned());
    }
    item.clear();
    *was_quoted = false;
}

/// The items of the lines that begin with `1.`, `1)`, `-`, `*` or `•`.
pub(super) fn numbered_items(text: &str) -> Vec<String> {
    text.lines().filter_map(item).map(str::to_owned).collect()
}

fn item(line: &str) -> Option<&str> {
    let line = line.trim();
    let after = match line.trim_start_matches(|c: char| c.is_ascii_digit()) {
        rest if rest.len() < line.len() => rest.strip_prefix(['.', ')']),
        _ => line.strip_prefix(['-', '*', '•']),
    };
    let item = after?.strip_prefix(char::is_whitespace)?.trim();
    (!item.is_empty()).then_some(item)
}
