//! Signed checkpoints of the audit log, made in the background: for the journal and for a folder, which may be another
//! machine's.
//!
//! Nobody waits for them. Where the log gets no new record there is none, and this task sleeps. In a cluster, each node
//! first notes in its own log how far those of the others have come, so that the logs hold each other in place.

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    adapter::{
        audit_key::{AuditKey, SignedCheckpoint},
        audit_log::Written,
        checkpoint_folder::CheckpointFolder,
        ssh_key_file::KeyFileError,
    },
    domain::{
        Source,
        audit::{Act, AuditEvent, AuditHead, AuditOutcome},
        checkpoint::{Checkpoint, NotedHead, RECORDS, due_in},
        source::OwnPlace,
    },
    ports::{Audit, AuditError, Clock, Random},
    store::{Store, StoreError, audit_heads::AuditHeads},
};

/// What failed is tried again after this.
const RETRY: Duration = Duration::from_secs(60);

/// A folder that does not answer for so long is taken for one that fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// What checkpoints are made of and for.
pub struct Checkpoints {
    pub node: String,
    /// Hears of the log's last record; closed when the log has ended.
    pub written: Written,
    pub audit: Arc<dyn Audit>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub key_file: PathBuf,
    pub folder: CheckpointFolder,
    /// The store, where other machines share it.
    pub shared: Option<Arc<dyn Store>>,
}

/// Why there is no checkpoint.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error(transparent)]
    Sign(#[from] io::Error),
}

/// What goes on from one checkpoint to the next.
#[derive(Default)]
struct Progress {
    last: Option<Checkpoint>,
    /// Signed, and not in the folder yet.
    unkept: Option<SignedCheckpoint>,
    /// A write to the folder that has not ended.
    writing: Option<JoinHandle<io::Result<SignedCheckpoint>>>,
    /// The others' heads that this node's log tells of.
    noted: BTreeMap<String, AuditHead>,
    /// What was told last of what fails.
    told: Option<String>,
}

impl Checkpoints {
    /// Makes them until `leave` holds true or the log has ended, and one more then.
    pub async fn run(self, mut leave: watch::Receiver<bool>) {
        let mut progress = Progress {
            last: self.newest().await,
            ..Progress::default()
        };
        // Made before there is anything to sign, so that whoever sets the machine up can take the public half away.
        if let Err(error) = self.with_key(|_| Ok(())).await {
            progress.tell(format!(
                "the audit log will have no signed checkpoints: {error}"
            ));
        }
        tokio::select! {
            // The sender is gone where the process has left already.
            _ = leave.wait_for(|leave| *leave) => {}
            () = self.keep_making(&mut progress) => {}
        }
        // What is new is signed before there is nobody to do it.
        match self.pause(&progress) {
            Some(_) => drop(self.make(&mut progress).await),
            None => self.keep(&mut progress).await,
        }
    }

    /// The newest checkpoint in the folder, unless it is of a record that this log has yet to come to: that one is of
    /// another log, and must not keep this one from having any.
    async fn newest(&self) -> Option<Checkpoint> {
        let (folder, node) = (self.folder.clone(), self.node.clone());
        let read = tokio::task::spawn_blocking(move || folder.newest(&node));
        // A folder that cannot be read is told of when it cannot be written.
        let newest = timeout(PATIENCE, read).await.ok()?.ok()?.ok()??;
        (newest.head.seq <= self.written.borrow().seq).then_some(newest)
    }

    async fn keep_making(&self, progress: &mut Progress) {
        let mut written = self.written.clone();
        loop {
            let retry = progress.unkept.is_some().then_some(RETRY);
            let Some(pause) = self.pause(progress) else {
                let more = written.changed();
                match retry {
                    None => {
                        if more.await.is_err() {
                            return;
                        }
                    }
                    Some(retry) => {
                        tokio::select! {
                            more = more => if more.is_err() { return },
                            () = sleep(retry) => self.keep(progress).await,
                        }
                    }
                }
                continue;
            };
            let last = progress.last.as_ref().map_or(0, |last| last.head.seq);
            let many = async {
                let many = |head: &AuditHead| head.seq.saturating_sub(last) >= RECORDS;
                written.wait_for(many).await.is_ok()
            };
            tokio::select! {
                is_open = many, if !pause.is_zero() => if !is_open { return },
                () = sleep(pause) => {}
                () = sleep(RETRY), if retry.is_some() && pause > RETRY => {
                    self.keep(progress).await;
                    continue;
                }
            }
            if !self.make(progress).await {
                sleep(RETRY).await;
            }
        }
    }

