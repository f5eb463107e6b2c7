//! A signer that can be copied, because a search goes on from every state in more than one way.
//!
//! [`NonceBook`] cannot be copied, for good reasons: a nonce that signs twice gives away its key.
//! Here a nonce is drawn from the ballot and the run of its signer, so a book can be made again
//! whenever it is needed, and equal states sign equally. These keys protect nothing.

use std::collections::BTreeMap;

use mokka_consensus::SignBallot;
use mokka_crypto::{NonceBook, SecretKey, digest};
use mokka_types::{Ballot, PublicKey, PublicNonce, RunNumber, Signed};
use rand::{SeedableRng, rngs::StdRng};

use crate::law::{Law, Place};

/// What is remembered of the newest ballot of each candidate; gone after a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Pages(BTreeMap<PublicKey, Page>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Page {
    ballot: Ballot,
    answered: Option<(SignBallot, Signed)>,
}

fn open(
    law: &Law,
    key: &SecretKey,
    run: RunNumber,
    ballot: &Ballot,
) -> (NonceBook, Option<PublicNonce>) {
    let seed = blake3::hash(format!("{run} {ballot:?}").as_bytes());
    let mut book = NonceBook::new();
    let mut random = StdRng::from_seed(*seed.as_bytes());
    let nonce = book.open(key, law.chain(), ballot, &mut random);
    (book, nonce)
}

/// The nonce of this ballot.
pub(crate) fn nonce(
    law: &Law,
    key: &SecretKey,
    run: RunNumber,
    ballot: &Ballot,
) -> Option<PublicNonce> {
    open(law, key, run, ballot).1
}

/// Signs, whatever was signed before.
pub(crate) fn sign(
    law: &Law,
    key: &SecretKey,
    run: RunNumber,
    request: &SignBallot,
) -> Option<Signed> {
    let SignBallot { ballot, signers, nonce } = request;
    let (mut book, _) = open(law, key, run, ballot);
    let partial = book.sign(key, &law.committee, ballot, *signers, nonce)?;
    let statement = digest::proof(law.chain(), ballot.view, &ballot.candidate, &ballot.base);
    Some(Signed { ballot: *ballot, partial, signature: key.sign(&statement) })
}

impl Pages {
    /// Opens a nonce for a ballot, or finds the one that is open.
    pub(crate) fn grant(
        &mut self,
        law: &Law,
        at: Place,
        run: RunNumber,
        ballot: &Ballot,
    ) -> Option<PublicNonce> {
        match self.0.get(&ballot.candidate) {
            Some(page) if page.ballot == *ballot && page.answered.is_some() => return None,
            Some(page) if page.ballot != *ballot && page.ballot.attempt >= ballot.attempt => {
                return None;
            }
            Some(_) | None => {}
        }
        self.0.insert(ballot.candidate, Page { ballot: *ballot, answered: None });
        law.nonce(at, run, ballot)
    }

    /// Signs once; the same request again gets the same answer.
    pub(crate) fn sign(
        &mut self,
        law: &Law,
        at: Place,
        run: RunNumber,
        request: &SignBallot,
    ) -> Option<Signed> {
        let page = self.0.get_mut(&request.ballot.candidate)?;
        if page.ballot != request.ballot {
            return None;
        }
        match &page.answered {
            Some((answered, signed)) => (answered == request).then_some(*signed),
            None => {
                let signed = law.share(at, run, request)?;
                page.answered = Some((*request, signed));
                Some(signed)
            }
        }
    }
}
