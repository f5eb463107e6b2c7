//! mokka-crypto
