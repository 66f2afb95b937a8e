//! The master keys: bringing in a new one while people work, looking whether everything opens, and letting old ones go.
//!
//! A rotation can be killed at any moment, and the next one goes on where it was. First its aim is noted in the store;
//! then the new key goes into the key file as one that opens, and whoever seals into the store learns it; only then it
//! becomes the one that seals, in the file and everywhere; then every sealed record is sealed anew, and the note goes. No
//! old key is forgotten on the way: records, and backups above all, may still need it.
//!
//! Machines that share the store have a key file each, which nobody but the operator carries from one to the other. Each
//! says in the store which keys it holds: a rotation goes on when all that run hold the new one, and names the others.
//!
//! Which key seals is said by the store, in its seal check. In a file it is the first where this program could put it there;
//! one that was carried here, or that systemd hands over, may have it below another.

use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::{Foundation, ServiceError};
use crate::{
    domain::{
        Source,
        account::SealedSecret,
        audit::{Act, AuditEvent, AuditOutcome},
    },
    kill_point,
    ports::AuditError,
    store::{
        Commit, Outcome, StoreError, Turn, Work, holds,
        nodes::Node,
        sealed::{Place, Sealed},
        settings::while_rotating,
    },
    vault::{KeyError, KeyFile, Keyring, KeysHeld, MasterKey, Vault},
};

/// A machine that is given a key file has learned the keys in it, and said so, within this time.
const LEARNING: Duration = Duration::from_secs(8);

/// Between two looks whether somebody else's change of the keys has ended.
const PAUSE: Duration = Duration::from_millis(500);

/// The other machines that have not said that they hold a key, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Others {
    /// Those that run.
    pub lacking: Vec<String>,
    /// Those that do not.
    pub away: Vec<String>,
}

/// A rotation that was begun, and can go on at this machine, which holds its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// The new key.
    pub id: String,
    pub others: Others,
}

/// The service that keeps the master keys.
#[derive(Debug, Clone)]
pub struct Keys {
    foundation: Arc<Foundation>,
}

/// Why the keys are as they were, or a change of them is not finished; it can be tried again.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeysError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<StoreError> for KeysError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

impl From<AuditError> for KeysError {
    fn from(error: AuditError) -> Self {
        Self::Service(error.into())
    }
}

/// What a rotation tells while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A new key seals from now on.
    Begun { id: String },
    /// The key of a rotation that was broken off.
    Resumed { id: String },
    /// Somebody else goes on with the rotation to this key, whose end is waited for.
    Elsewhere { id: String },
    /// This many records more were looked at, of which so many were sealed anew.
    Sealed { looked: u64, changed: u64 },
}

/// What came of asking for a rotation.
#[derive(Debug)]
pub enum Rotation {
    /// None was under way, and none was asked for: this key seals, and nothing was changed.
    None {
        sealing: String,
    },
    Ready(Ready),
    Rotated(Rotated),
}

/// A new key that seals nothing yet, because machines that run do not hold it.
#[derive(Debug)]
pub struct Ready {
    pub id: String,
    /// Where this machine keeps it.
    pub file: String,
    /// Those machines, by their names.
    pub lacking: Vec<String>,
    /// Machines that do not run, and have not said that they hold it.
    pub away: Vec<String>,
}

/// What a rotation came to.
#[derive(Debug)]
pub struct Rotated {
    /// The key that seals now.
    pub id: String,
    /// Machines that do not run, and did not say before that they hold it.
    pub away: Vec<String>,
    /// Records that were sealed anew by this run.
    pub changed: u64,
    /// Records with something that does not open, and why. The old keys stay, and the rotation is not finished.
    pub failed: Vec<(String, String)>,
}

/// How many records are sealed under which key.
#[derive(Debug, Default)]
pub struct Census {
    /// The key that seals now.
    pub sealing: String,
    /// By the keys' names: those of the key file, and those that only records name.
    pub keys: BTreeMap<String, KeyCount>,
    /// Records that may hold something sealed, and were looked at.
    pub looked: u64,
    /// What does not open: so many.
    pub failed: u64,
}

