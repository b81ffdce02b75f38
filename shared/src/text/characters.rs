//! The characters that no displayed text may hold: those that show nothing, or change how the others are shown. With them
//! two texts that differ look the same, in the audit log as everywhere else.

use icu_properties::CodePointSetData;
use icu_properties::props::{BidiControl, DefaultIgnorableCodePoint};

/// Characters that show nothing, although Unicode does not call them ignorable: the empty Braille pattern, and what
/// delimits annotations.
const BLANK: [char; 4] = ['\u{2800}', '\u{fff9}', '\u{fffa}', '\u{fffb}'];

/// Returns whether a text holds no control character, no line or paragraph separator, nothing that reorders text
/// (`Bidi_Control`) and nothing invisible (`Default_Ignorable_Code_Point`; Unicode, UAX 44).
pub(super) fn are_visible(text: &str) -> bool {
    let (bidi, ignorable) =
        (CodePointSetData::new::<BidiControl>(), CodePointSetData::new::<DefaultIgnorableCodePoint>());
    text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control())
        || !text.chars().any(|letter| {
            letter.is_control()
                || matches!(letter, '\u{2028}' | '\u{2029}')
                || BLANK.contains(&letter)
                || bidi.contains(letter)
                || ignorable.contains(letter)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_marks_and_spaces_are_visible_and_what_hides_or_reorders_them_is_not() {
        for text in ["", "Ada Lovelace", "Zoë", "Łukasz Ü", "नमस्ते", "日本語", "a\u{a0}b", "😀", "e\u{301}"]
        {
            assert!(are_visible(text), "{text:?}");
        }
        let hidden = "\0\t\n\r\u{7f}\u{85}\u{ad}\u{34f}\u{61c}\u{115f}\u{17b4}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{202a}\u{202e}\u{2028}\u{2029}\u{2060}\u{2066}\u{2069}\u{2800}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{1d173}\u{e0001}\u{e0041}\u{e01ef}";
        for letter in hidden.chars() {
            assert!(!are_visible(&format!("ad{letter}min")), "{letter:?}");
        }
    }
}
