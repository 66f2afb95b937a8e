//! A small disk of one test's own, which is soon full.

use std::{fs, path::Path, process::Command};

/// A small file system in memory over a folder, gone at the end. Only root can mount one.
pub struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// One that holds `size` (as `mount` writes it: `256k`, `48m`). Where it cannot be mounted, the test is left out.
    pub fn mount(folder: &'a Path, size: &str) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=700")])
            .arg("tmpfs")
            .arg(folder);
        let is_there = mount.output().is_ok_and(|output| output.status.success());
        if !is_there {
            super::left_out("a small disk cannot be mounted");
        }
        is_there.then_some(Self(folder))
    }

    /// Takes all room but `leave` bytes, until [`empty`](Self::empty).
    pub fn fill(&self, leave: u64) {
        let disk = rustix::fs::statvfs(self.0).unwrap();
        let free = disk.f_bavail * disk.f_frsize;
        let file = fs::File::create(self.0.join("filler")).unwrap();
        let wanted = free.saturating_sub(leave).max(1);
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, wanted).unwrap();
    }

    pub fn empty(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}
