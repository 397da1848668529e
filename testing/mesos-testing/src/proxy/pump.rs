//! Copies bytes between two sockets and applies the faults.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::sleep;

use super::{Connection, Direction, Fault};
use crate::lock::lock;

/// Copies until both directions have ended or one is cut, then closes both sides.
pub(super) async fn run(connection: &Connection, driver: TcpStream, master: TcpStream) {
    let _ = driver.set_nodelay(true);
    let _ = master.set_nodelay(true);
    let (from_driver, to_driver) = driver.into_split();
    let (from_master, to_master) = master.into_split();
    let there = pump(connection, Direction::ToMaster, from_driver, to_master);
    let back = pump(connection, Direction::ToDriver, from_master, to_driver);
    // An error ends both directions.
    let _ = tokio::try_join!(there, back);
}

/// The random numbers of a direction depend only on the seed, the connection and the direction.
fn random(connection: &Connection, way: Direction) -> fastrand::Rng {
    fastrand::Rng::with_seed(connection.seed.rotate_left(32) ^ way as u64)
}

async fn pump(
    connection: &Connection,
    way: Direction,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
) -> io::Result<()> {
    let mut fault = connection.fault.subscribe();
    let mut random = random(connection, way);
    // The number of bytes since the fault was set.
    let mut passed = 0;
    let mut buffer = vec![0; 16 << 10];
    loop {
        if fault.has_changed().unwrap_or(false) {
            passed = 0;
        }
        let now = fault.borrow_and_update().clone();
        if matches!(now, Fault::Cut) || cut_here(&now, way, passed) {
            return Err(io::Error::other("cut"));
        }
        if now == Fault::Stall {
            changed(&mut fault).await;
            continue;
        }
        let read = tokio::select! {
            biased;
            () = changed(&mut fault) => {
                passed = 0;
                continue;
            }
            read = from.read(&mut buffer) => read?,
        };
        let lost = now == Fault::HalfOpen || now == Fault::Lose(way);
        if read == 0 {
            if lost {
                // The end is lost as well, until the fault changes.
                changed(&mut fault).await;
            }
            while *fault.borrow() == Fault::HalfOpen || *fault.borrow() == Fault::Lose(way) {
                changed(&mut fault).await;
            }
            return to.shutdown().await;
        }
        if lost {
            continue;
        }
        let kept = match now {
            Fault::CutAfter { way: here, bytes } if here == way => bytes.saturating_sub(passed),
            _ => read,
        };
        let bytes = &mut buffer[..kept.min(read)];
        passed += bytes.len();
        let recording = connection.recording.as_ref();
        let recording = recording.filter(|_| way == Direction::ToDriver);
        let sent = recording.map(|_| bytes.to_vec());
        match now {
            Fault::Delay(delay) => sleep(delay).await,
            Fault::Garble { way: here, one_in } if here == way => {
                for byte in bytes.iter_mut() {
                    if random.u32(0..one_in.max(1)) == 0 {
                        *byte ^= random.u8(1..=255);
                    }
                }
            }
            _ => {}
        }
        if let (Some(recording), Some(sent)) = (recording, sent) {
            let mut recording = lock(recording);
            recording.sent.extend(sent);
            recording.forwarded.extend_from_slice(bytes);
        }
        if let Fault::Drip { bytes: few, every } = now {
            for some in bytes.chunks(few.max(1)) {
                to.write_all(some).await?;
                sleep(every).await;
                if *fault.borrow() == Fault::Cut {
                    return Err(io::Error::other("cut"));
                }
            }
        } else {
            to.write_all(bytes).await?;
        }
    }
}

fn cut_here(fault: &Fault, way: Direction, passed: usize) -> bool {
    matches!(fault, Fault::CutAfter { way: here, bytes } if *here == way && passed >= *bytes)
}

/// Waits for another fault. The sender is in the connection, which outlives this function.
async fn changed(fault: &mut watch::Receiver<Fault>) {
    let _ = fault.changed().await;
}
