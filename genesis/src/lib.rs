//! mokka-genesis
