//! Common passwords, which attackers try first. Hardly any password of the leaked lists has 12 characters; those that do
//! are a common word, stretched: repeated, or with digits and signs around it. So words are listed, and the stretching undone.

/// Words and runs of keys that common passwords consist of, without digits.
const WORDS: &[&str] = &[
    "abc",
    "abcd",
    "abcdef",
    "abcdefg",
    "abcdefgh",
    "access",
    "admin",
    "administrator",
    "adminadmin",
    "asdf",
    "asdfgh",
    "asdfghjkl",
    "asdfghjklqwertyuiop",
    "azerty",
    "azertyuiop",
    "baseball",
    "batman",
    "changeit",
    "changeme",
    "charlie",
    "computer",
    "default",
    "defaultpassword",
    "donald",
    "dragon",
    "example",
    "flower",
    "football",
    "freedom",
    "guest",
    "hello",
    "helloworld",
    "holdfast",
    "hottie",
    "hunter",
    "iloveyou",
    "iloveyousomuch",
    "jordan",
    "killer",
    "letmein",
    "login",
    "loveme",
    "lovely",
    "manager",
    "master",
    "michael",
    "monkey",
    "mustang",
    "mynameis",
    "mypassword",
    "nothing",
    "operator",
    "passphrase",
    "passw",
    "password",
    "passwordpassword",
    "pokemon",
    "princess",
    "pussy",
    "qazwsx",
    "qazwsxedc",
    "qwer",
    "qwert",
    "qwerty",
    "qwertyqwerty",
    "qwertyuiop",
    "qwertyuiopasdfghjkl",
    "qwertz",
    "root",
    "secret",
    "shadow",
    "solo",
    "starwars",
    "summer",
    "winter",
    "spring",
    "autumn",
    "sunshine",
    "superman",
    "system",
    "temp",
    "temporary",
    "test",
    "tester",
    "testing",
    "testtest",
    "trustno",
    "unknown",
    "user",
    "username",
    "welcome",
    "whatever",
    "zaq",
    "zaqwsx",
    "zxcvbn",
    "zxcvbnm",
    "zxcvbnmasdfghjkl",
];

/// Returns whether a password, in lower case, is a common one.
pub(super) fn is_common(lower: &str) -> bool {
    let mut distinct: Vec<char> = lower.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    // Short, and of fewer than five different characters (one key held down), or digits that only count.
    if distinct.len() < 5 && lower.chars().count() <= 16 || !lower.chars().any(char::is_alphabetic) && is_run(lower) {
        return true;
    }
    let core = lower.trim_matches(|letter: char| !letter.is_alphabetic());
    [lower.to_owned(), unleet(core)].iter().any(|text| {
        let letters: String = text.chars().filter(|letter| letter.is_alphabetic()).collect();
        is_words(&letters)
    })
}

/// Returns whether the digits count up or down, regardless of the characters between them.
fn is_run(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(10)).collect();
    let step = |by: u32| digits.iter().zip(digits.iter().skip(1)).all(|(one, next)| (one + by) % 10 == *next);
    step(1) || step(9)
}

/// Returns whether the letters are one to three of the words in a row.
fn is_words(letters: &str) -> bool {
    fn parts(rest: &str, left: u8) -> bool {
        rest.is_empty()
            || left > 0 && WORDS.iter().any(|word| rest.strip_prefix(word).is_some_and(|rest| parts(rest, left - 1)))
    }
    !letters.is_empty() && parts(letters, 3)
}

/// Replaces signs by the letters that they stand for.
fn unleet(text: &str) -> String {
    let letter = |sign| match sign {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    text.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretched_common_words_are_common_and_sentences_are_not() {
        for text in [
            "password1234",
            "123456789012",
            "098765432109",
            "aaaaaaaaaaaa",
            "abababababab",
            "qwertyuiop12",
            "p@ssw0rdp@ssw0rd",
            "letmein-2026!",
            "changeme1234",
            "welcome12345",
            "adminadmin123",
            "iloveyou2026",
            "summer2026!!",
        ] {
            assert!(is_common(text), "{text}");
        }
        for text in ["correct horse battery", "a-new-password-for-me", "x7#kq9!vmz2p", "492817365520", "blue kettle 12"]
        {
            assert!(!is_common(text), "{text}");
        }
    }
}
