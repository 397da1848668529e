//! The faults, and when they happen.

use std::time::Duration;

use fastrand::Rng;
use mesos_testing::{Direction, Fault as Network, FaultProxy};
use tokio::time::{Instant, sleep};

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Nothing,
    Cut,
    CutWithin,
    Refused,
    Stall,
    HalfOpen,
    OneWayToMaster,
    OneWayToDriver,
    Drip,
    Delay,
    Garble,
    Anything,
    HandlerFails,
    SlowHandler,
    Unavailable,
    PingPong,
    Failover,
    Paused,
    Restart,
}

impl Fault {
    pub(crate) const ALL: [Self; 19] = [
        Self::Nothing,
        Self::Cut,
        Self::CutWithin,
        Self::Refused,
        Self::Stall,
        Self::HalfOpen,
        Self::OneWayToMaster,
        Self::OneWayToDriver,
        Self::Drip,
        Self::Delay,
        Self::Garble,
        Self::Anything,
        Self::HandlerFails,
        Self::SlowHandler,
        Self::Unavailable,
        Self::PingPong,
        Self::Failover,
        Self::Paused,
        Self::Restart,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing, for comparison",
            Self::Cut => "cut",
            Self::CutWithin => "cut within a message",
            Self::Refused => "cut and refused",
            Self::Stall => "stall",
            Self::HalfOpen => "half-open",
            Self::OneWayToMaster => "one way, to the master",
            Self::OneWayToDriver => "one way, to the driver",
            Self::Drip => "slow drip",
            Self::Delay => "delay",
            Self::Garble => "garbled events and responses",
            Self::Anything => "any of these",
            Self::HandlerFails => "handler fails",
            Self::SlowHandler => "slow handler",
            Self::Unavailable => "503 for a while",
            Self::PingPong => "redirects in a circle",
            Self::Failover => "failover of the master",
            Self::Paused => "SIGSTOP and SIGCONT of the cluster",
            Self::Restart => "SIGKILL and restart of the cluster",
        }
    }

    pub(crate) fn fits_a_fake(self) -> bool {
        !self.hits_the_cluster()
    }

    /// A leading real master answers neither 503 nor 307, and fails over by a restart.
    pub(crate) fn fits_a_real_one(self) -> bool {
        !matches!(self, Self::Unavailable | Self::PingPong | Self::Failover)
    }

    /// Whether the fault stops the whole cluster, and so disturbs other rows.
    pub(crate) fn hits_the_cluster(self) -> bool {
        matches!(self, Self::Paused | Self::Restart)
    }

    /// The fault of the network, if the network has the fault.
    fn network(self, random: &mut Rng) -> Option<Network> {
        Some(match self {
            Self::Cut | Self::Refused => Network::Cut,
            Self::CutWithin => Network::CutAfter {
                way: way(random),
                bytes: random.usize(1..400),
            },
            Self::Stall => Network::Stall,
            Self::HalfOpen => Network::HalfOpen,
            Self::OneWayToMaster => Network::Lose(Direction::ToDriver),
            Self::OneWayToDriver => Network::Lose(Direction::ToMaster),
            Self::Drip => Network::Drip {
                bytes: random.usize(1..64),
                every: Duration::from_millis(random.u64(1..5)),
            },
            Self::Delay => Network::Delay(Duration::from_millis(random.u64(5..100))),
            // The driver's bytes stay unchanged: a garbled call that is still valid would not be a
            // fault of the driver.
            Self::Garble => Network::Garble {
                way: Direction::ToDriver,
                one_in: random.u32(50..2000),
            },
            Self::Anything => {
                let network = [
                    Self::Cut,
                    Self::CutWithin,
                    Self::Refused,
                    Self::Stall,
                    Self::HalfOpen,
                    Self::OneWayToMaster,
                    Self::OneWayToDriver,
                    Self::Drip,
                    Self::Delay,
                    Self::Garble,
                ];
                return network[random.usize(0..network.len())].network(random);
            }
            _ => return None,
        })
    }
}

fn way(random: &mut Rng) -> Direction {
    if random.bool() {
        Direction::ToMaster
    } else {
        Direction::ToDriver
    }
}

/// A peer with faults that are not faults of the network.
pub(crate) trait Peer: Sync {
    /// Applies a fault for about this time.
    fn suffer(&self, fault: Fault, hold: Duration) -> impl Future<Output = ()> + Send;
}

/// Injects `fault` for `length`. Returns how many times.
pub(crate) async fn inject(
    fault: Fault,
    proxy: &FaultProxy,
    peer: &impl Peer,
    random: &mut Rng,
    length: Duration,
) -> u64 {
    let end = Instant::now() + length;
    let mut injected = 0;
    while Instant::now() < end {
        // sleep: the seed decides how long the network works.
        sleep(Duration::from_millis(random.u64(20..200))).await;
        let hold =
            Duration::from_millis(random.u64(20..length.as_millis().clamp(100, 3000) as u64));
        if fault == Fault::Nothing {
            continue;
        }
        if let Some(network) = fault.network(random) {
            injected += 1;
            match network {
                Network::Cut => {
                    proxy.cut();
                    proxy.refuse(fault == Fault::Refused);
                }
                network => proxy.set(network),
            }
            // sleep: the fault lasts this long.
            sleep(hold).await;
            proxy.refuse(false);
            proxy.set(Network::None);
        } else if matches!(fault, Fault::HandlerFails | Fault::SlowHandler) {
            // sleep: the handler causes the fault.
            sleep(hold).await;
        } else {
            injected += 1;
            peer.suffer(fault, hold).await;
        }
    }
    injected
}
