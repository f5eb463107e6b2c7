//! Which crate may know which: the arrows of the architecture, one row per crate.

use std::collections::BTreeSet;

use crate::{
    Offence,
    manifest::{Dependency, Manifest, Use},
    source::Source,
};

/// Our crates from the bottom up. A crate imports only what has a lower rank, so siblings, which
/// share a rank, never import each other.
const RANKS: [(&str, u8); 16] = [
    ("mokka-types", 0),
    ("mokka-crypto", 1),
    ("mokka-consensus", 2),
    ("mokka", 3),
    ("mokka-runtime", 3),
    ("mokka-network", 4),
    ("mokka-storage", 4),
    ("mokka-mempool", 4),
    ("mokka-rpc", 4),
    ("mokka-genesis", 4),
    ("mokka-node", 5),
    ("mokka-cli", 6),
    ("mokka-decoders", 7),
    ("mokka-exhaustive", 7),
    ("mokka-simulator", 7),
    ("mokka-tidy", 7),
];

/// Packages that start with these letters are named by one crate, so that they can be replaced.
const OWNED: [(&str, &str); 5] = [
    ("rocksdb", "mokka-storage"),
    ("libp2p", "mokka-network"),
    ("jsonrpsee", "mokka-rpc"),
    ("revm", "mokka-runtime"),
    ("alloy-evm", "mokka-runtime"),
];

/// Crates that decide and never act, with what must stay away from them.
const PURE: [&str; 3] = ["mokka-types", "mokka-crypto", "mokka-consensus"];
const ACTING: [&str; 4] = ["tokio", "alloy", "futures", "hyper"];

/// Clocks, by the words that reach one.
const CLOCKS: [&str; 3] = ["Instant::now", "SystemTime", "std::time::Instant"];

fn rank(package: &str) -> Option<u8> {
    RANKS.iter().find(|(name, _)| *name == package).map(|(_, rank)| *rank)
}

/// types ← crypto ← consensus ← {mokka, runtime} ← {network, storage, …} ← node ← cli.
#[must_use]
pub fn arrows(manifest: &Manifest) -> Vec<Offence> {
    let Some(own) = rank(manifest.name()) else {
        let advice = format!("give {} a place in `RANKS` of tests/tidy", manifest.name());
        return vec![Offence::at(&manifest.path, 0, advice)];
    };
    let points_up = |dependency: &Dependency| {
        rank(&dependency.package).is_some_and(|rank| match dependency.used_by {
            Use::Tests => rank > own,
            Use::Shipped | Use::Build => rank >= own,
        })
    };
    refuse(manifest, points_up, |package| {
        let name = manifest.name();
        format!("{name} must not import {package}: state what you need as a trait of your own")
    })
}

/// Only storage names RocksDB, only network libp2p, only rpc jsonrpsee, only runtime revm.
#[must_use]
pub fn owners(manifest: &Manifest) -> Vec<Offence> {
    let owner = |package: &str| {
        OWNED.iter().find(|(letters, _)| package.starts_with(letters)).map(|(_, owner)| *owner)
    };
    let is_foreign = |dependency: &Dependency| {
        owner(&dependency.package).is_some_and(|owner| owner != manifest.name())
    };
    refuse(manifest, is_foreign, |package| {
        let owner = owner(package).unwrap_or_default();
        format!("only {owner} names {package}: go through its types")
    })
}

/// types, crypto and consensus know neither tasks nor Ethereum; consensus no randomness either.
#[must_use]
pub fn pure_manifest(manifest: &Manifest) -> Vec<Offence> {
    if !PURE.contains(&manifest.name()) {
        return Vec::new();
    }
    let is_random = |package: &str| package == "rand" && manifest.name() == "mokka-consensus";
    let acts = |dependency: &Dependency| {
        let package = dependency.package.as_str();
        dependency.used_by != Use::Tests
            && (is_random(package) || ACTING.iter().any(|name| package.starts_with(name)))
    };
    refuse(manifest, acts, |package| {
        format!("{} decides and never acts: take what {package} gives as an input", manifest.name())
    })
}

/// types, crypto and consensus read no clock: time is an argument.
#[must_use]
pub fn pure_source(source: &Source) -> Vec<Offence> {
    const FOLDERS: [&str; 3] = ["node/types/src/", "node/crypto/src/", "node/consensus/src/"];
    if !FOLDERS.iter().any(|folder| source.path.starts_with(folder)) {
        return Vec::new();
    }
    let reads_clock = source
        .shipped()
        .filter(|(_, line)| CLOCKS.iter().any(|clock| line.code.contains(clock)))
        .map(|(number, _)| Offence::at(&source.path, number, "take the time as an argument"));
    reads_clock.collect()
}

