//! mokka-tidy
