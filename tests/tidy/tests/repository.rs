//! Each rule, on this repository.

use mokka_tidy::{
    Offence, expect_none,
    manifest::Manifest,
    repository::Repository,
    rules::{budgets, crates, habits, texts},
    source::Source,
};

#[track_caller]
fn each_source(rule: impl Fn(&Source) -> Vec<Offence>) {
    let offences: Vec<_> = Repository::this().sources().iter().flat_map(rule).collect();
    expect_none(&offences);
}

#[track_caller]
fn each_crate(rule: impl Fn(&Manifest) -> Vec<Offence>) {
    let (_, crates) = Repository::this().manifests();
    let offences: Vec<_> = crates.iter().flat_map(rule).collect();
    expect_none(&offences);
}

#[track_caller]
fn each_text(rule: impl Fn(&str, &str) -> Vec<Offence>) {
    let texts = Repository::this().texts();
    assert!(texts.iter().any(|(path, _)| path == "Makefile"), "files without an ending count too");
    let offences: Vec<_> = texts.iter().flat_map(|(path, text)| rule(path, text)).collect();
    expect_none(&offences);
}

#[test]
fn dependencies_point_one_way() {
    each_crate(crates::arrows);
}

#[test]
fn one_crate_names_each_big_dependency() {
    each_crate(crates::owners);
    let (_, all) = Repository::this().manifests();
    for package in ["rocksdb", "libp2p", "jsonrpsee", "revm", "alloy-evm"] {
        let named = all.iter().flat_map(Manifest::dependencies).any(|at| at.package == package);
        assert!(named, "nobody uses {package}: is the rule still about the right name?");
    }
}

#[test]
fn the_core_decides_and_never_acts() {
    each_crate(crates::pure_manifest);
    each_source(crates::pure_source);
    each_source(habits::hash_maps);
}

#[test]
fn every_crate_is_a_member() {
    let (root, all) = Repository::this().manifests();
    expect_none(&crates::members(&root, &all));
}

#[test]
fn crates_inherit_lints_and_versions() {
    each_crate(crates::inherits);
    let (root, _) = Repository::this().manifests();
    let lint = root.at(&["workspace", "lints", "rust", "missing_docs"]);
    assert!(lint.is_some(), "public items have documentation: keep the lint in the root manifest");
}

#[test]
fn every_file_is_compiled() {
    let repository = Repository::this();
    expect_none(&crates::orphans(&repository.sources(), &repository.every_manifest()));
}

#[test]
fn files_are_short() {
    each_source(budgets::files);
}

#[test]
fn functions_are_short() {
    let functions = |source: &Source| source.items().iter().filter(|it| it.keyword == "fn").count();
    let seen: usize = Repository::this().sources().iter().map(functions).sum();
    assert!(seen > 1000, "found only {seen} functions");
    each_source(budgets::functions);
}

#[test]
fn items_have_few_type_parameters() {
    each_source(budgets::type_parameters);
}

#[test]
fn lines_are_narrow() {
    each_source(budgets::lines);
}

#[test]
fn channels_are_bounded() {
    each_source(habits::unbounded_channels);
}

#[test]
fn the_core_names_every_case() {
    each_source(habits::wildcards);
}

#[test]
fn panics_name_their_invariant() {
    each_source(habits::panics);
}

#[test]
fn everything_is_finished() {
    each_source(habits::unfinished);
}

#[test]
fn unsafe_code_is_rare_and_explained() {
    each_source(habits::unsafe_code);
}

#[test]
fn lints_stay_on() {
    each_source(habits::silenced_lints);
}

#[test]
fn no_path_of_a_machine() {
    each_text(texts::machine_paths);
}

#[test]
fn no_address_of_a_registry() {
    each_text(texts::registries);
}

#[test]
fn no_secret() {
    each_text(texts::secrets);
}

#[test]
fn cited_sections_exist() {
    let texts = Repository::this().texts();
    let cited: usize = texts.iter().map(|(_, text)| texts::citations(text)).sum();
    assert!(cited > 100, "found only {cited} citations");
    // Here the sign is about itself.
    let others = texts.iter().filter(|(path, _)| !path.starts_with("tests/tidy/"));
    let offences: Vec<_> = others.flat_map(|(path, text)| texts::sections(path, text)).collect();
    expect_none(&offences);
}

#[test]
fn every_attack_has_a_test() {
    let texts = Repository::this().texts();
    let texts = texts.iter().filter(|(path, _)| path.ends_with(".rs")).map(|(_, text)| text);
    let tests = texts.filter(|text| text.contains("#[test]")).map(String::as_str);
    assert_eq!(texts::untested_attacks(tests), Vec::<String>::new(), "of Appendix A");
}

#[test]
fn pages_lead_where_they_say() {
    let repository = Repository::this();
    let makefile = repository.read("Makefile");
    let pages: Vec<_> =
        repository.texts().into_iter().filter(|(path, _)| path.ends_with(".md")).collect();
    let mut offences = Vec::new();
    for (path, text) in &pages {
        offences.extend(texts::links(&repository, path, text));
        let missing = texts::make_targets(text);
        let missing = missing.iter().filter(|target| !texts::has_target(&makefile, target));
        offences.extend(missing.map(|target| Offence::at(path, 0, format!("no `make {target}`"))));
    }
    expect_none(&offences);
    let readme = repository.read("README.md");
    let promised = texts::make_targets(&readme);
    assert!(["devnet", "test"].iter().all(|target| promised.iter().any(|made| made == target)));
    for (path, _) in pages.iter().filter(|(path, _)| path.starts_with("node/docs/")) {
        assert!(readme.contains(&format!("]({path})")), "link {path} from README.md");
    }
}
