//! The outer ends of the ports: the system's clocks and random bytes, the audit log, the key and the folder of its
//! checkpoints, the files that hold secrets, backups, the audit log and the keys of another process, what is read anew while
//! the program runs, what systemd hands over, who runs a command, and as whom it touches files.

pub mod audit_key;
pub mod audit_log;
pub mod audit_trail;
pub mod backup_file;
pub mod backup_key_file;
pub mod certificates;
pub mod checkpoint_folder;
pub mod clock;
pub mod counting_audit;
pub mod credential_source;
pub mod file_owner;
pub mod master_key_file;
pub mod operator;
pub mod random;
pub mod remote_audit;
pub mod remote_keys;
pub mod renewed;
pub mod secret_file;
pub mod ssh_key_file;
