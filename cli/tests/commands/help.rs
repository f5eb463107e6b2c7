//! What the command line says of itself.

use std::process::Stdio;

use crate::world::*;

#[test]
fn exit_codes_are_documented() {
    let help = World::new().mokka("--help").ok();
    for code in ["0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "130"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(code)), "{code} in {help}");
    }
}

#[test]
fn a_pipe_shows_no_colours() {
    let world = World::new();
    for line in ["--help", "run --help", "devnet --help"] {
        assert!(!world.mokka(line).ok().contains('\x1b'), "{line}");
    }
    let error = world.mokka("keys show nowhere").fails(1, &["error: "]);
    assert!(!error.contains('\x1b'), "{error}");
}

#[test]
fn a_reader_that_has_gone_is_no_panic() {
    let world = World::new();
    world.key(1, "a.json").ok();
    let mut command = world.command("keys show a.json");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(Stdio::from(writer)).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
