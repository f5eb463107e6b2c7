//! What must not stand in any file that people read, and what must be true in those that do.

use crate::{Offence, repository::Repository};

/// Sections of the specification that can be cited.
const SECTIONS: u32 = 13;
/// Numbered rules within sections: 5.1 to 5.7, 6.1 to 6.8.
const RULES: [(u32, u32); 2] = [(5, 7), (6, 8)];

/// The attacks of its Appendix A, each of which is a named test.
const ATTACKS: [(u32, &str); 28] = [
    (1, "Stale candidate"),
    (2, "Base ahead of everybody"),
    (2, "Late certificate"),
    (3, "Base with a genuine but old certificate"),
    (4, "Leader restarts in its own term"),
    (4, "Leader counts its vote before it is durable"),
    (5, "Unsynced commit of h lost"),
    (6, "Voter that missed the `Vote`"),
    (7, "Restored node"),
    (7, "Honest node marked"),
    (7, "Everybody marked"),
    (8, "Second attempt in a term"),
    (9, "Prepared minority"),
    (10, "Withheld proof"),
    (10, "Term pumping"),
    (10, "Prepare certificate shown, body withheld"),
    (10, "Replayed ack"),
    (10, "Replayed own packet"),
    (11, "Leader without votes"),
    (11, "Split term"),
    (11, "Poison transaction"),
    (12, "Proposal h + 1 overtakes the certificate of h"),
    (12, "Lost proposal or certificate"),
    (13, "Node back after a day"),
    (13, "A liar tells a huge promise"),
    (13, "Exclusion views differ"),
    (14, "Offline validator added to a chain of one"),
    (14, "Epoch-ending block prepared, its leader dead, the new member offline"),
];

/// Which attacks the documentation of these tests does not name as `A.7 *Restored node*`.
#[must_use]
pub fn untested_attacks<'a>(sources: impl Iterator<Item = &'a str>) -> Vec<String> {
    let docs = |source: &str| {
        let lines = source.lines().filter_map(|line| line.trim_start().strip_prefix("///"));
        lines.collect::<String>().to_lowercase()
    };
    let docs: Vec<_> = sources.map(docs).collect();
    let is_named = |number: u32, name: &str| {
        let name = format!("*{}", name.to_lowercase());
        docs.iter().any(|docs| docs.contains(&format!("a.{number} ")) && docs.contains(&name))
    };
    let untested = ATTACKS.iter().filter(|(number, name)| !is_named(*number, name));
    untested.map(|(number, name)| format!("A.{number} *{name}*")).collect()
}

/// A path that exists on one machine only.
#[must_use]
pub fn machine_paths(path: &str, text: &str) -> Vec<Offence> {
    const HOMES: [&str; 5] = ["farm", "home", "root", "Users", "work"];
    let is_wrong = |line: &str| {
        HOMES.iter().any(|home| {
            line.match_indices(&format!("/{home}/")).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                !before.is_some_and(|char| char.is_alphanumeric() || "_.-~$})>*".contains(char))
            })
        })
    };
    refuse(path, text, is_wrong, "name it relative to the repository or the user's folders")
}

/// Where packages come from is the affair of the user's configuration.
#[must_use]
pub fn registries(path: &str, text: &str) -> Vec<Offence> {
    let is_wrong = |line: &str| {
        if path.ends_with("Cargo.lock") {
            let standard = "\"registry+https://github.com/rust-lang/crates.io-index\"";
            return line.strip_prefix("source = ").is_some_and(|source| source != standard);
        }
        let addresses = [
            ["registry", ".npmjs."],
            ["index.", "crates.io"],
            ["replace", "-with"],
            ["//pypi", "."],
        ];
        addresses.iter().any(|halves| line.contains(&halves.concat()))
    };
    refuse(path, text, is_wrong, "leave addresses of registries to the user's configuration")
}

/// Keys that open something. Test mnemonics that everybody knows open nothing.
#[must_use]
pub fn secrets(path: &str, text: &str) -> Vec<Offence> {
    let marks = [["PRIVATE KEY", "-----"], ["gh", "p_"], ["AK", "IA"], ["xox", "b-"]];
    let is_wrong = |line: &str| marks.iter().any(|halves| line.contains(&halves.concat()));
    refuse(path, text, is_wrong, "take the secret out, and replace it where it is in use")
}

/// `§5.2` means section 5.2 of the specification, which has one.
#[must_use]
pub fn sections(path: &str, text: &str) -> Vec<Offence> {
    let is_wrong = |line: &str| line.split('§').skip(1).any(|rest| !section_exists(rest));
    refuse(path, text, is_wrong, "the specification has no such section")
}

/// How many sections a text cites.
#[must_use]
pub fn citations(text: &str) -> usize {
    text.matches('§').count()
}

fn section_exists(cited: &str) -> bool {
    let is_number = |char: char| char.is_ascii_digit() || char == '.';
    let number = cited.split(|char| !is_number(char)).next().unwrap_or_default();
    let mut parts = number.split('.').filter(|part| !part.is_empty()).map(str::parse::<u32>);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(section)), None, None) => (1..=SECTIONS).contains(&section),
        (Some(Ok(section)), Some(Ok(rule)), None) => {
            RULES.iter().any(|(at, last)| *at == section && (1..=*last).contains(&rule))
        }
        _ => false,
    }
}

/// A link to a file of the repository leads somewhere.
#[must_use]
pub fn links(repository: &Repository, path: &str, text: &str) -> Vec<Offence> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_dead = |line: &str| {
        line.split("](").skip(1).filter_map(|rest| rest.split(')').next()).any(|link| {
            let file = link.split('#').next().unwrap_or(link);
            !link.contains("://") && !file.is_empty() && !repository.has(&below(folder, file))
        })
    };
    refuse(path, text, is_dead, "this link leads nowhere")
}

fn below(folder: &str, file: &str) -> String {
    if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") }
}

/// Every target of `make` that a page names.
#[must_use]
pub fn make_targets(page: &str) -> Vec<String> {
    let ends = |char: char| !char.is_ascii_lowercase() && char != '-';
    let word = |rest: &str| rest.split(ends).next().map(str::to_owned);
    let quoted = page.split("`make ").skip(1).filter_map(word);
    let typed =
        page.lines().filter_map(|line| line.trim_start().strip_prefix("make ")).filter_map(word);
    quoted.chain(typed).filter(|target| !target.is_empty()).collect()
}

/// Whether a Makefile has a target.
#[must_use]
pub fn has_target(makefile: &str, target: &str) -> bool {
    makefile.lines().any(|line| line.split(':').next() == Some(target) && line.contains(':'))
}

fn refuse(path: &str, text: &str, is_wrong: impl Fn(&str) -> bool, advice: &str) -> Vec<Offence> {
    let wrong = text.lines().enumerate().filter(|(_, line)| is_wrong(line));
    wrong.map(|(index, _)| Offence::at(path, index + 1, advice)).collect()
}
