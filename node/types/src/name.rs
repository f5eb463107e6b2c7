//! What people call a validator.

/// The longest name of a validator, in characters, so that tables stay readable.
pub const MAX_NAME_CHARS: usize = 32;

/// Why a text is no name of a validator. The messages are part of blocks, as those of
/// [`BrokenRule`](crate::BrokenRule) are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// There is nothing to see.
    #[error("is empty")]
    Empty,
    /// It has more than [`MAX_NAME_CHARS`].
    #[error("has {found} characters; write {MAX_NAME_CHARS} at most")]
    TooLong {
        /// How many it has.
        found: usize,
    },
    /// Others could not be shown, or be taken for each other.
    #[error("has other characters than Latin letters, digits, - _ . and space; write another")]
    Characters,
}

/// Whether a validator may have this name: at most [`MAX_NAME_CHARS`] Latin letters, digits,
/// `-`, `_`, `.` and spaces, and not spaces alone.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<(), NameProblem> {
    let found = name.chars().count();
    if name.trim_matches(' ').is_empty() {
        Err(NameProblem::Empty)
    } else if found > MAX_NAME_CHARS {
        Err(NameProblem::TooLong { found })
    } else if !name.chars().all(is_shown) {
        Err(NameProblem::Characters)
    } else {
        Ok(())
    }
}

/// Blocks depend on it, so it must not grow with the Unicode tables of a compiler: the letters of
/// Latin-1 and of Latin Extended A and B, which are complete.
const fn is_shown(char: char) -> bool {
    let is_accented = matches!(char, '\u{c0}'..='\u{24f}') && !matches!(char, '×' | '÷');
    char.is_ascii_alphanumeric() || is_accented || matches!(char, '-' | '_' | '.' | ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_latin_letters_digits_and_little_else() {
        for name in ["a", "Bank 7", "Zürich", "Łódź_2.b-c", "İstanbul"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["a×b", "a\u{1b}[31m", "東京", "а", "a/b", "a\u{a0}b", "\u{a0}"] {
            assert_eq!(check_name(name), Err(NameProblem::Characters), "{name}");
        }
    }

    #[test]
    fn names_have_a_length() {
        assert_eq!(check_name(""), Err(NameProblem::Empty));
        assert_eq!(check_name("  "), Err(NameProblem::Empty));
        assert_eq!(check_name(&"ü".repeat(32)), Ok(()));
        assert_eq!(check_name(&"x".repeat(33)), Err(NameProblem::TooLong { found: 33 }));
    }
}
