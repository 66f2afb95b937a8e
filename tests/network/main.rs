//! What comes over the network: SSH, mail, the reset page, balancers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod attach;
#[cfg(feature = "etcd")]
mod balancer;
mod renewal;
mod reset_page;
mod smtp;
mod ssh;
mod ssh_hostile;
