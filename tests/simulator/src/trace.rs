//! What happens, in words: who says what to whom, what each decides, what goes wrong.
//!
//! ```text
//!    0.312s  n2 → all  Vote: wants to lead term 0.1, on block 0
//!    0.315s            n0 hears Vote from n2
//!    0.315s  n0 → n2   Granted: would sign for n2 in term 0.1
//! ```
//! A star marks who lies. Everything but the words of packets is hashed, and of packets their
//! bytes: two runs with one hash are the same run. Words of packets are made only where somebody
//! reads them.

use std::fmt::{self, Write as _};

use mokka_consensus::{Event, Input, Verdict};
use mokka_crypto::Verified;
use mokka_types::{
    Ballot, Base, BlockId, CertifiedBase, Envelope, Epoch, Packet, PublicKey, Signers, VotedAnswer,
};

use crate::{scenario::Telling, world::World};

/// Lines that are kept of a run that fails.
const KEPT: usize = 60;

/// A node.
pub(crate) struct Name(pub(crate) usize);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// Some nodes.
pub(crate) struct Names<'a>(pub(crate) &'a [usize]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, node) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{}", Name(*node))?;
        }
        Ok(())
    }
}

/// A block by its height and the first digits of its hash; genesis by its height alone.
struct Block(BlockId);

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = self.0.hash.as_bytes();
        match self.0.height.get() {
            0 => f.write_str("block 0"),
            height => write!(f, "block {height}/{:02x}{:02x}", hash[0], hash[1]),
        }
    }
}

/// What somebody stands on.
struct On(Base);

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on {}", Block(self.0.committed))?;
        match self.0.prepared {
            Some(at) => write!(f, " with {} prepared in term {}", Block(at.id), at.term),
            None => Ok(()),
        }
    }
}

/// Hashes what is written to it.
struct Hashing<'a>(&'a mut blake3::Hasher);

impl fmt::Write for Hashing<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// What the application answers, or somebody tells a node.
pub(crate) fn told(input: &Input) -> String {
    match input {
        Input::Built(built) => match &built.block {
            Some(block) => format!("here is {} on {}", Block(block.id), Block(built.parent)),
            None => format!("nothing to build on {}", Block(built.parent)),
        },
        Input::Checked(checked) => match checked.verdict {
            Verdict::Valid { .. } => "that block is valid".to_owned(),
            Verdict::NotThisBlock | Verdict::TooEarly | Verdict::Invalid => {
                format!("that block is bad: {:?}", checked.verdict)
            }
        },
        Input::Finalized(finalized) => format!("{} is in the log", Block(finalized.id)),
        Input::Packet(_)
        | Input::Vetoed(_)
        | Input::Echo(_)
        | Input::DeadlineReached
        | Input::WorkWaiting(_)
        | Input::Approved(_)
        | Input::WallClock(_)
        | Input::Stop => String::new(),
    }
}

impl World {
    /// One line of the trace: hashed always, shown where asked for.
    pub(crate) fn note(&mut self, line: fmt::Arguments<'_>) {
        self.trace.update(&self.now.elapsed().as_nanos().to_be_bytes());
        // Invariant: a hasher takes everything.
        Hashing(&mut self.trace).write_fmt(line).expect("no failure");
        self.show(|_| line.to_string());
    }

    /// A line that is only shown: what it says was hashed before.
    pub(crate) fn show(&self, line: impl FnOnce(&Self) -> String) {
        let full = || format!("{:>9.3}s  {}", self.now.elapsed().as_secs_f64(), line(self));
        match &self.scenario.telling {
            Telling::Nobody => {}
            Telling::Everybody => println!("{}", full()),
            Telling::Last(lines) => {
                let mut lines = lines.borrow_mut();
                if lines.len() >= KEPT {
                    lines.pop_front();
                }
                lines.push_back(full());
            }
        }
    }

    /// A packet came to a node that hears it now.
    pub(crate) fn note_arrival(&mut self, node: usize, envelope: &Verified<Envelope>) {
        let place = u64::try_from(node).unwrap_or(u64::MAX);
        self.trace.update(&self.now.elapsed().as_nanos().to_be_bytes());
        self.trace.update(&place.to_be_bytes());
        self.trace.update(&envelope.counter.to_be_bytes());
        self.show(|world| {
            let (sender, kind) = (world.name(&envelope.sender), envelope.packet.kind());
            format!("{:9} {} hears {kind:?} #{} of {sender}", "", Name(node), envelope.counter)
        });
    }

    /// A packet leaves, perhaps once more.
    pub(crate) fn show_sent(&self, from: usize, to: Option<&[usize]>, envelope: &Envelope) {
        self.show(|world| {
            let star = if world.is_liar(from) { "*" } else { "" };
            let to = to.map_or_else(|| "all".to_owned(), |to| Names(to).to_string());
            let old = match world.places(&envelope.sender).contains(&from) {
                true => String::new(),
                false => format!("{}'s ", world.name(&envelope.sender)),
            };
            let said = world.describe(&envelope.packet);
            let (kind, counter) = (envelope.packet.kind(), envelope.counter);
            let parties = format!("{}{star} → {to}", Name(from));
            format!("{parties:9} {old}{kind:?} #{counter}{said}")
        });
    }

