//! Each rule refuses what it should, and only that: a rule that never fires keeps nothing.

use mokka_tidy::{
    Offence,
    manifest::Manifest,
    rules::{budgets, crates, habits, texts},
    source::Source,
};

const CORE: &str = "node/consensus/src/lib.rs";
const NODE: &str = "node/src/lib.rs";

type Rule = fn(&Source) -> Vec<Offence>;

/// The lines of a snippet at which a rule takes offence.
fn refused(rule: Rule, path: &str, snippet: &str) -> Vec<usize> {
    rule(&Source::new(path, snippet)).iter().map(|offence| offence.line).collect()
}

fn manifest(name: &str, dependencies: &str) -> Manifest {
    let text = format!("[package]\nname = \"{name}\"\n{dependencies}\n");
    Manifest::new("node/some/Cargo.toml", &text)
}

#[test]
fn strings_comments_and_characters_are_not_code() {
    let text = "a(\"x.unwrap() // \\\" no\"); // b /* c\n\
                d('\"', '\\'', b'x', 'e: loop {}); /* f /* g */ h\n\
                i */ r#\"j \" k\"# l\n\
                r#type return";
    let source = Source::new(NODE, text);
    let code: Vec<_> = source.lines.iter().map(|line| line.code.replace(' ', "")).collect();
    assert_eq!(code, ["a(\"\");", "d('','',b'','e:loop{});", "r#l", "r#typereturn"]);
    assert_eq!(source.lines[0].comment.trim(), "// b /* c");
    assert_eq!(source.lines[2].comment.trim(), "i */");
}

#[test]
fn items_are_found_with_their_lengths_and_parameters() {
    let text = "impl<'a, A, const N: usize> B<'a, A, N> {\n\
                fn c<F: Fn(u8) -> Vec<u8>, G>(f: F, text: [u8; 3])\n\
                where G: D {\n let x = \"}\"; { '{' }\n }\n\
                }\n\
                fn d(f: fn(u8)) -> impl E;\n\
                enum F<G> { H(G) }\n";
    let items = Source::new(NODE, text).items();
    let seen: Vec<_> = items
        .iter()
        .map(|item| (item.name.as_str(), item.line, item.length, item.type_parameters))
        .collect();
    assert_eq!(seen, [("", 1, 6, 1), ("c", 2, 4, 2), ("d", 7, 1, 0), ("F", 8, 1, 1)]);
}

#[test]
fn tests_are_told_from_what_ships() {
    let text = "fn a() { b.unwrap() }\n\
                #[cfg(test)]\n#[allow(x)]\nmod tests {\n fn c() { d.unwrap() }\n}\n\
                #[cfg(test)]\nuse e;\n\
                fn f() { g.unwrap() }\n";
    assert_eq!(refused(habits::panics, NODE, text), [1, 9]);
    assert_eq!(refused(habits::panics, "node/src/pool/tests.rs", text), []);
    assert_eq!(refused(habits::panics, "node/tests/pool/main.rs", text), []);
}

#[test]
fn a_panic_needs_its_invariant_close_above() {
    let near = "// Invariant: never empty.\nlet a =\n    b\n    .expect(\"b\");\n";
    assert_eq!(refused(habits::panics, NODE, near), []);
    let far = format!("// Invariant: never empty.\n{}b.expect(\"b\");\n", "c();\n".repeat(3));
    assert_eq!(refused(habits::panics, NODE, &far), [5]);
    let not_a_comment = "let a = \"Invariant: b\"; c.unwrap();\n";
    assert_eq!(refused(habits::panics, NODE, not_a_comment), [1]);
    assert_eq!(refused(habits::panics, NODE, "pub const A: B = C.unwrap();\n"), []);
    assert_eq!(refused(habits::panics, NODE, "#[expect(dead_code)]\n/// `a.unwrap()`\n"), []);
}

