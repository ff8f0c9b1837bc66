//! Text as Postgres can hold it.
//!
//! It holds all but the character of code 0. That is written as two of code 1,
//! and one of code 1 as codes 1 and 2: what differs stays different, and in
//! the same order.

use std::borrow::Cow;

/// As it is written.
pub(super) fn written(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', '\u{1}']) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => written.push_str("\u{1}\u{1}"),
            '\u{1}' => written.push_str("\u{1}\u{2}"),
            other => written.push(other),
        }
    }
    Cow::Owned(written)
}

/// As it was before.
pub(super) fn read(text: String) -> String {
    if !text.contains('\u{1}') {
        return text;
    }
    let mut read = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        read.push(match character {
            '\u{1}' if characters.next() == Some('\u{1}') => '\0',
            other => other,
        });
    }
    read
}

#[cfg(test)]
mod tests {
    use super::{read, written};

    #[test]
    fn text_comes_back_in_the_same_order() {
        let texts = [
            "",
            "\0",
            "\0\0",
            "\0a",
            "\u{1}",
            "\u{1}\0",
            "\u{1}\u{1}",
            "\u{2}",
            "a",
            "a\0",
        ];
        for text in texts {
            assert_eq!(read(written(text).into_owned()), text);
            assert!(!written(text).contains('\0'));
        }
        assert!(texts.is_sorted());
        assert!(texts.map(written).is_sorted());
    }
}
