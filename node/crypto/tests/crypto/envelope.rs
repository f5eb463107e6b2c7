//! §3: every packet is authenticated.

use mokka_crypto::{InvalidEnvelope, SecretKey, open};
use mokka_types::{
    Alive, Body, BodyReply, Envelope, Packet, PublicKey, RunNumber, SealedEnvelope, Signature,
};
use proptest::prelude::*;

use crate::world::{CHAIN, OTHER_CHAIN, block, secret, view};

fn envelope(sender: &SecretKey) -> Envelope {
    Envelope {
        sender: sender.public_key(),
        run: RunNumber::new(1000),
        counter: 7,
        packet: Packet::Alive(Alive { promise: view(3), committed: block(9, 1) }),
    }
}

#[test]
fn a_sealed_envelope_opens_to_what_was_sealed() {
    let key = secret(0);
    let (sealed, own) = key.seal(&CHAIN, envelope(&key));
    assert_eq!(sealed.envelope, envelope(&key));
    let opened = open(&CHAIN, sealed).unwrap();
    assert_eq!(opened, own);
    assert_eq!(opened.counter, 7);
    assert_eq!(opened.into_inner(), envelope(&key));
}

#[test]
fn every_field_of_an_envelope_is_signed() {
    let key = secret(0);
    let sealed = key.seal(&CHAIN, envelope(&key)).0;
    let flips: [fn(&mut Envelope); 4] = [
        |envelope| envelope.run = RunNumber::new(1001),
        |envelope| envelope.counter += 1,
        |envelope| {
            envelope.packet = Packet::Alive(Alive { promise: view(4), committed: block(9, 1) });
        },
        |envelope| {
            let reply = BodyReply { id: block(9, 1), body: Body::new(*b"x") };
            envelope.packet = Packet::Body(reply);
        },
    ];
    for flip in flips {
        let mut forged = sealed.clone();
        flip(&mut forged.envelope);
        let wrong = InvalidEnvelope::WrongSignature(key.public_key());
        assert_eq!(open(&CHAIN, forged).unwrap_err(), wrong);
    }
}

#[test]
fn nobody_speaks_for_another() {
    let (alice, bob) = (secret(0), secret(1));
    let mut forged = bob.seal(&CHAIN, envelope(&bob)).0;
    forged.envelope.sender = alice.public_key();
    let wrong = InvalidEnvelope::WrongSignature(alice.public_key());
    assert_eq!(open(&CHAIN, forged).unwrap_err(), wrong);
    // Sealing puts the signer's own name in, whatever the caller wrote.
    let (sealed, own) = bob.seal(&CHAIN, envelope(&alice));
    assert_eq!(sealed.envelope.sender, bob.public_key());
    assert_eq!(open(&CHAIN, sealed).unwrap(), own);
}

#[test]
fn an_envelope_of_another_chain_is_refused() {
    let key = secret(0);
    let sealed = key.seal(&OTHER_CHAIN, envelope(&key)).0;
    let wrong = InvalidEnvelope::WrongSignature(key.public_key());
    assert_eq!(open(&CHAIN, sealed).unwrap_err(), wrong);
}

#[test]
fn a_sender_off_the_curve_is_refused() {
    let nobody = PublicKey::new([0; 33]);
    let envelope = Envelope { sender: nobody, ..envelope(&secret(0)) };
    let sealed = SealedEnvelope { envelope, signature: Signature::new([0; 64]) };
    assert_eq!(open(&CHAIN, sealed).unwrap_err(), InvalidEnvelope::SenderNotOnCurve(nobody));
}

/// The two keys of one x coordinate share BIP-340 signatures; the envelope names one of them.
#[test]
fn the_parity_of_the_sender_is_signed() {
    let key = secret(0);
    let mut forged = key.seal(&CHAIN, envelope(&key)).0;
    let mut other = *key.public_key().as_bytes();
    other[0] ^= 1;
    forged.envelope.sender = PublicKey::new(other);
    let wrong = InvalidEnvelope::WrongSignature(PublicKey::new(other));
    assert_eq!(open(&CHAIN, forged).unwrap_err(), wrong);
}

#[test]
fn signing_twice_gives_the_same_bytes() {
    let key = secret(0);
    assert_eq!(key.seal(&CHAIN, envelope(&key)), key.seal(&CHAIN, envelope(&key)));
}

#[test]
fn a_secret_key_does_not_show_itself() {
    let shown = format!("{:?}", SecretKey::from_bytes([0xab; 32]).unwrap());
    assert!(shown.starts_with("SecretKey(of key:") && !shown.contains("abab"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_bit_of_a_signature_may_change(byte in 0..64usize, bit in 0..8u8) {
        let key = secret(0);
        let mut forged = key.seal(&CHAIN, envelope(&key)).0;
        let mut signature = *forged.signature.as_bytes();
        signature[byte] ^= 1 << bit;
        forged.signature = Signature::new(signature);
        prop_assert!(open(&CHAIN, forged).is_err());
    }
}
