//! The library as its users meet it: members that replicate a log over real sockets.

mod killed;
mod log;
mod member;
mod tcp;
mod world;
