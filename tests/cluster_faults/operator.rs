//! What an operator does while the cluster is hurt: backups, which are brought back to keys of their own afterwards; other
//! master keys; and at last a copy of the store to another place, while people work on.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use jiff::Timestamp;
use lpse_kiosk::{
    adapter::{master_key_file, random::SystemRandom},
    config::StoreKind,
    service::keys::Rotation,
    store::{
        self, Store,
        backup::{self, BackupKey, Destination},
        copy::{self, Names},
    },
    vault::{Keyring, MasterKey},
};
use tokio::time::sleep;
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

/// The operator, and what they are about.
#[derive(Debug)]
pub struct Operator {
    place: Place,
    folder: PathBuf,
    backups: UnderWay<Backup>,
    rotations: UnderWay<()>,
}

/// What was begun, and may come to nothing.
type UnderWay<T> = Mutex<Vec<JoinHandle<Option<T>>>>;

/// What came of everything.
#[derive(Debug)]
pub struct Done {
    pub backups: Vec<Backup>,
    pub rotations: usize,
}

/// The store after it was copied elsewhere.
pub struct Moved {
    /// When the copy was whole.
    pub at: u64,
    pub house: House,
}

fn key() -> BackupKey {
    BackupKey::File(Zeroizing::new([9; 32]))
}

impl Operator {
    pub fn new(place: &Place, folder: &Path) -> Self {
        let keys = Keyring::new(MasterKey::from_bytes([7; 32]), Vec::new());
        master_key_file::create(&house::operators_keys(folder), &keys).unwrap();
        Self {
            place: place.clone(),
            folder: folder.to_owned(),
            backups: Mutex::default(),
            rotations: Mutex::default(),
        }
    }

    /// Begins a backup, by a machine of its own.
    pub fn begin_backup(&self) {
        self.begin(&self.backups, "backup", |place, node, folder| {
            runtime().block_on(back_up(&place, &node, &folder))
        });
    }

    /// Begins to bring in another master key, by a machine of its own.
    pub fn begin_rotation(&self) {
        self.begin(&self.rotations, "rotation", |place, node, folder| {
            runtime().block_on(rotate(&place, &node, &folder))
        });
    }

    fn begin<T: Send + 'static>(
        &self,
        kind: &UnderWay<T>,
        name: &str,
        work: impl FnOnce(Place, String, PathBuf) -> Option<T> + Send + 'static,
    ) {
        let mut under_way = kind.lock().unwrap_or_else(PoisonError::into_inner);
        let node = format!("{name}-{}", under_way.len());
        let (place, folder) = (self.place.clone(), self.folder.clone());
        under_way.push(thread::spawn(move || work(place, node, folder)));
    }

    /// Waits for everything that was begun.
    pub fn done(&self) -> Done {
        fn all<T>(kind: &UnderWay<T>) -> Vec<T> {
            let begun = std::mem::take(&mut *kind.lock().unwrap_or_else(PoisonError::into_inner));
            let done = begun.into_iter().map(|one| one.join().unwrap());
            done.flatten().collect()
        }
        Done {
            backups: all(&self.backups),
            rotations: all(&self.rotations).len(),
        }
    }

    /// Copies the store into one of this machine's own, and opens that.
    pub async fn move_away(&self) -> Moved {
        let from = house::open_store(&self.place, "mover", &self.folder).await;
        let folder = self.folder.join("moved");
        let to = store::open(StoreKind::Sled, &folder, 0).expect("a new store");
        let to: Arc<dyn Store> = Arc::new(to);
        let names = Names {
            in_source: "mover".into(),
            in_target: "mover".into(),
        };
        let copied = copy::copy(&*from, &to, &names, Timestamp::UNIX_EPOCH, |_| {}).await;
        copied.expect("the store is copied while people work on");
        let at = now();
        let keys = house::operators_keys(&self.folder);
        Moved {
            at,
            house: house::over(to, &self.place, "check", &keys).await,
        }
    }
}

/// Brings in another master key, and carries it to every machine. What fails is tried again, as an operator would.
async fn rotate(place: &Place, node: &str, folder: &Path) -> Option<()> {
    let store = house::open_store(place, node, folder).await;
    let house = house::over(store, place, node, &house::operators_keys(folder)).await;
    let keys = &house.services.keys;
    let desk = house::terminal(node, "desk");
    // The machines that have ended count as running for as long as their leases do, which an election prolongs; and a turn
    // that could not be given back is held as long.
    let mut begins = true;
    for _ in 0..120 {
        match keys.rotate(begins, &desk, |_| {}).await {
            Ok(Rotation::Rotated(rotated)) if rotated.failed.is_empty() => return Some(()),
            // The machines have gone on by themselves.
            Ok(Rotation::None { .. }) => return Some(()),
            Ok(other) => {
                println!("{node}: {other:?}");
                begins = false;
            }
            Err(error) => {
                println!("{node}: {error}");
                sleep(Duration::from_secs(1)).await;
            }
        }
        house::carry_keys(folder);
    }
    None
}

/// One that fails is tried again, as its operator would: what hurts the cluster may hurt it too.
async fn back_up(place: &Place, node: &str, folder: &Path) -> Option<Backup> {
    let house = house::open(place, node, folder).await;
    let key = key();
    for _ in 0..120 {
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
            Err(error) => {
                println!("{node}: {error}");
                sleep(Duration::from_secs(1)).await;
            }
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
        let keys = house::operators_keys(folder);
        let key = key();
        let survey = backup::survey(&*self.bytes, &key, |_| {}).expect("a whole backup");
        let into = Destination {
            store: &store,
            vault: &house::vault(&keys),
            random: &SystemRandom,
        };
        let as_of = survey.about.as_of;
        let since = backup::Since {
            as_of,
            now: as_of,
            ahead: Default::default(),
        };
        let restored = backup::restore(into, &*self.bytes, &key, &since, |_| {});
        restored.await.expect("it is brought back");
        drop(store);
        // Whoever had it open before it was brought back serves nobody: it is opened by another machine.
        let node = format!("checked-{}", self.begun);
        let store = house::open_store(&place, &node, folder).await;
        house::over(store, &place, &node, &keys).await
    }
}
