//! How long things may grow.

use crate::{Offence, source::Source};

/// Lines that ship, in one file.
pub const FILE: usize = 500;
/// Lines of a file of tests: stories are long, and nobody reads them from end to end.
pub const TEST_FILE: usize = 1000;
/// From `fn` to the closing brace.
pub const FUNCTION: usize = 70;
/// Type parameters of one item.
pub const TYPE_PARAMETERS: usize = 3;
/// Characters of one line.
pub const LINE: usize = 100;

/// A file is one noun.
#[must_use]
pub fn files(source: &Source) -> Vec<Offence> {
    let (length, budget) = if source.is_test_file() {
        (source.lines.len(), TEST_FILE)
    } else {
        (source.shipped().count(), FILE)
    };
    let advice = format!("{length} lines, {budget} allowed: split where the nouns split");
    (length > budget).then(|| Offence::at(&source.path, 0, advice)).into_iter().collect()
}

/// A function fits on a screen.
#[must_use]
pub fn functions(source: &Source) -> Vec<Offence> {
    let items = source.items().into_iter();
    items
        .filter(|item| item.keyword == "fn" && item.length > FUNCTION)
        .map(|item| {
            let advice = format!("`{}` has {} lines, {FUNCTION} allowed", item.name, item.length);
            Offence::at(&source.path, item.line, advice)
        })
        .collect()
}

/// Concrete types, `dyn` at the few named seams.
#[must_use]
pub fn type_parameters(source: &Source) -> Vec<Offence> {
    let items = source.items().into_iter();
    items
        .filter(|item| item.type_parameters > TYPE_PARAMETERS)
        .map(|item| {
            let (what, count) = (&item.keyword, item.type_parameters);
            let advice = format!(
                "`{what} {}` has {count} type parameters, {TYPE_PARAMETERS} allowed",
                item.name
            );
            Offence::at(&source.path, item.line, advice)
        })
        .collect()
}

/// Two files side by side.
#[must_use]
pub fn lines(source: &Source) -> Vec<Offence> {
    let width = |text: &str| text.chars().count();
    source
        .numbered()
        .filter(|(_, line)| width(&line.text) > LINE)
        .map(|(number, line)| {
            let advice = format!("{} columns, {LINE} allowed", width(&line.text));
            Offence::at(&source.path, number, advice)
        })
        .collect()
}
