//! `mokka keys`.

use crate::world::*;

#[test]
fn a_new_key_is_encrypted_and_only_for_its_owner() {
    let world = World::new();
    let line = "keys new --kdf light --password-file password --out a.json --json";
    let made = world.mokka(line).json();
    assert_eq!(world.mode("a.json"), 0o600);
    let shown = world.mokka("keys show a.json --json").json();
    assert_eq!(made, shown);
    let key = made["publicKey"].as_str().unwrap();
    assert!(key.starts_with("0x0") && key.len() == 68, "{key}");
    assert!(made["address"].as_str().unwrap().starts_with("0x"));
    assert!(!world.read("a.json").contains("swordfish"));
}

#[test]
fn a_key_is_never_overwritten() {
    let world = World::new();
    world.key(1, "a.json").ok();
    let before = world.read("a.json");
    world.key(2, "a.json").fails(1, &["a.json exists", "choose another name"]);
    assert_eq!(world.read("a.json"), before);
}

#[test]
fn an_imported_key_keeps_its_address() {
    let world = World::new();
    let out = world.key(1, "a.json").ok();
    assert!(out.contains(KEY_1) && out.contains(ADDRESS_1), "{out}");
    let line = "keys import - --kdf light --password-file password --out b.json --json";
    let piped = world.mokka_with(line, &format!("0x{:064x}\n", 1)).json();
    assert_eq!(piped["address"], ADDRESS_1);
    world.mokka("keys show b.json --password-file password").ok();
}

#[test]
fn what_is_no_key_is_refused() {
    let world = World::new();
    world.write("short", "12ab");
    let into = "--kdf light --password-file password";
    let line = format!("keys import short {into}");
    world.mokka(&line).fails(1, &["short holds no plain key", "64 hex digits"]);
    world.write("zero", &"0".repeat(64));
    let line = format!("keys import zero {into}");
    world.mokka(&line).fails(1, &["no secret key"]);
    let line = format!("keys import - {into}");
    world.mokka_with(&line, &"1".repeat(200)).fails(1, &["standard input holds no key"]);
    assert!(!world.path("validator.json").exists());
}

#[test]
fn a_wrong_password_is_told_from_a_missing_one() {
    let world = World::new();
    world.key(1, "a.json").ok();
    world.write("other", "sword\n");
    world.write("empty", "\n");
    let show = |file: &str| world.mokka(&format!("keys show a.json --password-file {file}"));
    show("other").fails(1, &["does not open a.json"]);
    show("empty").fails(1, &["no password in its first line"]);
    show("nowhere").fails(1, &["cannot read the password file nowhere", "check the path"]);
    let line = "keys new --out b.json";
    world.mokka(line).fails(1, &["no terminal", "--password-file"]);
    assert!(!world.path("b.json").exists());
}

#[test]
fn what_is_no_key_file_is_refused() {
    let world = World::new();
    world.write("a.json", "{}");
    world.mokka("keys show a.json").fails(1, &["a.json is no usable key file"]);
    world.mokka("keys show b.json").fails(1, &["cannot read the key file b.json"]);
}
