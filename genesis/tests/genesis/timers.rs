//! §4: the timers must fit together.

use serde_json::Value;

use crate::files::{only, parse, put, right};

/// The right file with these timers.
fn timers(values: &[(&str, &str)]) -> Value {
    let mut file = right();
    for (name, value) in values {
        put(&mut file, &format!("/config/mokka/{name}"), *value);
    }
    file
}

#[test]
fn every_timer_is_some_whole_milliseconds_and_at_most_a_day() {
    for name in [
        "heartbeat",
        "electionTimeout",
        "proofLifetime",
        "handoverLead",
        "progressTimeout",
        "isolation",
    ] {
        only(
            &timers(&[(name, "0s")]),
            &format!("config.mokka.{name}: is 0; write a length of time like \"200ms\""),
        );
        only(
            &timers(&[(name, "1s 1us")]),
            &format!(
                "config.mokka.{name}: is 1s 1us, but is counted in whole milliseconds; write it \
                 like \"200ms\""
            ),
        );
        only(
            &timers(&[(name, "25h")]),
            &format!("config.mokka.{name}: is 1day 1h, but can be 1day at most; write less"),
        );
    }
}

#[test]
fn an_election_outlasts_a_heartbeat() {
    only(
        &timers(&[("electionTimeout", "200ms")]),
        "config.mokka.electionTimeout: is 200ms, but must be longer than a heartbeat (200ms), or \
         no election ends before the next begins; raise it or lower config.mokka.heartbeat",
    );
}

#[test]
fn a_proof_outlasts_three_elections() {
    only(
        &timers(&[("electionTimeout", "2s"), ("proofLifetime", "6s")]),
        "config.mokka.proofLifetime: is 6s, but must be more than three election timeouts (2s \
         each), or leaders end while their successors are elected; raise it or lower \
         config.mokka.electionTimeout",
    );
    parse(&timers(&[("electionTimeout", "2s"), ("proofLifetime", "7s")]));
}

#[test]
fn a_handover_has_time_to_succeed() {
    only(
        &timers(&[("handoverLead", "399ms")]),
        "config.mokka.handoverLead: is 399ms, but must be at least one election timeout (400ms), \
         or a handover has no time to succeed; raise it or lower config.mokka.electionTimeout",
    );
}

#[test]
fn a_leader_leads_longer_than_it_hands_over() {
    only(
        &timers(&[("handoverLead", "30s")]),
        "config.mokka.handoverLead: is 30s, but must be less than half the proof lifetime (1m), or \
         leaders hand over more than they lead; lower it or raise config.mokka.proofLifetime",
    );
}

#[test]
fn the_progress_timeout_outlasts_four_executions_of_a_full_block() {
    let mut file = right();
    put(&mut file, "/gasLimit", 125_000_000);
    only(
        &file,
        "config.mokka.progressTimeout: is 2s, but must be more than four times what a full block \
         of 125000000 gas may take to execute (500ms), or honest leaders are deposed; raise it or \
         lower gasLimit",
    );
    put(&mut file, "/config/mokka/progressTimeout", "3s");
    parse(&file);
}

#[test]
fn the_progress_timeout_outlasts_four_heartbeats() {
    let slow = [("heartbeat", "500ms"), ("electionTimeout", "1s")];
    only(
        &timers(&slow),
        "config.mokka.progressTimeout: is 2s, but must be more than four heartbeats (500ms each), \
         or a lost packet deposes a leader; raise it or lower config.mokka.heartbeat",
    );
}

#[test]
fn the_progress_timeout_can_end_a_leader() {
    only(
        &timers(&[("progressTimeout", "60s")]),
        "config.mokka.progressTimeout: is 1m, but must be less than the proof lifetime (1m), or it \
         never ends a leader; lower it or raise config.mokka.proofLifetime",
    );
}

#[test]
fn isolation_outlasts_two_signs_of_life() {
    only(
        &timers(&[("isolation", "2s")]),
        "config.mokka.isolation: is 2s, but followers show themselves about once in 1s: write more \
         than twice that",
    );
}

#[test]
fn isolation_outlasts_two_heartbeats() {
    let slow = [("heartbeat", "1500ms"), ("electionTimeout", "2s"), ("progressTimeout", "10s")];
    only(
        &timers(&slow),
        "config.mokka.isolation: is 3s, but must be more than twice the heartbeat (1s 500ms), or a \
         lost packet isolates a leader; raise it or lower config.mokka.heartbeat",
    );
}

#[test]
fn isolation_can_end_a_leader() {
    only(
        &timers(&[("isolation", "1m")]),
        "config.mokka.isolation: is 1m, but must be less than the proof lifetime (1m), or it never \
         ends a leader; lower it or raise config.mokka.proofLifetime",
    );
}

#[test]
fn empty_blocks_keep_the_block_interval() {
    only(
        &timers(&[("blockInterval", "5s"), ("emptyBlockInterval", "4s")]),
        "config.mokka.emptyBlockInterval: is 4s, less than the least time between two blocks (5s); \
         raise it or lower config.mokka.blockInterval",
    );
    only(
        &timers(&[("emptyBlockInterval", "0s")]),
        "config.mokka.emptyBlockInterval: is 0, which would make empty blocks without end; remove \
         it to make none",
    );
    let genesis = parse(&timers(&[("blockInterval", "0s"), ("emptyBlockInterval", "5s")]));
    assert_eq!(genesis.settings().empty_block_interval, Some(std::time::Duration::from_secs(5)));
}
