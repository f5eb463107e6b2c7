//! The replicated log.

use std::{fs::OpenOptions, io::Write};

use mokka::{
    Notice,
    log::{self, Log, MAX_ENTRY_BYTES, NotSubmitted},
    memory::network,
    types::CrashModel,
};

use crate::world::{Seat, World, in_time, public, secret};

/// Writes five entries, each once the last is final.
async fn write(log: Log, author: u8) {
    for number in 0..5 {
        let text = format!("{number} of {author}");
        let index = log.submit(text.clone().into_bytes()).await.expect("submitted");
        let entry = log.entry(index).await.expect("readable").expect("final");
        assert_eq!(entry.bytes(), text.as_bytes());
    }
}

/// Every member writes, and all read the same.
async fn write_together(count: u8, model: CrashModel) {
    let world = World::new(count, model);
    let seats = world.start_all(count).await;
    let writing: Vec<_> =
        seats.iter().map(|seat| tokio::spawn(write(seat.log.clone(), seat.number))).collect();
    for writer in writing {
        in_time(writer).await.expect("written");
    }
    let total = u64::from(count) * 5;
    let first = seats[0].entries(total).await;
    for seat in &seats {
        assert_eq!(seat.entries(total).await, first);
        let own = first.iter().filter(|text| text.ends_with(&format!(" of {}", seat.number)));
        let in_order: Vec<_> = own.map(|text| text.as_bytes()[0] - b'0').collect();
        assert_eq!(in_order, [0, 1, 2, 3, 4], "one author's entries keep their order");
    }
    for seat in seats {
        seat.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_members_of_which_one_may_lie_keep_one_log() {
    write_together(4, CrashModel::Bft).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_that_never_lie_keep_one_log() {
    write_together(3, CrashModel::Cft).await;
}

/// What a member of one writes is final at once, what came before is there after a restart, and a
/// torn tail is no harm (§8).
#[tokio::test]
async fn a_member_alone_goes_on_from_its_file() {
    let world = World::new(1, CrashModel::Bft);
    for start in 0..3u64 {
        let seat = world.start(world.member(1), 1, &[]).await;
        let mut follow = seat.log.follow(0);
        for index in 0..start {
            let (at, entry) = in_time(follow.next()).await.expect("readable").expect("there");
            assert_eq!((at, entry.bytes()), (index, format!("start {index}").as_bytes()));
            assert_eq!(entry.author(), public(1));
        }
        let submitted = seat.log.submit(format!("start {start}").into_bytes());
        assert_eq!(in_time(submitted).await, Ok(start));
        let log = seat.log.clone();
        seat.stop().await;
        assert_eq!(log.submit(*b"late").await, Err(NotSubmitted::Stopped));
        assert!(in_time(follow.next()).await.expect("readable").is_some(), "what is there");
        assert!(in_time(follow.next()).await.expect("readable").is_none(), "and then the end");
        let mut file = OpenOptions::new().append(true).open(world.path(1)).expect("the file");
        file.write_all(b"\xf0log\0\0").expect("a torn tail");
    }
}

#[tokio::test]
async fn what_cannot_be_in_the_log_is_refused_at_once() {
    let world = World::new(1, CrashModel::Bft);
    let seat = world.start(world.member(1), 1, &[]).await;
    let bytes = MAX_ENTRY_BYTES + 1;
    let too_long = seat.log.submit(vec![0; bytes]).await;
    assert_eq!(too_long, Err(NotSubmitted::TooLong { bytes, limit: MAX_ENTRY_BYTES }));
    let observer = Seat::take(world.member(9), 9, world.path(9)).await;
    assert_eq!(observer.log.submit(*b"mine").await, Err(NotSubmitted::NotAMember));
    seat.stop().await;
    observer.stop().await;
}

/// The log needs no TCP: any transport will do, and any way to say entries.
#[tokio::test]
async fn a_log_over_another_transport() {
    let world = World::new(3, CrashModel::Cft);
    let links = network(&[1, 2, 3].map(public));
    let mut logs = Vec::new();
    for (number, (transport, receiver)) in (1..).zip(links) {
        let member = world.member(number);
        let handle = member.handle();
        tokio::spawn(receiver.deliver_to(handle.clone()));
        let (log, running) = log::start(member, world.path(number), transport).expect("a log");
        logs.push((log, handle, running));
    }
    let (first, others) = logs.split_first().expect("three");
    let log = first.0.clone();
    let hear: Vec<_> = others.iter().map(|(log, ..)| log.clone()).collect();
    tokio::spawn(async move {
        loop {
            for entry in log.to_say().await {
                hear.iter().for_each(|log| log.heard(&entry));
            }
        }
    });
    let index = in_time(first.0.submit(*b"by hand")).await.expect("submitted");
    for (log, ..) in &logs {
        let (at, entry) = in_time(log.follow(0).next()).await.expect("readable").expect("there");
        assert_eq!((at, entry.bytes()), (index, &b"by hand"[..]));
        log.heard(b"no entry at all");
    }
    for (_, handle, mut running) in logs {
        handle.stop();
        in_time(running.ended()).await.expect("no fault");
    }
}

/// Events reach whoever listens: the original's `join`, `leave`, `state` and the leader.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_hear_of_each_other() {
    let world = World::new(4, CrashModel::Bft);
    let mut seats = world.start_all(3).await;
    let mut notices = seats[0].handle.notices();
    let fourth = world.start(world.member(4), 4, &seats).await;
    let key = secret(4).public_key();
    let mut heard = async |wanted: Notice| {
        in_time(async { while notices.recv().await.expect("told") != wanted {} }).await;
    };
    heard(Notice::Joined(key)).await;
    fourth.stop().await;
    heard(Notice::Left(key)).await;
    seats.truncate(3);
    for seat in seats {
        seat.stop().await;
    }
}
