//! The service from outside: real sockets, real databases, a real chain.

mod auditor;
mod cheats;
mod close;
mod crash;
mod demands;
mod disk_full;
mod evidence;
mod fetch;
mod flood;
mod ingest;
mod rivals;
mod several;
mod starts;
mod support;
mod world;
