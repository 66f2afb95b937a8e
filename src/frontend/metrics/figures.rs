//! The figures that monitoring reads, in the OpenMetrics text format.
//!
//! Architecture invariant: no label holds an account, an address or anything else that people typed; every label is one
//! of a few words of this program. True reasons are left out too: they would tell a wrong password from an unknown ID.

use std::{collections::HashMap, fmt, time::Duration};

use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, text},
    metrics::{MetricType, counter::ConstCounter, exemplar::Exemplar, gauge::ConstGauge},
    registry::{Registry, Unit},
};

use crate::{
    adapter::audit_log::verified::{LastVerification, Verdict},
    assembly::{Vitals, cluster::MembersSeen},
    domain::{
        UserType,
        durations::Durations,
        letter::Stage,
        totp_counts::{TotpCounts, TotpStage},
    },
    frontend::admission::counts::{Counts, Entrance, Reason},
    session::durations::Check,
    store::health::Condition,
};

/// What every name begins with.
const PREFIX: &str = "lpse_kiosk";

/// Everything at one moment.
#[derive(Debug, Clone)]
pub struct Figures {
    pub vitals: Vitals,
    pub counts: Counts,
    pub letters: Option<Letters>,
    pub accounts: Option<TotpCounts>,
    pub last_backup: Option<Timestamp>,
    pub verification: Option<LastVerification>,
    pub members: Option<MembersSeen>,
    /// Of each certificate, with the section of the settings that names it.
    pub certificate_ends: Vec<(&'static str, Timestamp)>,
    pub uptime: Duration,
    pub now: Timestamp,
}

/// Letters in the outbox, by whose move it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Letters {
    due: Pile,
    under_way: Pile,
    refused: Pile,
}

/// Letters of one stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Pile {
    count: u64,
    /// Of what the oldest of them tells.
    oldest: Option<Timestamp>,
}

impl Letters {
    /// Counts a letter about something that happened at `at`.
    pub fn count(&mut self, stage: &Stage, at: Timestamp) {
        let pile = match stage {
            Stage::Due(_) => &mut self.due,
            Stage::Claimed { .. } => &mut self.under_way,
            Stage::Refused => &mut self.refused,
        };
        pile.count += 1;
        pile.oldest = Some(pile.oldest.map_or(at, |oldest| oldest.min(at)));
    }

    fn by_stage<T>(&self, figure: impl Fn(&Pile) -> T) -> [(Labels<1>, T); 3] {
        let piles = [
            ("due", &self.due),
            ("under_way", &self.under_way),
            ("refused", &self.refused),
        ];
        piles.map(|(stage, pile)| ([("stage", stage)], figure(pile)))
    }
}

impl Pile {
    /// How long its oldest letter has waited, in seconds; 0 where there is none.
    fn age(&self, now: Timestamp) -> u64 {
        let age = self.oldest.map_or(0, |at| now.duration_since(at).as_secs());
        age.max(0).cast_unsigned()
    }
}

impl Figures {
    /// The whole exposition.
    pub fn text(self) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(self));
        let mut exposition = String::new();
        text::encode(&mut exposition, &registry)?;
        Ok(exposition)
    }
}

/// The labels of one row, by name.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Writes families of rows.
struct Table<'a>(DescriptorEncoder<'a>);

impl Table<'_> {
    fn family<const N: usize, M: EncodeMetric>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        kind: MetricType,
        rows: impl IntoIterator<Item = (Labels<N>, M)>,
    ) -> fmt::Result {
        let unit = unit.as_ref();
        let mut family = self.0.encode_descriptor(name, help, unit, kind)?;
        for (labels, metric) in rows {
            metric.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauges<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        rows: impl IntoIterator<Item = (Labels<N>, u64)>,
    ) -> fmt::Result {
        let rows = rows.into_iter();
        let rows = rows.map(|(labels, value)| (labels, ConstGauge::new(value)));
        self.family(name, help, unit, MetricType::Gauge, rows)
    }

    fn counters<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels<N>, u64)>,
    ) -> fmt::Result {
        let rows = rows.into_iter();
        let rows = rows.map(|(labels, value)| (labels, ConstCounter::new(value)));
        self.family(name, help, None, MetricType::Counter, rows)
    }

    fn gauge(&mut self, name: &str, help: &str, unit: Option<Unit>, value: u64) -> fmt::Result {
        let unit = unit.as_ref();
        let metric = self
            .0
            .encode_descriptor(name, help, unit, MetricType::Gauge)?;
        ConstGauge::new(value).encode(metric)
    }

    /// Seconds are added to the name.
    fn histogram(&mut self, name: &str, help: &str, durations: &Durations) -> fmt::Result {
        let unit = Some(&Unit::Seconds);
        let metric = (self.0).encode_descriptor(name, help, unit, MetricType::Histogram)?;
        encode_durations(metric, durations)
    }

    /// Seconds are added to the name.
    fn histograms<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels<N>, Durations)>,
    ) -> fmt::Result {
        let unit = Some(&Unit::Seconds);
        let mut family = (self.0).encode_descriptor(name, help, unit, MetricType::Histogram)?;
        for (labels, durations) in rows {
            encode_durations(family.encode_family(&labels)?, &durations)?;
        }
        Ok(())
    }

    fn moment(&mut self, name: &str, help: &str, at: Timestamp) -> fmt::Result {
        self.gauge(name, help, Some(Unit::Seconds), seconds(at))
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(metric)
    }
}

