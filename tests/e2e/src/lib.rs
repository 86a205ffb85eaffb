//! End-to-end tests: the real binary, a real chain, real sockets. See `tests/it`.
