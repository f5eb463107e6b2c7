//! mokka