    /// How long the next checkpoint has still to wait.
    fn pause(&self, progress: &Progress) -> Option<Duration> {
        let seq = self.written.borrow().seq;
        due_in(progress.last.as_ref(), seq, self.clock.now())
    }

    /// Makes a checkpoint of the log as it is now, tells it to the journal and keeps it in the folder; whether it was signed.
    async fn make(&self, progress: &mut Progress) -> bool {
        self.note_others(progress).await;
        let head = *self.written.borrow();
        let signed = match self.sign(head).await {
            Ok(signed) => signed,
            Err(error) => {
                progress.tell(format!("the audit log has no signed checkpoint: {error}"));
                return false;
            }
        };
        let Checkpoint { node, head, at } = &signed.checkpoint;
        tracing::info!(
            node,
            record = head.seq,
            hash = %head.hash,
            time = %at,
            signature = signed.signature_on_one_line(),
            "a checkpoint of the audit log"
        );
        progress.last = Some(signed.checkpoint.clone());
        progress.unkept = Some(signed);
        self.keep(progress).await;
        true
    }

    /// Notes in this node's log how far those of the others have come, as far as it does not say so already.
    async fn note_others(&self, progress: &mut Progress) {
        let Some(store) = &self.shared else {
            return;
        };
        match self.heads_to_note(&**store, &progress.noted).await {
            Ok(new) if new.is_empty() => {}
            Ok(new) => {
                let noted = self.record(&new).await;
                match noted {
                    Ok(()) => progress
                        .noted
                        .extend(new.into_iter().map(|it| (it.node, it.head))),
                    // The log tells of that itself.
                    Err(error) => tracing::debug!(%error, "the others' heads are not noted"),
                }
            }
            // The next checkpoint tries it again, and a store that does not answer tells that itself.
            Err(error) => tracing::debug!(%error, "the others' heads are not known"),
        }
    }

    async fn heads_to_note(
        &self,
        store: &dyn Store,
        noted: &BTreeMap<String, AuditHead>,
    ) -> Result<Vec<NotedHead>, StoreError> {
        let all = AuditHeads::all(store).await?.into_iter();
        let new = all.filter(|(node, head)| *node != self.node && noted.get(node) != Some(head));
        Ok(new.map(|(node, head)| NotedHead { node, head }).collect())
    }

    async fn record(&self, heads: &[NotedHead]) -> Result<(), AuditError> {
        let from = Source::own(OwnPlace::AuditLog);
        let event = |noted: &NotedHead| {
            AuditEvent::new(Act::NoteHead, AuditOutcome::Done, &from).saying(noted.to_string())
        };
        self.audit.record(heads.iter().map(event).collect()).await
    }

    /// Signs `head`, with the key as it is in its file now: it is not held in between.
    async fn sign(&self, head: AuditHead) -> Result<SignedCheckpoint, Failure> {
        let checkpoint = Checkpoint::new(&self.node, head, self.clock.now());
        self.with_key(|key| key.sign(checkpoint)).await
    }