fn seconds(at: Timestamp) -> u64 {
    at.as_second().max(0).cast_unsigned()
}

fn encode_durations(mut metric: MetricEncoder<'_>, durations: &Durations) -> fmt::Result {
    let no_exemplars = None::<&HashMap<usize, Exemplar<NoLabelSet, f64>>>;
    let sum = durations.sum().as_secs_f64();
    metric.encode_histogram(sum, durations.count(), &durations.by_bound(), no_exemplars)
}

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut table = Table(encoder);
        self.program(&mut table)?;
        self.people(&mut table)?;
        self.accounts(&mut table)?;
        self.audit(&mut table)?;
        self.hashes(&mut table)?;
        self.outbox(&mut table)?;
        self.store(&mut table)?;
        table.moment(
            "clock",
            "The wall clock by which codes are judged, since the epoch",
            self.now,
        )
    }
}

impl Figures {
    fn program(&self, table: &mut Table<'_>) -> fmt::Result {
        table.gauges(
            "build_info",
            "Always 1; the label says which program runs",
            None,
            [([("version", env!("CARGO_PKG_VERSION"))], 1)],
        )?;
        table.gauge(
            "uptime",
            "How long this process has had its store open",
            Some(Unit::Seconds),
            self.uptime.as_secs(),
        )?;
        if !self.certificate_ends.is_empty() {
            let ends = self.certificate_ends.iter();
            table.gauges(
                "certificate_end",
                "When the certificate of the reset page ends, or that of the metrics, since the epoch",
                Some(Unit::Seconds),
                ends.map(|(of, end)| ([("of", *of)], seconds(*end))),
            )?;
        }
        Ok(())
    }

    fn people(&self, table: &mut Table<'_>) -> fmt::Result {
        let counts = &self.counts;
        let by_entrance = |count: fn(&Counts, Entrance) -> u64| {
            Entrance::ALL.map(|one| ([("door", one.as_str())], count(counts, one)))
        };
        table.gauges(
            "open_sessions",
            "Sessions that are open now",
            None,
            by_entrance(Counts::open),
        )?;
        table.counters(
            "sessions",
            "Sessions that have begun",
            by_entrance(Counts::entered),
        )?;
        table.counters(
            "ssh_refused",
            "SSH connections that were turned away",
            Reason::ALL.map(|reason| ([("reason", reason.as_str())], counts.refused(reason))),
        )?;
        table.histograms(
            "first_screen",
            "How long people waited from their connection, or the program's start, until their terminal had its first screen",
            Entrance::ALL.map(|one| ([("door", one.as_str())], counts.first_screens(one))),
        )?;
        let logins = counts.logins();
        table.histograms(
            "login_check",
            "How long people waited for the answer to a password or a code at a login, right or wrong",
            Check::ALL.map(|check| ([("check", check.as_str())], logins.so_far(check))),
        )?;
        let acts = self.vitals.acts.iter();
        table.counters(
            "acts",
            "What people and operators did, as the audit log has it",
            acts.map(|(act, outcome, from, count)| {
                let labels = [("act", act.as_str()), ("outcome", outcome), ("from", from)];
                (labels, count)
            }),
        )
    }

    fn audit(&self, table: &mut Table<'_>) -> fmt::Result {
        table.gauge(
            "audit_log_up",
            "Whether the audit log takes records; nobody is let in while it does not",
            None,
            (!self.vitals.audit.is_failing()).into(),
        )?;
        let Some(last) = self.verification else {
            return Ok(());
        };
        table.moment(
            "last_audit_verify",
            "When the audit log was last verified on this machine, since the epoch",
            last.at,
        )?;
        table.gauges(
            "last_audit_verdict",
            "What that came to: 1 is what it was",
            None,
            Verdict::ALL.map(|verdict| {
                let is_it = verdict == last.verdict;
                ([("verdict", verdict.as_str())], is_it.into())
            }),
        )?;
        if let Some(at) = last.last_whole {
            table.moment(
                "audit_last_whole",
                "When the audit log was last found whole on this machine, since the epoch",
                at,
            )?;
        }
        Ok(())
    }

