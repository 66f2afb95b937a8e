//! What comes over the network: SSH, mail, the reset page, balancers.

mod attach;
#[cfg(feature = "etcd")]
mod balancer;
mod reset_page;
mod smtp;
mod ssh;
mod ssh_hostile;
