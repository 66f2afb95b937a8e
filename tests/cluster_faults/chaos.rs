//! What is done to the members, and beside the processes at work: kills, pauses, a quorum that is gone, clocks that are
//! moved, an operator at work.

use std::{thread::sleep, time::Duration};

use super::{
    Inputs, PROCESSES, chance::Chance, cluster::Cluster, journal::now, operator::Operator,
};

#[derive(Debug, Clone, Copy)]
enum Fault {
    /// A member stops for a moment.
    Pause,
    /// A member is killed, and started again.
    Kill,
    /// The leader stops for so long that another one is elected.
    LeaderPause { milliseconds: u64 },
    /// Two members are away at once, each in one of the two ways.
    TwoAway,
    /// The clock of one process is wrong for a moment: ahead, or behind.
    Clock { is_ahead: bool },
    /// A backup is made, while faults go on.
    Backup,
    /// Another master key is brought in, while faults go on.
    Rotation,
}

/// A time in microseconds, from and to.
pub type Span = (u64, u64);

/// What was done, and when.
#[derive(Debug, Default)]
pub struct Done {
    pub pauses: u32,
    pub kills: u32,
    pub clocks: u32,
    pub backups: u32,
    pub rotations: u32,
    /// While two members were away for certain.
    pub without_quorum: Vec<Span>,
    /// When all members were well again after there was no quorum.
    pub recovered: Vec<u64>,
}

impl Done {
    pub fn faults(&self) -> u32 {
        self.pauses + self.kills
    }
}

/// Does at least `faults` faults in an order of chance.
pub fn rage(
    cluster: &mut Cluster,
    faults: u32,
    chance: &mut Chance,
    inputs: &Inputs,
    operator: &Operator,
) -> Done {
    let mut plan = vec![Fault::LeaderPause {
        milliseconds: 10_000,
    }];
    plan.push(Fault::Rotation);
    let rounds = faults.div_ceil(70);
    for _ in 0..rounds {
        plan.push(Fault::TwoAway);
        plan.push(Fault::LeaderPause {
            milliseconds: chance.between(2_000, 4_000),
        });
        plan.extend([true, false].map(|is_ahead| Fault::Clock { is_ahead }));
        plan.push(Fault::Backup);
        plan.extend([Fault::Kill; 13]);
        plan.extend([Fault::Pause; 55]);
    }
    chance.shuffle(&mut plan);
    let mut done = Done::default();
    for fault in plan {
        match fault {
            Fault::Pause => {
                let member = target(cluster, chance);
                pause(cluster, member, chance.between(30, 350));
                done.pauses += 1;
            }
            Fault::LeaderPause { milliseconds } => {
                let member = cluster.leader().unwrap_or_default();
                pause(cluster, member, milliseconds);
                done.pauses += 1;
            }
            Fault::Kill => {
                let member = target(cluster, chance);
                cluster.kill_member(member);
                wait(chance.between(50, 600));
                cluster.start_member(member);
                cluster.wait_until_well();
                done.kills += 1;
            }
            Fault::TwoAway => two_away(cluster, chance, &mut done),
            Fault::Clock { is_ahead } => {
                let process = usize::try_from(chance.below(PROCESSES as u64)).unwrap();
                let minutes = i64::try_from(chance.between(5, 20)).unwrap();
                inputs.move_clock(process, if is_ahead { minutes } else { -minutes });
                wait(chance.between(2_000, 4_000));
                inputs.move_clock(process, 0);
                done.clocks += 1;
            }
            Fault::Rotation => {
                operator.begin_rotation();
                done.rotations += 1;
            }
            Fault::Backup => {
                operator.begin_backup();
                done.backups += 1;
            }
        }
        wait(chance.between(20, 140));
    }
    cluster.wait_until_well();
    done.recovered.push(now());
    done
}

/// Any member, or the leader: those faults are felt most.
fn target(cluster: &Cluster, chance: &mut Chance) -> usize {
    let any = usize::try_from(chance.below(3)).unwrap();
    match chance.below(3) {
        0 => cluster.leader().unwrap_or(any),
        _ => any,
    }
}

fn pause(cluster: &Cluster, member: usize, milliseconds: u64) {
    cluster.signal_member(member, "STOP");
    wait(milliseconds);
    cluster.signal_member(member, "CONT");
}

fn two_away(cluster: &mut Cluster, chance: &mut Chance, done: &mut Done) {
    let killed = usize::try_from(chance.below(3)).unwrap();
    let paused = (killed + usize::try_from(chance.between(1, 2)).unwrap()) % 3;
    cluster.kill_member(killed);
    cluster.signal_member(paused, "STOP");
    // A signal is there when it is there.
    wait(100);
    let from = now();
    wait(chance.between(3_000, 7_000));
    done.without_quorum.push((from, now()));
    cluster.signal_member(paused, "CONT");
    cluster.start_member(killed);
    cluster.wait_until_well();
    done.recovered.push(now());
    done.kills += 1;
    done.pauses += 1;
    // So that the recovery is seen by itself.
    wait(3_000);
}

fn wait(milliseconds: u64) {
    sleep(Duration::from_millis(milliseconds));
}