    fn accounts(&self, table: &mut Table<'_>) -> fmt::Result {
        let Some(accounts) = self.accounts else {
            return Ok(());
        };
        let row = |user_type: UserType, stage: TotpStage| {
            let labels = [("user_type", user_type.as_str()), ("totp", stage.as_str())];
            let number = accounts.get(user_type, stage).max(0).cast_unsigned();
            (labels, number)
        };
        let rows = UserType::ALL.into_iter();
        let rows = rows.flat_map(|user_type| TotpStage::ALL.map(|stage| row(user_type, stage)));
        table.gauges(
            "accounts",
            "Accounts, by whether TOTP is off, waits for its first code, or is active",
            None,
            rows,
        )
    }

    fn hashes(&self, table: &mut Table<'_>) -> fmt::Result {
        let load = &self.vitals.hashing;
        table.gauge(
            "hashes_waiting",
            "Password hashes in the queue",
            None,
            load.waiting(),
        )?;
        table.gauge(
            "hashes_running",
            "Password hashes being made",
            None,
            load.running(),
        )?;
        table.counter(
            "hashes_refused",
            "Times that somebody was told to try again, because the queue was full",
            load.refused(),
        )?;
        table.histogram(
            "hash_wait",
            "How long password hashes were in the queue",
            &load.waits(),
        )
    }

    fn outbox(&self, table: &mut Table<'_>) -> fmt::Result {
        table.histogram(
            "mail_conversation",
            "How long each conversation with the mail server took, whatever came of it",
            &self.vitals.conversations.so_far(),
        )?;
        let Some(letters) = self.letters else {
            return Ok(());
        };
        table.gauges(
            "letters",
            "Letters in the outbox; acts of deliver-letter count those that have left it",
            None,
            letters.by_stage(|pile| pile.count),
        )?;
        table.gauges(
            "oldest_letter",
            "How long the oldest letter in the outbox has waited",
            Some(Unit::Seconds),
            letters.by_stage(|pile| pile.age(self.now)),
        )
    }

    fn store(&self, table: &mut Table<'_>) -> fmt::Result {
        let store = &self.vitals.store;
        let is_well = store.condition() == Condition::Well;
        table.gauge(
            "store_up",
            "Whether the store takes writes",
            None,
            is_well.into(),
        )?;
        let counts = store.counts();
        let rows = [
            ("applied", counts.applied()),
            ("conflict", counts.conflicts()),
            ("failed", counts.failed()),
        ];
        table.counters(
            "commits",
            "Conditional writes to the store",
            rows.map(|(outcome, count)| ([("outcome", outcome)], count)),
        )?;
        table.counter(
            "commit_groups",
            "Groups of writes that shared a flush",
            counts.groups(),
        )?;
        table.histogram(
            "commit",
            "How long each group of writes took to be durable",
            &counts.durations(),
        )?;
        if let Some(free) = store.room().free_bytes() {
            table.gauge(
                "store_free",
                "Room on the store's disk",
                Some(Unit::Bytes),
                free,
            )?;
        }
        table.gauge(
            "store_floor",
            "The room under which the store takes no writes",
            Some(Unit::Bytes),
            store.room().floor_bytes(),
        )?;
        if let Some(at) = self.last_backup {
            table.moment(
                "last_backup",
                "As of when the last backup of the store was made, since the epoch",
                at,
            )?;
        }
        if let Some(members) = self.members {
            let rows = [
                ("answering", members.answering),
                ("unsuitable", members.unsuitable),
                ("silent", members.silent),
            ];
            table.gauges(
                "etcd_members",
                "Members of the etcd cluster that the settings name, by how they answered within the last minutes",
                None,
                rows.map(|(state, number)| ([("state", state)], number)),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_as_old_as_the_oldest_of_their_stage() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut letters = Letters::default();
        for second in [500, 400, 450] {
            letters.count(&Stage::due(at(second)), at(second));
        }
        letters.count(&Stage::Refused, at(100));
        let figures = |now| letters.by_stage(|pile| (pile.count, pile.age(at(now))));
        assert_eq!(
            figures(1000).map(|(_, row)| row),
            [(3, 600), (0, 0), (1, 900)]
        );
        // A clock that was set back makes no letter older.
        assert_eq!(figures(300).map(|(_, row)| row), [(3, 0), (0, 0), (1, 200)]);
    }
}