    /// Does `work` with the key, on a thread that may block.
    async fn with_key<T: Send + 'static>(
        &self,
        work: impl FnOnce(&AuditKey) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (file, random) = (self.key_file.clone(), self.random.clone());
        let working = move || Ok(work(&AuditKey::read_or_make(&file, &*random)?)?);
        let done = tokio::task::spawn_blocking(working).await;
        done.map_err(|error| io::Error::other(error.to_string()))?
    }

    /// Has the folder keep what it does not have yet. A write that does not end is not joined by another.
    async fn keep(&self, progress: &mut Progress) {
        let error = loop {
            let Some(signed) = progress.unkept.clone() else {
                return;
            };
            let (folder, wanted) = (self.folder.clone(), signed.checkpoint.head);
            let mut writing = progress.writing.take().unwrap_or_else(|| {
                tokio::task::spawn_blocking(move || folder.keep(&signed).map(|()| signed))
            });
            match timeout(PATIENCE, &mut writing).await {
                Ok(Ok(Ok(kept))) if kept.checkpoint.head == wanted => progress.is_kept(),
                // An earlier one that had not ended.
                Ok(Ok(Ok(_))) => {}
                Ok(Ok(Err(error))) => break error.to_string(),
                Ok(Err(error)) => break error.to_string(),
                Err(_) => {
                    progress.writing = Some(writing);
                    break "it does not answer".to_owned();
                }
            }
        };
        progress.tell(format!(
            "checkpoints of the audit log cannot be kept in {}: {error}; they stand in this log meanwhile. Make or mount the \
             folder, or name another in [audit] checkpoints",
            self.folder.path().display()
        ));
    }
}

impl Progress {
    /// Tells operators what fails, once.
    fn tell(&mut self, what: String) {
        if self.told.as_ref() != Some(&what) {
            tracing::warn!("{what}");
            self.told = Some(what);
        }
    }

    fn is_kept(&mut self) {
        self.unkept = None;
        if self.told.take().is_some() {
            tracing::warn!("checkpoints of the audit log are kept again");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt, fs, sync::Mutex};

    use jiff::{SignedDuration, Timestamp};
    use tokio::time::Instant;

    use super::*;
    use crate::{
        adapter::random::SystemRandom, domain::audit::RecordHash, ports::Recorded,
        store::engine::memory::Memory,
    };

    /// A wall clock that goes as the runtime's does.
    #[derive(Debug)]
    struct Wall(Instant);

    impl Clock for Wall {
        fn now(&self) -> Timestamp {
            let passed = SignedDuration::try_from(self.monotonic()).unwrap();
            Timestamp::from_second(1_600_000_000).unwrap() + passed
        }

        fn monotonic(&self) -> Duration {
            self.0.elapsed()
        }
    }

    fn head(seq: u64) -> AuditHead {
        let mut hash = [0; RecordHash::LENGTH];
        hash[..8].copy_from_slice(&seq.to_be_bytes());
        AuditHead {
            seq,
            hash: RecordHash::from_bytes(hash),
        }
    }

    /// A log of which only the number of its last record is kept, and what was said in it.
    struct Log {
        written: watch::Sender<AuditHead>,
        said: Mutex<Vec<String>>,
    }

    impl fmt::Debug for Log {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Log")
        }
    }

    impl Log {
        fn comes_to(&self, seq: u64) {
            self.written.send_replace(head(seq));
        }
    }

    impl Audit for Log {
        fn record(&self, events: Vec<AuditEvent>) -> Recorded {
            let seq = self.written.borrow().seq + events.len() as u64;
            let said = events.iter().map(|event| event.detail.clone().unwrap());
            self.said.lock().unwrap().extend(said);
            self.comes_to(seq);
            Box::pin(async { Ok(()) })
        }
    }

    struct World {
        place: tempfile::TempDir,
        log: Arc<Log>,
        store: Option<Arc<dyn Store>>,
    }

    impl World {
        fn new(seq: u64) -> Self {
            Self {
                place: tempfile::tempdir().unwrap(),
                log: Arc::new(Log {
                    written: watch::Sender::new(head(seq)),
                    said: Mutex::default(),
                }),
                store: None,
            }
        }

        fn folder(&self, is_made: bool) -> CheckpointFolder {
            CheckpointFolder::new(self.place.path().join("checkpoints"), is_made)
        }

        /// Runs until told to leave.
        fn run(&self, is_made: bool) -> (watch::Sender<bool>, JoinHandle<()>) {
            let checkpoints = Checkpoints {
                node: "one".into(),
                written: self.log.written.subscribe(),
                audit: self.log.clone(),
                clock: Arc::new(Wall(Instant::now())),
                random: Arc::new(SystemRandom),
                key_file: self.place.path().join("key"),
                folder: self.folder(is_made),
                shared: self.store.clone(),
            };
            let (leave, leaving) = watch::channel(false);
            (leave, tokio::spawn(checkpoints.run(leaving)))
        }

