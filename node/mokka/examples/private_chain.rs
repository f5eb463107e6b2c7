//! The private blockchain on this consensus is the node of this repository: it plugs a state
//! machine with accounts and contracts, a store and a transport into the engine. `cargo run
//! --example private_chain` says how to start one.

fn main() {
    println!(
        "A private chain is the node `mokka`, a user of this library:\n\n  \
         make devnet                    four validators on this machine\n  \
         node/docs/consortium.md        a chain of several organisations\n  \
         node/src/assemble.rs           where the node plugs its parts into the engine"
    );
}
