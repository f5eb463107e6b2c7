//! mokka-rpc
