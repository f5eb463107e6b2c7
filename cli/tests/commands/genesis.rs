//! `mokka genesis`.

use mokka_genesis::{Genesis, Threshold};

use crate::world::*;

const NODE: &str = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";

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

#[test]
fn who_decides_and_who_may_do_what_is_said_at_the_beginning() {
    let world = World::new();
    let flags = format!(
        "--governance admin:{ADDRESS_1} --voting-period 3d --transactions-admin {ADDRESS_1} \
         --contracts-admin {ADDRESS_1} --observer {NODE}"
    );
    let made = world.mokka(&new(&format!("{flags} --json"))).json();
    assert_eq!(made["governance"]["threshold"]["admin"], ADDRESS_1);
    assert_eq!(made["governance"]["votingPeriod"], "3days");
    assert_eq!(made["permissions"]["transactions"]["on"], true);
    assert_eq!(made["permissions"]["contracts"]["admins"][0], ADDRESS_1);
    assert_eq!(made["permissions"]["observers"]["nodes"][0], NODE);
    let file = Genesis::parse(&world.read("genesis.json")).unwrap();
    assert_eq!(file.governance().threshold, Threshold::Admin(ADDRESS_1.parse().unwrap()));
    let text = world.mokka("genesis check").ok_with_advice();
    for line in [
        &format!("governance   {ADDRESS_1} decides; proposals last 3days, new nodes have 1day"),
        "transactions sent only by those on the list: 1 admin",
        "contracts    created only by those on the list: 1 admin",
        "observers    1 node; list kept by nobody",
    ] {
        assert!(text.lines().any(|shown| shown.starts_with(line)), "{line} is not in\n{text}");
    }
}

#[test]
fn a_chain_without_lists_does_not_speak_of_them() {
    let world = World::new();
    let made = world.mokka(&new("--json")).json();
    assert!(made["governance"].is_null() && made["permissions"].is_null());
    let text = world.mokka("genesis check").ok_with_advice();
    assert!(!text.contains("governance") && !text.contains("list"), "{text}");
}

#[test]
fn members_flags_that_cannot_be_read_or_kept() {
    let world = World::new();
    world.mokka(&new("--governance half")).fails(2, &["--governance", "two-thirds"]);
    world.mokka(&new("--observer me")).fails(2, &["--observer", "peer id"]);
    world.mokka(&new("--contracts-admin 0x12")).fails(2, &["--contracts-admin", "40 hex digits"]);
    world.mokka(&new("--voting-period 5ms")).fails(1, &["governance.votingPeriod", "seconds"]);
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