    /// A packet that left does not arrive everywhere.
    pub(crate) fn show_lost(&self, to: &[usize]) {
        if !to.is_empty() {
            self.show(|_| format!("{:9} (never reaches {})", "", Names(to)));
        }
    }

    /// The node with this key.
    pub(crate) fn name(&self, key: &PublicKey) -> String {
        self.place(key).map_or_else(|| format!("{key:?}"), |place| Name(place).to_string())
    }

    fn signers(&self, epoch: Epoch, signers: Signers) -> String {
        let set = usize::try_from(epoch.get()).ok().and_then(|epoch| self.sets.get(epoch));
        let keys = signers.iter().filter_map(|index| set?.key(index));
        let places: Vec<_> = keys.filter_map(|key| self.place(key)).collect();
        Names(&places).to_string()
    }

    /// What a packet says.
    fn describe(&self, packet: &Packet) -> String {
        let on = |base: &CertifiedBase| On(base.base).to_string();
        match packet {
            Packet::Vote(vote) => {
                let token = if vote.handover.is_some() { ", as my leader wishes" } else { "" };
                let (view, base) = (vote.ballot.view, on(&vote.base));
                let attempt = vote.ballot.attempt.counter;
                format!(": vote for me in term {view} (attempt {attempt}), {base}{token}")
            }
            Packet::Voted(voted) => match &voted.answer {
                VotedAnswer::Granted(_) => format!(": granted, term {}", voted.ballot.view),
                VotedAnswer::Refused(refused) => format!(
                    ": refused, term {}: {:?}; I promised {} and stand {}",
                    voted.ballot.view,
                    refused.reason,
                    refused.promise,
                    on(&refused.base)
                ),
            },
            Packet::Sign(sign) => {
                let signers = self.signers(sign.ballot.view.epoch, sign.signers);
                format!(": sign for me in term {}, {signers}", sign.ballot.view)
            }
            Packet::Signed(signed) => {
                let Ballot { view, candidate, .. } = signed.ballot;
                format!(": signed for {} in term {view}", self.name(&candidate))
            }
            Packet::Ack(ack) => {
                let leader = self.name(&ack.proof.candidate);
                format!(": {leader} leads term {}, final: {}", ack.proof.view, Block(ack.committed))
            }
            Packet::Alive(alive) => {
                format!(": I promised {}, final: {}", alive.promise, Block(alive.committed))
            }
            Packet::Proposal(proposal) => format!(
                ": {} on {} in term {}",
                Block(proposal.id),
                Block(proposal.parent),
                proposal.proof.view
            ),
            Packet::PrepareVote(vote) | Packet::CommitVote(vote) => {
                format!(": for {} in term {}", Block(vote.id), vote.view)
            }
            Packet::Certified(at) => format!(
                ": {:?} certificate of {} in term {} by {}",
                at.phase,
                Block(at.id),
                at.view,
                self.signers(at.view.epoch, at.signers)
            ),
            Packet::Handover(handover) => {
                let successor = self.name(&handover.token.successor);
                format!(": {successor}, lead after my term {}", handover.token.view)
            }
            Packet::BlocksRequest(request) => format!(": from height {}", request.from),
            Packet::Blocks(blocks) => format!(": {} of them", blocks.len()),
            Packet::BodyRequest(request) => format!(": {}", Block(request.id)),
            Packet::Body(reply) => format!(": {}", Block(reply.id)),
        }
    }

    /// What an event means for a node.
    pub(crate) fn happened_to(&self, node: usize, event: &Event) -> String {
        let who = Name(node);
        match event {
            Event::HeartbeatTimeout => format!("{who} hears no leader"),
            Event::State(role) => format!("{who} is now {role:?}"),
            Event::Standing(view) => format!("{who} stands for term {view}"),
            Event::NotElected(view) => format!("{who} is not elected in term {view}"),
            Event::Leader { view, leader } if self.place(leader) == Some(node) => {
                format!("{who} LEADS term {view}")
            }
            Event::Leader { view, leader } => {
                format!("{who} follows {} in term {view}", self.name(leader))
            }
            Event::Resigned { view, reason } => {
                format!("{who} leads no more in term {view}: {reason:?}")
            }
            Event::Final(id) => format!("{who}: {} is FINAL", Block(*id)),
            Event::Epoch(epoch) => format!("{who}: epoch {epoch} begins"),
            Event::Marked(mark) => format!("{who} is marked: {}", mark.reason),
            Event::Evidence(evidence) => {
                format!("{who} has evidence against {}: {evidence:?}", self.name(&evidence.culprit))
            }
            Event::ClockBehind(view) => format!("{who}'s clock is behind term {view}"),
            Event::VotesMissing(signers) => format!("{who} misses the votes of {signers:?}"),
        }
    }
}
