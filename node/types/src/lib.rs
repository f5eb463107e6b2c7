//! mokka-types
