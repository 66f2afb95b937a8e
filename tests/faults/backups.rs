//! Backups of the store in the cluster, made while it is hurt, and brought back to keys of their own afterwards.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use lpse_kiosk::{
    adapter::random::SystemRandom,
    store::backup::{self, BackupKey, Destination},
};
use zeroize::Zeroizing;

use super::{
    cluster,
    house::{self, House, Place},
    journal::now,
    runtime,
};

/// A backup that is whole.
#[derive(Debug)]
pub struct Backup {
    pub begun: u64,
    pub ended: u64,
    bytes: Vec<u8>,
}

/// The backups that were asked for.
#[derive(Debug)]
pub struct Backups {
    place: Place,
    folder: PathBuf,
    under_way: Mutex<Vec<JoinHandle<Option<Backup>>>>,
}

fn key() -> BackupKey {
    BackupKey::File(Zeroizing::new([9; 32]))
}

impl Backups {
    pub fn new(place: &Place, folder: &Path) -> Self {
        Self {
            place: place.clone(),
            folder: folder.to_owned(),
            under_way: Mutex::default(),
        }
    }

    /// Begins another one, by a machine of its own.
    pub fn begin(&self) {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let node = format!("backup-{}", under_way.len());
        let (place, folder) = (self.place.clone(), self.folder.clone());
        under_way.push(thread::spawn(move || {
            runtime().block_on(make(&place, &node, &folder))
        }));
    }

    /// Those that came to their end.
    pub fn all(self) -> Vec<Backup> {
        let under_way = self.under_way.into_inner();
        let under_way = under_way.unwrap_or_else(PoisonError::into_inner);
        let made = under_way.into_iter().map(|made| made.join().unwrap());
        made.flatten().collect()
    }
}

/// One that fails is tried again, as its operator would: what hurts the cluster may hurt it too.
async fn make(place: &Place, node: &str, folder: &Path) -> Option<Backup> {
    let house = house::open(place, node, folder).await;
    let key = key();
    for _ in 0..20 {
        let begun = now();
        let made = backup::make(
            &*house.store,
            Vec::new(),
            &key,
            None,
            &*house.clock,
            &SystemRandom,
            |_| {},
        );
        match made.await {
            Ok(made) => {
                return Some(Backup {
                    begun,
                    ended: now(),
                    bytes: made.to,
                });
            }
            Err(error) => println!("{node}: {error}"),
        }
    }
    None
}

impl Backup {
    /// The services over what it brings back.
    pub async fn restored(&self, place: &Place, folder: &Path) -> House {
        let place = Place {
            prefix: cluster::fresh_prefix(),
            ..place.clone()
        };
        let node = format!("restored-{}", self.begun);
        let store = house::open_store(&place, &node, folder).await;
        let key = key();
        let survey = backup::survey(&*self.bytes, &key, |_| {}).expect("a whole backup");
        let into = Destination {
            store: &store,
            vault: &house::vault(),
            random: &SystemRandom,
        };
        let as_of = survey.about.as_of;
        let restored = backup::restore(into, &*self.bytes, &key, as_of, as_of, |_| {});
        restored.await.expect("it is brought back");
        house::over(store, &place, &node).await
    }
}
