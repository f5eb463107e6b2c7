//! mokka-network
