//! What happens, in words.

use mokka_consensus::Input;
use mokka_types::{Envelope, Packet, VotedAnswer};

/// What the application answers, in one line.
pub(crate) fn told(input: &Input) -> String {
    match input {
        Input::Built(built) => format!("built {:?}", built.block.as_ref().map(|block| block.id)),
        Input::Checked(checked) => format!("{checked:?}"),
        Input::Finalized(finalized) => format!("{finalized:?}"),
        Input::Packet(_)
        | Input::Vetoed(_)
        | Input::Echo(_)
        | Input::DeadlineReached
        | Input::WorkWaiting(_)
        | Input::Approved(_)
        | Input::Stop => String::new(),
    }
}

/// A packet in one line.
pub(crate) fn describe(envelope: &Envelope) -> String {
    let what = match &envelope.packet {
        Packet::Vote(vote) => format!(
            "Vote {} #{} base {:?}",
            vote.ballot.view, vote.ballot.attempt.counter, vote.base.base
        ),
        Packet::Voted(voted) => match &voted.answer {
            VotedAnswer::Granted(_) => {
                format!("Granted {} #{}", voted.ballot.view, voted.ballot.attempt.counter)
            }
            VotedAnswer::Refused(refused) => format!(
                "Refused {} #{}: {:?}, promise {}, base {:?}",
                voted.ballot.view,
                voted.ballot.attempt.counter,
                refused.reason,
                refused.promise,
                refused.base.base
            ),
        },
        Packet::Sign(sign) => format!(
            "Sign {} #{} by {:?}",
            sign.ballot.view, sign.ballot.attempt.counter, sign.signers
        ),
        Packet::Signed(signed) => {
            format!("Signed {} #{}", signed.ballot.view, signed.ballot.attempt.counter)
        }
        Packet::Ack(ack) => format!("Ack {} committed {:?}", ack.proof.view, ack.committed),
        Packet::Alive(alive) => {
            format!("Alive promise {} committed {:?}", alive.promise, alive.committed)
        }
        Packet::Proposal(proposal) => {
            format!("Proposal {} {:?} on {:?}", proposal.proof.view, proposal.id, proposal.parent)
        }
        Packet::PrepareVote(vote) => format!("PrepareVote {} {:?}", vote.view, vote.id),
        Packet::CommitVote(vote) => format!("CommitVote {} {:?}", vote.view, vote.id),
        Packet::Certified(certificate) => {
            format!("Certified {:?} {} {:?}", certificate.phase, certificate.view, certificate.id)
        }
        Packet::Handover(handover) => {
            format!("Handover {} to {:?}", handover.token.view, handover.token.successor)
        }
        Packet::BlocksRequest(request) => format!("BlocksRequest {}", request.from),
        Packet::Blocks(blocks) => format!("Blocks, {}", blocks.len()),
        Packet::BodyRequest(request) => format!("BodyRequest {:?}", request.id),
        Packet::Body(reply) => format!("Body {:?}", reply.id),
    };
    format!("{what} (from {:?}, run {} #{})", envelope.sender, envelope.run, envelope.counter)
}