/// What is known of one key.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct KeyCount {
    /// It is in the key file.
    pub is_kept: bool,
    /// Sealed texts that name it.
    pub sealed: u64,
}

/// Something that does not open.
pub struct Unopened<'a> {
    /// The record's name in the store: an account's, or a letter's.
    pub record: &'a str,
    pub why: &'a dyn fmt::Display,
}

/// What came of letting old keys go.
#[derive(Debug)]
pub enum Dropped {
    /// There was none but the one that seals.
    None,
    /// These are no longer in the key file.
    Keys(Vec<String>),
}

impl Keys {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self { foundation }
    }

    /// Brings a new key in where `begins`, or goes on with a rotation that was broken off, until everything is sealed under
    /// it.
    ///
    /// Where other machines share the store and run, the key first comes into this machine's file as one that opens and
    /// seals nothing yet, so that the file can be taken to them before any of them meets something sealed under it.
    ///
    /// Whoever begins none waits for the end of one that goes on elsewhere, however long that takes.
    pub async fn rotate(
        &self,
        begins: bool,
        from: &Source,
        mut progress: impl FnMut(Progress),
    ) -> Result<Rotation, KeysError> {
        let deps = &self.foundation;
        let turn = match begins {
            true => Some(deps.store.take_turn(Work::Rotation).await?),
            false => self.turn_to_go_on(&mut progress).await?,
        };
        let kept = self.kept().await?;
        let sealing_before = self.sealing(&kept).await?;
        if turn.is_none() {
            return Ok(Rotation::None {
                sealing: sealing_before,
            });
        }
        let noted = deps.settings().rotation().await?;
        if let Some(id) = &noted
            && !kept.holds(id)
        {
            self.refuse_if_held_elsewhere(id).await?;
        }
        // One whose key is in no file was broken off before it had any.
        let noted = noted.filter(|id| kept.holds(id));
        if noted.is_none() && !begins {
            if deps.vault.elsewhere().is_some() {
                // A file that was brought here late may hold what the other process cannot read.
                let opens = |held: &KeysHeld| held.opens(&sealing_before);
                self.everywhere(Change::Learn, opens).await?;
            }
            return Ok(Rotation::None {
                sealing: sealing_before,
            });
        }
        if noted.is_none() {
            deps.vault.file().map_or(Ok(()), KeyFile::replaceable)?;
        }
        self.holder_can_learn(&kept).await?;
        self.record(Act::RotateKey, AuditOutcome::Intended, from, None)
            .await?;
        let brought = self
            .bring_in(kept, noted, &sealing_before, from, &mut progress)
            .await;
        if let Err(error) = &brought {
            let failed = AuditOutcome::Failed(error.to_string());
            // What the rotation failed by may keep this from being recorded too; that it was intended is recorded.
            let _ = self.record(Act::RotateKey, failed, from, None).await;
        }
        brought
    }

    /// The turn to change the keys, for whoever begins no rotation; `None` where it is somebody else's, and no rotation is
    /// under way, or not any more.
    async fn turn_to_go_on(
        &self,
        progress: &mut impl FnMut(Progress),
    ) -> Result<Option<Turn>, KeysError> {
        let deps = &self.foundation;
        let mut is_told = false;
        loop {
            match deps.store.take_turn(Work::Rotation).await {
                Ok(turn) => return Ok(Some(turn)),
                Err(StoreError::Taken(_)) => {}
                Err(error) => return Err(error.into()),
            }
            let Some(id) = deps.settings().rotation().await? else {
                return Ok(None);
            };
            if !is_told {
                progress(Progress::Elsewhere { id });
                is_told = true;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The rotation that can go on here: one is under way, and this machine's file holds its key. Whether somebody is at it
    /// just now is not said. May take as long as it takes to hear the other machines, which is some seconds.
    pub async fn under_way(&self) -> Result<Option<UnderWay>, KeysError> {
        let Some(id) = self.foundation.settings().rotation().await? else {
            return Ok(None);
        };
        if !self.kept().await?.holds(&id) {
            return Ok(None);
        }
        let others = self.others(&id, Duration::ZERO).await?;
        Ok(Some(UnderWay { id, others }))
    }

    /// The key that the store is sealed under, by its name; in a store without anything sealed, the first of `kept`.
    async fn sealing(&self, kept: &Keyring) -> Result<String, KeysError> {
        let check = self.foundation.settings().seal_check().await?.sealed;
        Ok(check.map_or_else(|| kept.sealing().id(), |sealed| sealed.key_id))
    }

    /// What a rotation does while it has the turn: to the key named `noted`, or to a new one.
    async fn bring_in(
        &self,
        kept: Keyring,
        noted: Option<String>,
        sealing_before: &str,
        from: &Source,
        progress: &mut impl FnMut(Progress),
    ) -> Result<Rotation, KeysError> {
        let deps = &self.foundation;
        let id = self.aim(kept, noted.as_deref(), progress).await?;
        let patience = match noted {
            // The operator may have taken the file elsewhere just now.
            Some(_) => LEARNING,
            None => Duration::ZERO,
        };
        let others = self.others(&id, patience).await?;
        let check = deps.settings().seal_check().await?.sealed;
        let seals_already = check.is_some_and(|sealed| sealed.key_id == id);
        if !seals_already && !others.lacking.is_empty() {
            let said = Some(format!("{id} is ready, and seals nothing yet"));
            self.record(Act::RotateKey, AuditOutcome::Done, from, said)
                .await?;
            let file = deps.vault.file().map_or_else(String::new, KeyFile::shown);
            return Ok(Rotation::Ready(Ready {
                id,
                file,
                lacking: others.lacking,
                away: others.away,
            }));
        }
        // Whoever lost the turn without noticing does not go on after somebody else has ended this.
        let condition = while_rotating(Some(&id));
        self.seal_everywhere_with(&id).await?;
        self.renew_seal_check(&id, &condition).await?;
        let mut rotated = Rotated {
            id,
            away: others.away,
            changed: 0,
            failed: Vec::new(),
        };
        self.seal_everything_anew(&mut rotated, &condition, progress)
            .await?;
        if rotated.failed.is_empty() {
            deps.settings().end_rotation(&rotated.id).await?;
            kill_point::reached();
        }
        let said = format!("from {sealing_before} to {}", rotated.id);
        let outcome = match rotated.failed.len() {
            0 => AuditOutcome::Done,
            count => AuditOutcome::Failed(format!("{count} records do not open")),
        };
        self.record(Act::RotateKey, outcome, from, Some(said))
            .await?;
        Ok(Rotation::Rotated(rotated))
    }

    /// The other machines that have not said that they hold the key `id`; those that run are given `patience` to learn it.
    async fn others(&self, id: &str, patience: Duration) -> Result<Others, KeysError> {
        let deps = &self.foundation;
        let until = Instant::now() + patience;
        loop {
            let mut others = Others::default();
            for node in deps.store.nodes().await? {
                if node.said.name == deps.node || node.said.keys.iter().any(|key| key == id) {
                    continue;
                }
                match node.is_living {
                    true => others.lacking.push(node.said.name),
                    false => others.away.push(node.said.name),
                }
            }
            if others.lacking.is_empty() || Instant::now() >= until {
                return Ok(others);
            }
            tokio::time::sleep(LEARNING / 16).await;
        }
    }

    /// A rotation that was begun with another machine's file goes on with that file: another new key here would shut that
    /// machine out.
    async fn refuse_if_held_elsewhere(&self, id: &str) -> Result<(), KeysError> {
        let deps = &self.foundation;
        let nodes = deps.store.nodes().await?;
        let holds = |node: &&Node| {
            node.said.name != deps.node && node.said.keys.iter().any(|key| key == id)
        };
        match nodes.iter().find(holds) {
            None => Ok(()),
            Some(node) => Err(KeyError(format!(
                "a rotation to the master key {id} is under way, and the master key file here does not hold it; bring the file of the machine {} here, or go on there; nothing was changed",
                node.said.name
            ))
            .into()),
        }
    }

    /// The keys as the file keeps them.
    async fn kept(&self) -> Result<Keyring, KeysError> {
        let vault = self.foundation.vault.clone();
        blocking(move || vault.kept()).await
    }

    /// Whether the other process that seals into this store, if there is one, will hold what is kept here. It is asked before
    /// anything is changed.
    async fn holder_can_learn(&self, kept: &Keyring) -> Result<(), KeysError> {
        match self.foundation.vault.elsewhere() {
            Some(holder) => Ok(holder.can_learn(kept).await?),
            None => Ok(()),
        }
    }

    async fn keep(&self, keys: Keyring) -> Result<(), KeysError> {
        let vault = self.foundation.vault.clone();
        let replace = move || match vault.file() {
            Some(file) => file.replace(&keys),
            None => Err(nowhere()),
        };
        blocking(replace).await
    }

    /// The key to rotate to, which is in the file and known to everybody when this returns: `noted`, that of a rotation which
    /// was broken off, or a new one.
    async fn aim(
        &self,
        kept: Keyring,
        noted: Option<&str>,
        progress: &mut impl FnMut(Progress),
    ) -> Result<String, KeysError> {
        let settings = self.foundation.settings();
        let id = match noted {
            Some(id) => {
                let id = id.to_owned();
                progress(Progress::Resumed { id: id.clone() });
                id
            }
            None => {
                let mut bytes = Zeroizing::new([0; MasterKey::LENGTH]);
                self.foundation.random.fill(bytes.as_mut_slice());
                let new = MasterKey::from_bytes(*bytes);
                let id = new.id();
                // Noted before the file holds it: a key in the file that no note names is an old one.
                settings.begin_rotation(&id).await?;
                kill_point::reached();
                self.keep(kept.with(new)).await?;
                kill_point::reached();
                progress(Progress::Begun { id: id.clone() });
                id
            }
        };
        let knows = |held: &KeysHeld| held.opens(&id);
        self.everywhere(Change::Learn, knows).await?;
        kill_point::reached();
        Ok(id)
    }

    /// Makes the key the one that seals: in the file, where it can be written, then everywhere.
    async fn seal_everywhere_with(&self, id: &str) -> Result<(), KeysError> {
        let kept = self.kept().await?;
        let file = self.foundation.vault.file();
        if kept.sealing().id() != id && file.is_some_and(|file| file.replaceable().is_ok()) {
            let now = kept.sealing_with(id).ok_or_else(changed_meanwhile)?;
            self.keep(now).await?;
            kill_point::reached();
        }
        let seals = |held: &KeysHeld| held.sealing == id;
        self.everywhere(Change::SealWith(id.to_owned()), seals)
            .await?;
        kill_point::reached();
        Ok(())
    }

    /// Seals the store's seal check anew, under the key named `id`, while `condition` holds. Whatever was sealed under the
    /// key before, and is not stored yet, is then not stored any more: its commit finds the check changed.
    async fn renew_seal_check(&self, id: &str, condition: &Commit) -> Result<(), KeysError> {
        let deps = &self.foundation;
        let vault = self.vault_under(id)?;
        loop {
            let check = deps.settings().seal_check().await?;
            let is_renewed =
                |sealed: &SealedSecret| sealed.key_id == id && vault.passes_check(sealed).is_ok();
            if check.sealed.as_ref().is_some_and(is_renewed) {
                return Ok(());
            }
            let sealed = vault.seal_check(deps.random_bytes());
            let commit = check.replace(&sealed).and(condition.clone());
            if deps.store.commit(commit).await? == Outcome::Applied {
                kill_point::reached();
                return Ok(());
            }
            if !holds(&*deps.store, condition).await? {
                return Err(KeyError(
                    "somebody else has ended this rotation meanwhile, or begun another one; `key check` tells how it \
                     stands"
                        .into(),
                )
                .into());
            }
        }
    }

    /// The vault, as it seals under the key named `id`.
    fn vault_under(&self, id: &str) -> Result<Vault, KeyError> {
        let vault = self.foundation.vault.sealing_under(id);
        vault.map_err(|_| {
            KeyError(format!(
                "the key {id} is not known here; nothing was sealed"
            ))
        })
    }

    async fn seal_everything_anew(
        &self,
        rotated: &mut Rotated,
        condition: &Commit,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), KeysError> {
        let deps = &self.foundation;
        let vault = self.vault_under(&rotated.id)?;
        let sealed = Sealed::new(deps.store.clone());
        let mut place = Some(Place::beginning());
        while let Some(at) = place {
            let mut page = sealed.page(&at).await?;
            place = page.next.take();
            let looked = page.len() as u64;
            let done = sealed
                .seal_anew(page, condition, |found| {
                    let nonce = deps.random_bytes();
                    vault.seal_anew(found.purpose, found.sealed, nonce)
                })
                .await?;
            if done.changed > 0 {
                kill_point::reached();
            }
            rotated.changed += done.changed;
            rotated.failed.extend(done.failed);
            progress(Progress::Sealed {
                looked,
                changed: done.changed,
            });
        }
        Ok(())
    }

    /// Opens everything that is sealed, and counts it by key; what does not open is told one by one.
    pub async fn check(
        &self,
        from: &Source,
        mut unopened: impl FnMut(Unopened<'_>),
        mut progress: impl FnMut(u64),
    ) -> Result<Census, KeysError> {
        let deps = &self.foundation;
        let kept = match deps.vault.file() {
            Some(_) => self.kept().await?,
            None => (*deps.vault.keys()).clone(),
        };
        let mut census = Census {
            sealing: self.sealing(&kept).await?,
            ..Census::default()
        };
        for key in kept.iter() {
            census.keys.entry(key.id()).or_default().is_kept = true;
        }
        let sealed = Sealed::new(deps.store.clone());
        let mut place = Some(Place::beginning());
        while let Some(at) = place {
            let mut page = sealed.page(&at).await?;
            place = page.next.take();
            let mut failed = 0;
            let mut fail =
                |record: &str, why: &dyn fmt::Display| unopened(Unopened { record, why });
            let mut unreadable = Vec::new();
            page.look(
                |record, found| {
                    let id = &found.sealed.key_id;
                    census.keys.entry(id.clone()).or_default().sealed += 1;
                    if let Err(error) = deps.vault.opens(found.purpose, found.sealed) {
                        failed += 1;
                        fail(record, &error);
                    }
                },
                |record, error| unreadable.push((record.to_owned(), error)),
            );
            for (record, error) in &unreadable {
                failed += 1;
                fail(record, error);
            }
            census.failed += failed;
            census.looked += page.len() as u64;
            progress(page.len() as u64);
        }
        let outcome = match census.failed {
            0 => AuditOutcome::Done,
            count => AuditOutcome::Failed(format!("{count} do not open")),
        };
        self.record(Act::CheckKeys, outcome, from, None).await?;
        Ok(census)
    }

    /// Takes every key but the one that the store is sealed under out of the file, when nothing is sealed under them any
    /// more. Backups that were made before need them: whoever asks for this has a copy, or no such backup.
    pub async fn drop_old(
        &self,
        from: &Source,
        progress: impl FnMut(u64),
    ) -> Result<Dropped, KeysError> {
        let deps = &self.foundation;
        let _turn = deps.store.take_turn(Work::Rotation).await?;
        if deps.settings().rotation().await?.is_some() {
            return Err(KeyError(
                "a rotation is not finished; `key rotate` goes on with it, and old keys can go then".into(),
            )
            .into());
        }
        let kept = self.kept().await?;
        let sealing = self.sealing(&kept).await?;
        let kept = kept.sealing_with(&sealing).ok_or_else(|| {
            KeyError(format!(
                "the store is sealed under the master key {sealing}, which the master key file here does not hold; bring \
                 the file of a machine that has it; no key was dropped"
            ))
        })?;
        let old: Vec<String> = kept.iter().skip(1).map(MasterKey::id).collect();
        if old.is_empty() {
            return Ok(Dropped::None);
        }
        self.holder_can_learn(&kept).await?;
        // Whoever seals with another key, from an older file of theirs, would go on to.
        self.everywhere(Change::SealWith(sealing.clone()), |held| {
            held.sealing == sealing
        })
        .await?;
        self.renew_seal_check(&sealing, &while_rotating(None))
            .await?;
        let census = self.check(from, |_| {}, progress).await?;
        let needed = |id: &String| census.keys.get(id).is_some_and(|key| key.sealed > 0);
        if census.failed > 0 || old.iter().any(needed) {
            return Err(KeyError(
                "not everything is sealed under the newest key, or something does not open; `key check` tells what, \
                 and `key rotate` seals it anew; no key was dropped"
                    .into(),
            )
            .into());
        }
        let said = Some(old.join(" "));
        self.record(Act::DropKey, AuditOutcome::Intended, from, said.clone())
            .await?;
        self.keep(kept.sealing_alone()).await?;
        kill_point::reached();
        self.everywhere(Change::Learn, |_| true).await?;
        self.record(Act::DropKey, AuditOutcome::Done, from, said)
            .await?;
        Ok(Dropped::Keys(old))
    }

    /// Does the change here, and in the other process that seals into this store, if there is one.
    async fn everywhere(
        &self,
        change: Change,
        is_done: impl Fn(&KeysHeld) -> bool,
    ) -> Result<(), KeysError> {
        let vault = &self.foundation.vault;
        let (own, here) = (vault.clone(), change.clone());
        let held = blocking(move || here.of(&own)).await?;
        if !is_done(&held) {
            return Err(changed_meanwhile().into());
        }
        let Some(holder) = vault.elsewhere() else {
            return Ok(());
        };
        let held = match &change {
            Change::Learn => holder.learn(&vault.keys()).await?,
            Change::SealWith(id) => holder.seal_with(id).await?,
        };
        if !is_done(&held) {
            return Err(KeyError(
                "the new key is in the master key file here, but the running process reads another one: bring this file \
                 over that one, or start the process again with this one (systemctl restart lpse-kiosk), then run `key \
                 rotate --copied`, which goes on from here"
                    .into(),
            )
            .into());
        }
        Ok(())
    }

    async fn record(
        &self,
        act: Act,
        outcome: AuditOutcome,
        from: &Source,
        said: Option<String>,
    ) -> Result<(), KeysError> {
        let event = AuditEvent {
            detail: said,
            ..AuditEvent::new(act, outcome, from)
        };
        Ok(self.foundation.audit.record(vec![event]).await?)
    }
}

/// What is done with the keys in use.
#[derive(Debug, Clone)]
enum Change {
    Learn,
    SealWith(String),
}

impl Change {
    fn of(&self, vault: &Vault) -> Result<KeysHeld, KeyError> {
        match self {
            Self::Learn => vault.learn(),
            Self::SealWith(id) => vault.seal_with(id),
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyError> + Send + 'static,
) -> Result<T, KeysError> {
    let done = spawn_blocking(work).await;
    let done = done.map_err(|_| KeyError("the master key file was not worked on".into()))?;
    Ok(done?)
}

fn nowhere() -> KeyError {
    KeyError("the master key is this process's own and kept nowhere".into())
}

fn changed_meanwhile() -> KeyError {
    KeyError("the master key file was changed by somebody else meanwhile; look at it, and run the command again".into())
}
