//! mokka-consensus