#[test]
fn budgets_are_kept_to_the_line() {
    let line = "fn a() {}\n";
    assert_eq!(refused(budgets::files, NODE, &line.repeat(500)), []);
    assert_eq!(refused(budgets::files, NODE, &line.repeat(501)), [0]);
    assert_eq!(refused(budgets::files, "node/tests/a.rs", &line.repeat(1000)), []);
    assert_eq!(refused(budgets::files, "node/tests/a.rs", &line.repeat(1001)), [0]);
    let tested = format!("{}#[cfg(test)]\nmod tests {{\n{line}}}\n", line.repeat(500));
    assert_eq!(refused(budgets::files, NODE, &tested), []);
    let function =
        |lines: usize| format!("// first\nfn a() {{\n{}}}\n", "b();\n".repeat(lines - 2));
    assert_eq!(refused(budgets::functions, NODE, &function(70)), []);
    assert_eq!(refused(budgets::functions, NODE, &function(71)), [2]);
    assert_eq!(refused(budgets::type_parameters, NODE, "struct A<'a, B, C, D>(B);\n"), []);
    assert_eq!(refused(budgets::type_parameters, NODE, "\nfn a<B, C, D, E>() {}\n"), [2]);
    assert_eq!(refused(budgets::lines, NODE, &format!("{}\n", "ä".repeat(100))), []);
    assert_eq!(refused(budgets::lines, NODE, &format!("{}\n", "a".repeat(101))), [1]);
}

#[test]
fn the_core_has_rules_of_its_own() {
    let arms =
        "match a {\n    B => 1,\n    _ => 2,\n    _ if c => 3, (_, _) => 4, d @ _ => 5,\n}\n";
    assert_eq!(refused(habits::wildcards, CORE, arms), [3, 4]);
    assert_eq!(refused(habits::wildcards, NODE, arms), []);
    assert_eq!(refused(habits::hash_maps, CORE, "use std::collections::HashMap;\n"), [1]);
    assert_eq!(refused(crates::pure_source, CORE, "// Instant::now\nInstant::now();\n"), [2]);
    assert_eq!(refused(crates::pure_source, NODE, "Instant::now();\n"), []);
}

#[test]
fn words_are_refused_in_code_and_comments_but_not_in_strings() {
    let snippet = "todo!();\n// FIXME later\nlet a = \"XXX\";\n#[ignore]\n";
    assert_eq!(refused(habits::unfinished, NODE, snippet), [1, 2, 4]);
    let channels = "mpsc::unbounded_channel();\nmpsc::channel(8);\nBound::Unbounded;\n";
    assert_eq!(refused(habits::unbounded_channels, NODE, channels), [1]);
    let lints = "#[allow(missing_docs)]\n#[allow(missing_docs)] // The message says it.\n";
    assert_eq!(refused(habits::silenced_lints, NODE, lints), [1]);
    assert_eq!(refused(habits::silenced_lints, NODE, "#![allow(missing_docs)] // a\n"), [1]);
    let call = "// SAFETY: a signal has no memory.\nunsafe { kill() }\n";
    assert_eq!(refused(habits::unsafe_code, "cli/src/os.rs", call), []);
    assert_eq!(refused(habits::unsafe_code, NODE, call), [2]);
    assert_eq!(refused(habits::unsafe_code, "cli/src/os.rs", "unsafe { kill() }\n"), [1]);
}

#[test]
fn dependencies_point_down() {
    let upward = manifest("mokka-types", "[dependencies]\nmokka-crypto.workspace = true");
    assert_eq!(crates::arrows(&upward)[0].line, 4);
    let sideways = "[dependencies]\nmokka-mempool = { workspace = true }";
    assert_eq!(crates::arrows(&manifest("mokka-rpc", sideways)).len(), 1);
    let tests_sideways = sideways.replace("[dep", "[dev-dep");
    assert_eq!(crates::arrows(&manifest("mokka-rpc", &tests_sideways)), []);
    let tests_upward = "[dev-dependencies]\nmokka-node.workspace = true";
    assert_eq!(crates::arrows(&manifest("mokka-rpc", tests_upward)).len(), 1);
    let downward = "[dependencies]\nmokka-rpc.workspace = true\nmokka-types.workspace = true";
    assert_eq!(crates::arrows(&manifest("mokka-node", downward)), []);
    assert_eq!(crates::arrows(&manifest("mokka-unheard-of", "")).len(), 1);
}

