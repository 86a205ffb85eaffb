//! The service from outside: real sockets, real databases, a real chain.

mod cheats;
mod close;
mod crash;
mod demands;
mod ingest;
mod rivals;
mod support;
mod world;