/// Every crate is a member, every member a crate; a crate outside the list is never tested.
#[must_use]
pub fn members(root: &Manifest, crates: &[Manifest]) -> Vec<Offence> {
    let listed: BTreeSet<_> = root.list(&["workspace", "members"]).into_iter().collect();
    let found: BTreeSet<_> = crates.iter().map(Manifest::folder).collect();
    let odd = listed.symmetric_difference(&found);
    odd.map(|folder| {
        let advice = format!("`members` and the folders disagree about {folder:?}: list it once");
        Offence::at(&root.path, 0, advice)
    })
    .collect()
}

/// A crate takes the lints (missing docs among them), edition and versions of the workspace.
#[must_use]
pub fn inherits(manifest: &Manifest) -> Vec<Offence> {
    const KEYS: [[&str; 3]; 5] = [
        ["lints", "workspace", ""],
        ["package", "edition", "workspace"],
        ["package", "license", "workspace"],
        ["package", "publish", "workspace"],
        ["package", "rust-version", "workspace"],
    ];
    let is_on = |keys: &[&str]| manifest.at(keys).and_then(toml::Value::as_bool) == Some(true);
    let missing = KEYS.iter().map(|keys| keys.strip_suffix(&[""]).unwrap_or(keys));
    let missing = missing.filter(|keys| !is_on(keys)).map(|keys| {
        let advice = format!("inherit from the workspace: `{} = true`", keys.join("."));
        Offence::at(&manifest.path, 0, advice)
    });
    let own_version = refuse(
        manifest,
        |dependency| !dependency.is_shared,
        |package| format!("write the version of {package} into the root manifest"),
    );
    missing.chain(own_version).collect()
}

/// A Rust file that no other declares as a module is never compiled, and its tests never run.
#[must_use]
pub fn orphans(sources: &[Source], crates: &[Manifest]) -> Vec<Offence> {
    let targets: BTreeSet<String> = crates.iter().flat_map(declared_targets).collect();
    let lost = sources.iter().filter(|source| {
        let (folder, file) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
        let (mut folder, mut module) = (folder, file.trim_end_matches(".rs"));
        if module == "mod" {
            (folder, module) = folder.rsplit_once('/').unwrap_or(("", folder));
        }
        !targets.contains(&source.path)
            && !is_own_target(folder, module, crates)
            && !sources.iter().any(|parent| {
                (parent.path.rsplit_once('/').is_some_and(|(own, _)| own == folder)
                    || parent.path.strip_suffix(".rs") == Some(folder))
                    && parent.modules().iter().any(|name| name == module)
            })
    });
    lost.map(|source| {
        Offence::at(&source.path, 0, "no `mod` names this file: it is never compiled")
    })
    .collect()
}

/// Whether cargo finds this file by itself: `src/lib.rs`, `tests/a.rs`, `tests/a/main.rs` and the
/// like.
fn is_own_target(folder: &str, module: &str, crates: &[Manifest]) -> bool {
    let is_crate = |folder: &str| crates.iter().any(|manifest| manifest.folder() == folder);
    let split =
        |path: &str| path.rsplit_once('/').map(|(above, name)| (above.to_owned(), name.to_owned()));
    let has_targets = |folder: &str| {
        split(folder).is_some_and(|(above, name)| {
            matches!(name.as_str(), "tests" | "examples" | "benches") && is_crate(&above)
        })
    };
    match module {
        "lib" | "main" if folder.ends_with("/src") => is_crate(folder.trim_end_matches("/src")),
        "build" if is_crate(folder) => true,
        "main" => split(folder).is_some_and(|(above, _)| has_targets(&above)),
        _ => has_targets(folder),
    }
}

/// Targets whose path a manifest spells out, relative to the root of the repository.
fn declared_targets(manifest: &Manifest) -> Vec<String> {
    let lists = ["test", "bench", "example", "bin"].map(|key| manifest.at(&[key]));
    let targets = lists.into_iter().flatten().filter_map(toml::Value::as_array).flatten();
    let paths = targets.filter_map(|target| target.get("path").and_then(toml::Value::as_str));
    paths.map(|path| join(manifest.folder(), path)).collect()
}

fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<_> = folder.split('/').collect();
    for part in path.split('/') {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

fn refuse(
    manifest: &Manifest,
    is_wrong: impl Fn(&Dependency) -> bool,
    advice: impl Fn(&str) -> String,
) -> Vec<Offence> {
    let dependencies = manifest.dependencies().into_iter();
    let offence = |dependency: Dependency| {
        Offence::at(&manifest.path, dependency.line, advice(&dependency.package))
    };
    dependencies.filter(is_wrong).map(offence).collect()
}
