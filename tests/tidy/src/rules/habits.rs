//! Words that code here does not use, or only with a reason beside them.

use crate::{
    Offence,
    source::{Line, Source},
};

/// A slow reader must slow the writer down, not fill the memory.
#[must_use]
pub fn unbounded_channels(source: &Source) -> Vec<Offence> {
    const OPEN: [&str; 4] =
        ["unbounded(", "unbounded_channel(", "UnboundedSender", "mpsc::channel()"];
    let is_wrong = |line: &Line| OPEN.iter().any(|word| line.code.contains(word));
    refuse(source.numbered(), source, is_wrong, "bound the channel by a named constant")
}

/// A new message must break the build wherever the core must decide about it.
#[must_use]
pub fn wildcards(source: &Source) -> Vec<Offence> {
    if !source.path.starts_with("node/consensus/src/") {
        return Vec::new();
    }
    let is_wrong = |line: &Line| {
        let arm = line.code.trim_start();
        arm.starts_with("_ =>") || arm.starts_with("_ if ") || arm.contains(" _ =>")
    };
    refuse(source.shipped(), source, is_wrong, "name every case: no `_ =>` in the core")
}

/// Order must never reach a decision by way of a random hasher.
#[must_use]
pub fn hash_maps(source: &Source) -> Vec<Offence> {
    if !source.path.starts_with("node/consensus/src/") {
        return Vec::new();
    }
    let is_wrong = |line: &Line| line.code.contains("HashMap") || line.code.contains("HashSet");
    refuse(source.shipped(), source, is_wrong, "use a BTreeMap or BTreeSet in the core")
}

/// Where a panic is possible, the reason why it is not lies right above.
#[must_use]
pub fn panics(source: &Source) -> Vec<Offence> {
    const WORDS: [&str; 3] = [".unwrap()", ".expect(", ".expect_err("];
    const ABOVE: usize = 3;
    let explained = |number: usize| {
        let from = number.saturating_sub(ABOVE + 1);
        source.lines[from..number].iter().any(|line| line.comment.contains("Invariant:"))
    };
    let advice = "use `?`, or say under `// Invariant:` why this cannot fail";
    // The compiler evaluates constants: what fails there never ships.
    let is_constant = |line: &Line| format!(" {}", line.code).contains(" const ");
    let lines = source.shipped().filter(|(number, line)| !explained(*number) && !is_constant(line));
    refuse(lines, source, |line| WORDS.iter().any(|word| line.code.contains(word)), advice)
}

/// What is on main is finished, and every test runs.
#[must_use]
pub fn unfinished(source: &Source) -> Vec<Offence> {
    const WORDS: [&str; 6] = ["todo!", "unimplemented!", "dbg!", "#[ignore", "FIXME", "XXX"];
    let is_wrong = |line: &Line| {
        WORDS.iter().any(|word| line.code.contains(word) || line.comment.contains(word))
            || line.comment.contains("TODO")
    };
    refuse(source.numbered(), source, is_wrong, "finish it, or leave it out and say so")
}

/// Code that the compiler cannot check says why it is right, and lives where the system is called.
#[must_use]
pub fn unsafe_code(source: &Source) -> Vec<Offence> {
    const ABOVE: usize = 3;
    let explained = |number: usize| {
        let from = number.saturating_sub(ABOVE + 1);
        source.path.starts_with("cli/")
            && source.lines[from..number].iter().any(|line| line.comment.contains("SAFETY:"))
    };
    let has_word = |line: &Line| {
        let code = line.code.trim_start();
        ["unsafe {", "unsafe fn", "unsafe impl"].iter().any(|word| code.contains(word))
    };
    let lines = source.numbered().filter(|(number, _)| !explained(*number));
    refuse(lines, source, has_word, "only `cli` calls the system, under `// SAFETY:`")
}

/// The lints hold everywhere. A single item may do without documentation if the same line says why,
/// as errors do whose messages speak for themselves.
#[must_use]
pub fn silenced_lints(source: &Source) -> Vec<Offence> {
    const LINTS: [&str; 3] = ["missing_docs", "unused_must_use", "warnings"];
    let is_wrong = |line: &Line| {
        let code = line.code.trim_start();
        let silences = code.contains("allow(") || code.contains("expect(");
        let names_lint = LINTS.iter().any(|lint| code.contains(lint));
        let whole_module = code.starts_with("#![");
        let unexplained = code.starts_with("#[") && line.comment.trim().is_empty();
        silences && names_lint && (whole_module || unexplained)
    };
    let advice = "obey the lint; a single item may say in the same line why not";
    refuse(source.shipped(), source, is_wrong, advice)
}

fn refuse<'a>(
    lines: impl Iterator<Item = (usize, &'a Line)>,
    source: &Source,
    is_wrong: impl Fn(&Line) -> bool,
    advice: &str,
) -> Vec<Offence> {
    lines
        .filter(|(_, line)| is_wrong(line))
        .map(|(number, _)| Offence::at(&source.path, number, advice))
        .collect()
}
