//! How fast it is. Prints; judges nothing, for the machine may be busy.

use std::time::Instant;

use mokka_runtime::{check_block, encode_block};

use crate::world::{Person, World, transfer};

#[test]
fn transfers_per_second() {
    const TRANSFERS: u64 = 2_000;
    let world = World::new();
    let signed: Vec<_> = (0..TRANSFERS)
        .map(|i| {
            let to =
                alloy_primitives::Address::from_word(alloy_primitives::keccak256(i.to_be_bytes()));
            Person(u8::try_from(i % 8).unwrap()).sign(transfer(i / 8, to, 1))
        })
        .collect();
    let time = |what: &str, start: Instant| {
        let took = start.elapsed();
        let rate = f64::from(u32::try_from(TRANSFERS).unwrap()) / took.as_secs_f64();
        println!("{what:28} {took:>12.1?} {rate:>10.0} transfers/s");
    };

    let start = Instant::now();
    let mut builder = world.builder();
    assert_eq!(builder.fill(&mut signed.into_iter(), &mut || false).unwrap(), []);
    time("execute", start);
    let closing = Instant::now();
    let built = builder.finish().unwrap();
    time("roots", closing);
    time("build (execute and roots)", start);

    let start = Instant::now();
    let block = world.recovered(built.block.clone());
    time("recover senders", start);
    let start = Instant::now();
    let checked =
        check_block(&world.spec, &world.head, block, &world.memory, &world.memory).unwrap();
    time("check (senders known)", start);
    assert_eq!(checked, built);
    println!("{} bytes per transfer", encode_block(&built.block).len() as u64 / TRANSFERS);
}
