//! mokka-mempool
