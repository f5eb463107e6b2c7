//! Each target has genuine bytes, a fuzz target, a corpus and a line in the list for people.

use std::{collections::BTreeSet, fs, path::Path};

use mokka_decoders::{TARGETS, Target};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

#[test]
fn nothing_genuine_is_refused() {
    for target @ Target { name, seeds, .. } in TARGETS {
        let seeds = seeds();
        assert!(!seeds.is_empty(), "{name} has no seed");
        for (number, seed) in seeds.iter().enumerate() {
            assert!(target.look(seed).is_some(), "{name} refuses its seed {number}");
        }
    }
}

#[test]
fn every_target_is_searched_and_described() {
    let manifest = read("../fuzz/Cargo.toml");
    let page = read("../fuzz/README.md");
    let listed = |line: &str| line.strip_prefix("name = \"").map(|rest| rest.replace('"', ""));
    let searched: BTreeSet<_> =
        manifest.lines().filter_map(listed).filter(|name| name != "mokka-fuzz").collect();
    let names: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(searched, names);
    assert_eq!(names.len(), TARGETS.len(), "a name is there twice");
    for name in &names {
        let source = read(&format!("../fuzz/targets/{name}.rs"));
        assert!(source.contains(&format!("look(\"{name}\"")), "{name} searches another");
        assert!(page.contains(&format!("| `{name}` |")), "{name} is not described");
    }
}
