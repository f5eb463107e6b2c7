//! The files of the repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{manifest::Manifest, source::Source};

/// Folders that hold what is made, not what is written.
const MADE: [&str; 6] = [".git", "artifacts", "corpus", "devnet", "node_modules", "target"];

/// Endings of files that people read: every rule about text sees these.
const TEXT: [&str; 8] = ["json", "lock", "md", "rs", "sh", "sol", "toml", "yml"];

/// Every file of the repository that a rule can read.
#[derive(Debug)]
pub struct Repository {
    root: PathBuf,
    /// Paths relative to the root, sorted, with `/`.
    pub paths: Vec<String>,
}

impl Repository {
    /// The repository that this crate lies in.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn this() -> Self {
        // As it runs, not as it was compiled: clones may share a target folder.
        let crate_dir = std::env::var("CARGO_MANIFEST_DIR").expect("cargo runs this");
        let root = Path::new(&crate_dir).join("../..");
        let root = root.canonicalize().expect("this crate lies in tests/tidy of the repository");
        let mut paths = Vec::new();
        walk(&root, "", &mut paths);
        paths.sort();
        Self { root, paths }
    }

    /// A file as text.
    ///
    /// # Panics
    /// When it is not there or not text.
    #[must_use]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"))
    }

    /// Whether a file or folder is there.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// Every file of text: path and content.
    #[must_use]
    pub fn texts(&self) -> Vec<(String, String)> {
        let is_text = |path: &&String| {
            let name = path.rsplit('/').next().unwrap_or(path);
            name.rsplit_once('.').is_none_or(|(_, ending)| TEXT.contains(&ending))
        };
        self.paths.iter().filter(is_text).map(|path| (path.clone(), self.read(path))).collect()
    }

    /// Every Rust file.
    ///
    /// # Panics
    /// When there are so few that the search must be wrong: no rule may pass by seeing nothing.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        let rust = self.paths.iter().filter(|path| path.ends_with(".rs"));
        let sources: Vec<_> = rust.map(|path| Source::new(path, &self.read(path))).collect();
        assert!(sources.len() > 100, "found only {} Rust files", sources.len());
        assert!(sources.iter().any(|source| source.path == "node/consensus/src/lib.rs"));
        sources
    }

    /// The root manifest and those of the crates that it does not exclude.
    ///
    /// # Panics
    /// When there are too few, as above, or one is not TOML.
    #[must_use]
    pub fn manifests(&self) -> (Manifest, Vec<Manifest>) {
        let root = Manifest::new("Cargo.toml", &self.read("Cargo.toml"));
        let excluded = root.list(&["workspace", "exclude"]);
        let mut crates = self.every_manifest();
        crates.retain(|manifest| !excluded.contains(&manifest.folder()));
        assert!(crates.len() > 10, "found only {} crates", crates.len());
        (root, crates)
    }

    /// Those of all crates, also of one that the nightly compiler builds by itself.
    #[must_use]
    pub fn every_manifest(&self) -> Vec<Manifest> {
        let crates = self.paths.iter().filter(|path| path.ends_with("/Cargo.toml"));
        crates.map(|path| Manifest::new(path, &self.read(path))).collect()
    }
}

fn walk(root: &Path, below: &str, paths: &mut Vec<String>) {
    let entries = fs::read_dir(root.join(below)).unwrap_or_else(|fault| panic!("{below}: {fault}"));
    for entry in entries {
        let entry = entry.expect("a folder lists its files");
        let name = entry.file_name().into_string().expect("names are UTF-8");
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        let kind = entry.file_type().expect("a file has a type");
        if kind.is_dir() && !MADE.contains(&name.as_str()) {
            walk(root, &path, paths);
        } else if kind.is_file() {
            paths.push(path);
        }
    }
}
