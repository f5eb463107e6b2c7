//! The TCP transport: who is let in, and what strangers can do.

use std::time::Duration;

use mokka::{
    Cluster, Member,
    crypto::{SecretKey, digest},
    tcp::{MAX_MESSAGE_BYTES, MessageTooLong, Reason, Recipient, RefusedBy, Topic},
    types::{ChainHash, CrashModel, PublicKey, codec},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::world::{Seat, World, in_time, public, secret};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_say_things_to_each_other() {
    let world = World::new(4, CrashModel::Bft);
    let seats = world.start_all(3).await;
    for seat in &seats {
        seat.connected(|peers| peers.connected.len() == 2).await;
    }
    let topic = Topic::new(7);
    let mut second = seats[1].network.messages();
    let mut third = seats[2].network.messages();
    let say = &seats[0].network;
    say.send(Recipient::One(public(2)), topic, *b"to you").expect("short");
    say.send(Recipient::All, topic, *b"to all").expect("short");
    for expected in [&b"to you"[..], b"to all"] {
        let message = in_time(second.recv()).await.expect("not missed");
        assert_eq!((message.from, message.topic), (public(1), topic));
        assert_eq!(message.bytes.as_bytes(), expected);
    }
    let message = in_time(third.recv()).await.expect("not missed");
    assert_eq!(message.bytes.as_bytes(), b"to all", "the other was not for it");
    let bytes = MAX_MESSAGE_BYTES + 1;
    let too_long = say.send(Recipient::All, topic, vec![0; bytes]);
    assert_eq!(too_long, Err(MessageTooLong(bytes)));
    let longest = say.send(Recipient::All, topic, vec![5; MAX_MESSAGE_BYTES]);
    assert_eq!(longest, Ok(()));
    let message = in_time(third.recv()).await.expect("not missed");
    assert_eq!(message.bytes.as_bytes().len(), MAX_MESSAGE_BYTES);
    for seat in seats {
        seat.stop().await;
    }
}

/// A stranger is told that it is one, until somebody joins it; then it observes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_refused_until_it_is_joined() {
    let world = World::new(1, CrashModel::Bft);
    let seat = world.start(world.member(1), 1, &[]).await;
    let stranger = Seat::take(world.member(9), 9, world.path(9)).await;
    stranger.network.join(public(1), seat.address()).await;
    let told = stranger.connected(|peers| peers.refusal.is_some()).await.refusal.expect("told");
    assert_eq!((told.peer, told.by, told.reason), (public(1), RefusedBy::Them, Reason::Stranger));
    let seen = seat.connected(|peers| peers.refusal.is_some()).await.refusal.expect("seen");
    assert_eq!((seen.peer, seen.by, seen.reason), (public(9), RefusedBy::Us, Reason::Stranger));

    in_time(seat.log.submit(*b"for all eyes")).await.expect("submitted");
    seat.network.join(public(9), stranger.address()).await;
    assert_eq!(stranger.entries(1).await, ["for all eyes"]);

    seat.network.part(public(9)).await;
    stranger.connected(|peers| peers.connected.is_empty()).await;
    seat.stop().await;
    stranger.stop().await;
}

/// Members of one name with other rules have another chain hash, and part.
#[tokio::test]
async fn members_with_other_rules_are_refused() {
    let world = World::new(2, CrashModel::Bft);
    let seat = world.start(world.member(1), 1, &[]).await;
    let slower: Cluster = world.cluster.clone().heartbeat(Duration::from_millis(250));
    let other = Member::new(slower, secret(2)).expect("a cluster");
    let other = Seat::take(other, 2, world.path(2)).await;
    other.network.join(public(1), seat.address()).await;
    let refusal = other.connected(|peers| peers.refusal.is_some()).await.refusal.expect("told");
    assert_eq!(refusal.reason, Reason::Chain);
    seat.stop().await;
    other.stop().await;
}

/// Sends bytes and waits until the other side has closed.
async fn knock(address: &str, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).await.expect("somebody listens");
    // It may be closed before everything is written.
    let _closed_early = stream.write_all(bytes).await;
    let mut said = Vec::new();
    let _reset = in_time(stream.read_to_end(&mut said)).await;
    assert!(said.len() < 1024, "a hello and no more");
}

type Hello = (u32, ChainHash, PublicKey, [u8; 32]);

fn frame(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 1).expect("short");
    [&length.to_be_bytes()[..], &[kind], content].concat()
}

/// Greets as a member, written without the library's own code, and then says these bytes.
async fn greet_and_say(address: &str, chain: ChainHash, key: &SecretKey, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).await.expect("somebody listens");
    let ours: Hello = (1, chain, key.public_key(), [3; 32]);
    stream.write_all(&frame(0, &codec::encode(&ours))).await.expect("written");
    let theirs = read_frame(&mut stream).await;
    let theirs: Hello = codec::decode(&theirs[1..]).expect("a hello");
    let statement = codec::encode(&(true, ours, theirs));
    let signature = key.sign(&digest::greeting(&chain, &statement));
    let proof = [&[0][..], &codec::encode(&signature)].concat();
    stream.write_all(&frame(0, &proof)).await.expect("written");
    assert_eq!(read_frame(&mut stream).await[1], 0, "let in");
    stream.write_all(bytes).await.expect("written");
    let mut rest = Vec::new();
    let _reset = in_time(stream.read_to_end(&mut rest)).await;
}

async fn read_frame(stream: &mut TcpStream) -> Vec<u8> {
    let length = in_time(stream.read_u32()).await.expect("a frame");
    let mut bytes = vec![0; usize::try_from(length).expect("short")];
    in_time(stream.read_exact(&mut bytes)).await.expect("a frame");
    bytes
}

/// §10: nothing that comes from the network stops a member, and each garbage costs a connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_costs_the_connection_and_nothing_else() {
    let world = World::new(4, CrashModel::Bft);
    let seats = world.start_all(3).await;
    let (address, chain) = (seats[0].address(), world.cluster.chain());
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 4096], &[0; 4096], &[0, 0, 0, 3, 0, 9, 9]]
    {
        knock(&address, bytes).await;
    }
    let lie: Hello = (1, chain, public(4), [3; 32]);
    let no_proof = [frame(0, &codec::encode(&lie)), frame(0, &[0; 65])].concat();
    knock(&address, &no_proof).await;
    for bytes in [
        frame(1, &[0xff; 300]),
        frame(2, &[0xff; 300]),
        frame(0, &[1]),
        frame(9, &[1]),
        [0xff; 8].to_vec(),
    ] {
        greet_and_say(&address, chain, &secret(4), &bytes).await;
    }
    in_time(seats[0].log.submit(*b"unharmed")).await.expect("submitted");
    for seat in &seats {
        assert_eq!(seat.entries(1).await, ["unharmed"]);
    }
    for seat in seats {
        seat.stop().await;
    }
}
