//! A `Cargo.toml`, as far as the rules read it.

use toml::{Table, Value};

/// One manifest.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Relative to the root of the repository.
    pub path: String,
    table: Table,
    text: String,
}

/// Who needs a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// What ships.
    Shipped,
    /// Tests, benches and examples only.
    Tests,
    /// The build script, or, as in `node/storage`, only the choice of features.
    Build,
}

/// One line of a table of dependencies.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The package, also when the manifest renames it.
    pub package: String,
    /// Who needs it.
    pub used_by: Use,
    /// Where its name stands, from 1.
    pub line: usize,
    /// Whether its version comes from the root manifest.
    pub is_shared: bool,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Panics
    /// When the text is not TOML.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Self {
        let table = text.parse().unwrap_or_else(|fault| panic!("{path}: {fault}"));
        Self { path: path.to_owned(), table, text: text.to_owned() }
    }

    /// The folder of the crate.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.path.strip_suffix("/Cargo.toml").unwrap_or("")
    }

    /// The name of the package; empty in the root manifest.
    #[must_use]
    pub fn name(&self) -> &str {
        self.at(&["package", "name"]).and_then(Value::as_str).unwrap_or_default()
    }

    /// The value under a row of keys.
    #[must_use]
    pub fn at(&self, keys: &[&str]) -> Option<&Value> {
        let (first, rest) = keys.split_first()?;
        rest.iter().try_fold(self.table.get(*first)?, |value, key| value.get(key))
    }

    /// Strings in the list under a row of keys.
    #[must_use]
    pub fn list(&self, keys: &[&str]) -> Vec<&str> {
        let list = self.at(keys).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Every dependency, those for single targets included.
    #[must_use]
    pub fn dependencies(&self) -> Vec<Dependency> {
        let mut found = self.tables_of(&self.table);
        let targets = self.table.get("target").and_then(Value::as_table);
        for target in targets.into_iter().flat_map(Table::values).filter_map(Value::as_table) {
            found.extend(self.tables_of(target));
        }
        found
    }

    fn tables_of(&self, table: &Table) -> Vec<Dependency> {
        let kinds = [
            ("dependencies", Use::Shipped),
            ("dev-dependencies", Use::Tests),
            ("build-dependencies", Use::Build),
        ];
        let mut found = Vec::new();
        for (key, used_by) in kinds {
            let dependencies = table.get(key).and_then(Value::as_table).into_iter().flatten();
            for (name, value) in dependencies {
                let package = value.get("package").and_then(Value::as_str).unwrap_or(name);
                let is_shared = value.get("workspace").and_then(Value::as_bool) == Some(true);
                let line = self.line_of(name);
                found.push(Dependency { package: package.to_owned(), used_by, line, is_shared });
            }
        }
        found
    }

    fn line_of(&self, name: &str) -> usize {
        let names = |line: &str| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '.', '=']))
        };
        self.text.lines().position(names).map_or(0, |index| index + 1)
    }
}