#[test]
fn packages_are_named_by_their_owner_alone() {
    let renamed = "[dependencies]\nstore = { package = \"rocksdb\", version = \"1\" }";
    assert_eq!(crates::owners(&manifest("mokka-node", renamed)).len(), 1);
    assert_eq!(crates::owners(&manifest("mokka-storage", renamed)), []);
    assert_eq!(crates::inherits(&manifest("mokka-node", renamed)).len(), 6);
    let per_target = "[target.'cfg(unix)'.dependencies]\nlibp2p-core.workspace = true";
    assert_eq!(crates::owners(&manifest("mokka-rpc", per_target)).len(), 1);
    let tokio = "[dependencies]\ntokio.workspace = true\nrand.workspace = true";
    assert_eq!(crates::pure_manifest(&manifest("mokka-consensus", tokio)).len(), 2);
    assert_eq!(crates::pure_manifest(&manifest("mokka-crypto", tokio)).len(), 1);
    assert_eq!(crates::pure_manifest(&manifest("mokka-node", tokio)), []);
}

#[test]
fn members_and_modules_are_listed() {
    let root = Manifest::new("Cargo.toml", "[workspace]\nmembers = [\"cli\", \"gone\"]");
    let cli = Manifest::new("cli/Cargo.toml", "[[test]]\npath = \"../tests/e2e/start.rs\"");
    let lost = Manifest::new("lost/Cargo.toml", "");
    assert_eq!(crates::members(&root, &[cli.clone(), lost]).len(), 2);
    let file = |path: &str, text: &str| Source::new(path, text);
    let sources = [
        file("cli/src/main.rs", "mod a;\npub(crate) mod b;\n// mod c;\n"),
        file("cli/src/a.rs", "mod d;"),
        file("cli/src/a/d.rs", ""),
        file("cli/src/b/mod.rs", ""),
        file("cli/src/c.rs", ""),
        file("cli/tests/own.rs", ""),
        file("cli/tests/whole/main.rs", "mod part;"),
        file("cli/tests/whole/part.rs", ""),
        file("tests/lost/main.rs", ""),
        file("tests/e2e/start.rs", "mod help;"),
        file("tests/e2e/help.rs", ""),
        file("tests/e2e/stop.rs", ""),
    ];
    let orphans = crates::orphans(&sources, &[cli]);
    let paths: Vec<_> = orphans.iter().map(|offence| offence.path.as_str()).collect();
    assert_eq!(paths, ["cli/src/c.rs", "tests/lost/main.rs", "tests/e2e/stop.rs"]);
}

#[test]
fn texts_name_no_machine_no_registry_and_no_secret() {
    let home = ["cd /ro", "ot/x"].concat();
    assert_eq!(texts::machine_paths("README.md", &home).len(), 1);
    assert_eq!(texts::machine_paths("README.md", "node/work/x ~/home/y $HOME/work/").len(), 0);
    let lock = "source = \"registry+https://mirror.example/index\"";
    assert_eq!(texts::registries("Cargo.lock", lock).len(), 1);
    assert_eq!(texts::registries("a.toml", &["replace", "-with = 1"].concat()).len(), 1);
    assert_eq!(texts::secrets("a.pem", &["PRIVATE KEY", "-----"].concat()).len(), 1);
}

#[test]
fn citations_must_exist() {
    for good in ["(§5.7)", "§6.8, §13.", "§9: a", "§§4"] {
        assert_eq!(texts::sections("a.rs", &good.replace("§§", "§")), [], "{good}");
    }
    for bad in ["§0", "§14", "§5.8", "§4.1", "§5.2.1", "§A", "§"] {
        assert_eq!(texts::sections("a.rs", bad).len(), 1, "{bad}");
    }
}

#[test]
fn attacks_must_be_named() {
    let all = texts::untested_attacks(std::iter::empty());
    assert!(all.contains(&"A.8 *Second attempt in a term*".to_owned()));
    let missing = |text| all.len() - texts::untested_attacks([text].into_iter()).len();
    assert_eq!(missing("/// A.8 *Second attempt in\n    /// a term*: it is signed.\n#[test]"), 1);
    assert_eq!(missing("/// A.7 *Second attempt in a term*\n// A.8 *Second attempt in a term*"), 0);
}

#[test]
fn pages_name_targets_of_make() {
    let page = "Type `make devnet`.\n\n    make test\n";
    assert_eq!(texts::make_targets(page), ["devnet", "test"]);
    assert!(texts::has_target("devnet: deps\n\tcargo", "devnet"));
    assert!(!texts::has_target("# test\n", "test"));
}
