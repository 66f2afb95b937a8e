//! A small disk of one test's own, which is soon full.

use std::{fs, path::Path, process::Command};

/// A small file system in memory over a folder, gone at the end. Only root can mount one.
pub struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// One that holds `size` (as `mount` writes it: `256k`, `48m`), if it can be mounted here.
    pub fn mount(folder: &'a Path, size: &str) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=700")])
            .arg("tmpfs")
            .arg(folder);
        mount
            .output()
            .is_ok_and(|output| output.status.success())
            .then_some(Self(folder))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}
