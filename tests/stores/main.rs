//! The stores: what each of them promises, and several machines over one.

mod contract;
#[cfg(feature = "etcd")]
mod copy;
#[cfg(feature = "etcd")]
mod faults;
#[cfg(feature = "etcd")]
mod nodes;
#[cfg(feature = "etcd")]
mod tls;
