//! The figures that monitoring reads, in the OpenMetrics text format.
//!
//! Architecture invariant: no label holds an account, an address or anything else that people typed; every label is one
//! of a few words of this program. True reasons are left out too: they would tell a wrong password from an unknown ID.

use std::fmt;

use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};

use crate::{
    assembly::Vitals,
    domain::letter::Stage,
    frontend::admission::counts::{Counts, Entrance, Reason},
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
    pub now: Timestamp,
}

/// Letters in the outbox, by whose move it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Letters {
    pub due: u64,
    pub under_way: u64,
    pub refused: u64,
}

impl Letters {
    pub fn count(&mut self, stage: &Stage) {
        match stage {
            Stage::Due(_) => self.due += 1,
            Stage::Claimed { .. } => self.under_way += 1,
            Stage::Refused => self.refused += 1,
        }
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
        kind: MetricType,
        rows: impl IntoIterator<Item = (Labels<N>, M)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, metric) in rows {
            metric.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauges<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels<N>, u64)>,
    ) -> fmt::Result {
        let rows = rows.into_iter();
        let rows = rows.map(|(labels, value)| (labels, ConstGauge::new(value)));
        self.family(name, help, MetricType::Gauge, rows)
    }

    fn counters<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels<N>, u64)>,
    ) -> fmt::Result {
        let rows = rows.into_iter();
        let rows = rows.map(|(labels, value)| (labels, ConstCounter::new(value)));
        self.family(name, help, MetricType::Counter, rows)
    }

    fn gauge(&mut self, name: &str, help: &str, unit: Option<Unit>, value: u64) -> fmt::Result {
        let unit = unit.as_ref();
        let metric = self
            .0
            .encode_descriptor(name, help, unit, MetricType::Gauge)?;
        ConstGauge::new(value).encode(metric)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(metric)
    }
}

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut table = Table(encoder);
        self.people(&mut table)?;
        self.hashes(&mut table)?;
        self.outbox(&mut table)?;
        self.store(&mut table)?;
        table.gauge(
            "clock",
            "The wall clock by which codes are judged, since the epoch",
            Some(Unit::Seconds),
            self.now.as_second().unsigned_abs(),
        )
    }
}

impl Figures {
    fn people(&self, table: &mut Table<'_>) -> fmt::Result {
        let counts = &self.counts;
        let by_entrance = |count: fn(&Counts, Entrance) -> u64| {
            Entrance::ALL.map(|one| ([("door", one.as_str())], count(counts, one)))
        };
        table.gauges(
            "open_sessions",
            "Sessions that are open now",
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
        let acts = self.vitals.acts.iter();
        table.counters(
            "acts",
            "What people and operators did, as the audit log has it",
            acts.map(|(act, outcome, from, count)| {
                let labels = [("act", act.as_str()), ("outcome", outcome), ("from", from)];
                (labels, count)
            }),
        )?;
        table.gauge(
            "audit_log_up",
            "Whether the audit log takes records; nobody is let in while it does not",
            None,
            (!self.vitals.audit.is_failing()).into(),
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
        )
    }

    fn outbox(&self, table: &mut Table<'_>) -> fmt::Result {
        let Some(letters) = self.letters else {
            return Ok(());
        };
        let rows = [
            ("due", letters.due),
            ("under_way", letters.under_way),
            ("refused", letters.refused),
        ];
        table.gauges(
            "letters",
            "Letters in the outbox; acts of deliver-letter count those that have left it",
            rows.map(|(stage, count)| ([("stage", stage)], count)),
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
        )
    }
}
