//! mokka-simulator
