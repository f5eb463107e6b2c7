//! mokka-node
