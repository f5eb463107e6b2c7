//! mokka-storage
