//! `mokka genesis`.

use crate::world::*;

fn new(more: &str) -> String {
    format!("genesis new --chain-id 7 --validator {KEY_1}=a@/dns/a.example/tcp/30303 {more}")
}

#[test]
fn a_new_file_passes_its_own_check() {
    let world = World::new();
    let alloc = format!("--alloc {ADDRESS_1}=1.5 --json");
    let made = world.mokka(&new(&alloc)).json();
    assert_eq!((&made["chainId"], &made["crashModel"]), (&7.into(), &"bft".into()));
    assert_eq!(made["validators"][0]["address"], "/dns/a.example/tcp/30303");
    assert_eq!(made["validators"][0]["name"], "a");
    let checked = world.mokka("genesis check --json").json();
    assert_eq!(made, checked);
    let hashes = world.mokka("genesis hash --json").json();
    assert_eq!(hashes["chainHash"], made["chainHash"]);
    assert_eq!(world.mokka("genesis hash").ok().trim(), made["chainHash"].as_str().unwrap());
    let text = world.mokka("genesis check").ok_with_advice();
    assert!(text.contains("1.5 coins") && text.contains("/dns/a.example"), "{text}");
}

#[test]
fn the_same_command_gives_the_same_file_everywhere() {
    let (one, two) = (World::new(), World::new());
    one.mokka(&new("")).ok_with_advice();
    let printed = two.mokka(&new("--out -"));
    assert_eq!(printed.code, 0);
    assert_eq!(printed.out.trim_end(), one.read("genesis.json").trim_end());
}

#[test]
fn a_file_is_never_overwritten() {
    let world = World::new();
    world.mokka(&new("")).ok_with_advice();
    world.mokka(&new("")).fails(1, &["genesis.json exists", "--out"]);
}

#[test]
fn what_does_not_fit_is_named_with_its_field() {
    let world = World::new();
    let twice = format!("--validator {KEY_1}");
    world.mokka(&new(&twice)).fails(1, &["config.mokka.validators[1]"]);
    world.mokka(&new("--gas-limit 5")).fails(1, &["gasLimit"]);
    let twice = format!("--alloc {ADDRESS_1}=1 --alloc {ADDRESS_1}=2");
    world.mokka(&new(&twice)).fails(1, &[ADDRESS_1, "twice"]);
    assert!(!world.path("genesis.json").exists());
}

#[test]
fn what_cannot_be_read_is_a_mistake_of_the_command_line() {
    let world = World::new();
    let line = "genesis new --chain-id 7 --validator 02ab";
    world.mokka(line).fails(2, &["--validator", "66 hex digits"]);
    let line = new("--alloc 0x12=1");
    world.mokka(&line).fails(2, &["--alloc", "40 hex digits"]);
    world.mokka("genesis new --chain-id 7").fails(2, &["--validator"]);
}

#[test]
fn all_mistakes_of_a_file_are_found_at_once() {
    let world = World::new();
    world.mokka(&new("")).ok_with_advice();
    let text = world.read("genesis.json").replace("\"bft\"", "\"xft\"");
    world.write("genesis.json", &text.replacen('{', "{ \"surprise\": 1,", 1));
    world
        .mokka("genesis check")
        .fails(1, &["genesis.json", "2 mistakes", "crashModel", "surprise"]);
    world.mokka("genesis hash nowhere").fails(1, &["cannot read the genesis file nowhere"]);
    world.write("genesis.json", "[");
    world.mokka("genesis check").fails(1, &["not valid JSON"]);
}

impl Done {
    /// It succeeded; advice on standard error is welcome.
    #[track_caller]
    fn ok_with_advice(self) -> String {
        assert_eq!(self.code, 0, "{}", self.err);
        assert!(self.err.lines().all(|line| line.starts_with("note: ")), "{}", self.err);
        self.out
    }
}