        /// The records that there are checkpoints of, after so many seconds.
        async fn after(&self, seconds: u64) -> Vec<u64> {
            sleep(Duration::from_secs(seconds)).await;
            let found = self.folder(false).of("one").unwrap_or_default();
            found.into_iter().map(|(seq, _)| seq).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_is_made_each_hour_and_each_ten_thousand_records_and_none_for_nothing() {
        let world = World::new(0);
        let (leave, running) = world.run(true);
        assert_eq!(world.after(1).await, [0; 0]);
        let key = world.place.path().join("key");
        assert!(key.exists(), "its public half can be taken away");
        world.log.comes_to(5);
        assert_eq!(world.after(1).await, [5], "the first is signed at once");
        assert_eq!(world.after(100 * 60 * 60).await, [5]);
        world.log.comes_to(6);
        assert_eq!(world.after(1).await, [5, 6], "the last is long ago");
        world.log.comes_to(7);
        assert_eq!(world.after(60 * 60 - 2).await, [5, 6]);
        assert_eq!(world.after(2).await, [5, 6, 7]);
        world.log.comes_to(7 + RECORDS - 1);
        assert_eq!(world.after(1).await, [5, 6, 7]);
        world.log.comes_to(7 + RECORDS);
        assert_eq!(world.after(1).await, [5, 6, 7, 10_007]);
        world.log.comes_to(10_008);
        leave.send_replace(true);
        running.await.unwrap();
        assert_eq!(world.after(0).await, [5, 6, 7, 10_007, 10_008], "the end");
        // The next process goes on where this one ended.
        let (leave, running) = world.run(true);
        world.after(1).await;
        leave.send_replace(true);
        running.await.unwrap();
        assert_eq!(world.after(0).await, [5, 6, 7, 10_007, 10_008]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_folder_that_fails_is_tried_again_and_has_the_newest_then() {
        let world = World::new(5);
        let (_leave, _running) = world.run(false);
        assert_eq!(world.after(1).await, [0; 0]);
        world.log.comes_to(6);
        fs::create_dir(world.folder(false).path()).unwrap();
        assert_eq!(world.after(61).await, [5]);
        assert_eq!(world.after(60 * 60).await, [5, 6]);
        // It fails while nothing new comes.
        fs::remove_dir_all(world.folder(false).path()).unwrap();
        world.log.comes_to(7);
        assert_eq!(world.after(60 * 60).await, [0; 0]);
        fs::create_dir(world.folder(false).path()).unwrap();
        assert_eq!(world.after(61).await, [7]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_checkpoint_of_a_record_that_is_yet_to_come_keeps_nothing_from_being_signed() {
        let world = World::new(5);
        let (leave, running) = world.run(true);
        world.after(1).await;
        leave.send_replace(true);
        running.await.unwrap();
        world.log.comes_to(3);
        let (_leave, _running) = world.run(true);
        assert_eq!(world.after(1).await, [3, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_others_heads_are_noted_before_and_once() {
        let mut world = World::new(5);
        let store: Arc<dyn Store> = Arc::new(Memory::default());
        let heads = AuditHeads::new(store.clone());
        for (node, seq) in [("one", 5), ("three", 30), ("two", 20)] {
            heads.advance(node, head(seq)).await.unwrap();
        }
        world.store = Some(store);
        let (leave, running) = world.run(true);
        let noted = |node: &str, seq| {
            let node = node.to_owned();
            NotedHead {
                node,
                head: head(seq),
            }
            .to_string()
        };
        let said = || world.log.said.lock().unwrap().clone();
        assert_eq!(world.after(1).await, [7], "with what was noted");
        assert_eq!(said(), [noted("three", 30), noted("two", 20)]);
        heads.advance("two", head(21)).await.unwrap();
        assert_eq!(
            world.after(2 * 60 * 60).await,
            [7],
            "others' records are theirs"
        );
        world.log.comes_to(8);
        assert_eq!(world.after(1).await, [7, 9]);
        assert_eq!(said()[2..], [noted("two", 21)]);
        leave.send_replace(true);
        running.await.unwrap();
        assert_eq!(world.after(0).await, [7, 9]);
    }
}
