//! Invisible characters: a text of them alone is blank, whatever its length.

/// Characters that are shown as nothing (Unicode's default ignorable ones, but for those that only vary the one before them),
/// and those that are shown as blanks although they are letters or signs.
pub fn is_invisible(character: char) -> bool {
    matches!(character,
        '\0' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}')
}

/// Whether there is nothing to be seen.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|character| character.is_whitespace() || is_invisible(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_text_is_blank() {
        for text in ["", " ", "\u{200b}\u{a0}\u{3000}", "\u{e0061}\u{34f}", "\u{2800}\u{3164}\u{115f}"] {
            assert!(is_blank(text), "{text:?}");
        }
        for text in ["a", " \u{200b}.", "❤\u{fe0f}", "語"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }
}
