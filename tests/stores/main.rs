//! The stores: what each of them promises, and several machines over one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod contract;
#[cfg(feature = "etcd")]
mod copy;
#[cfg(feature = "etcd")]
mod faults;
#[cfg(feature = "etcd")]
mod nodes;
#[cfg(feature = "etcd")]
mod renewal;
mod stranded;
#[cfg(feature = "etcd")]
mod tls;
