//! The service from outside: real sockets, real databases.

mod ingest;
mod support;
