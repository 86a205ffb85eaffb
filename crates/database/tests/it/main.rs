//! The store on real databases: the same expectations on SQLite and on PostgreSQL, and a process killed while it writes.

mod crash;
mod epochs;
mod evidence;
mod leases;
mod order;
mod receipts;
mod rejections;
mod support;
