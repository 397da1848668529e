//! A delay line: every byte arrives later, at unchanged throughput. It uses threads instead of
//! tasks, because the timers of an async runtime are too coarse for half a millisecond.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// The size of one read, and the maximum number of reads in the line.
const PIECE: usize = 64 << 10;
const PIECES: usize = 1 << 12;

type Line = (Instant, Vec<u8>);

/// Listens at `listen` and forwards bytes to `target` and back, with `delay` in each direction. The
/// threads of a connection end with it; the listening thread ends with the process.
pub(super) fn start(
    listen: SocketAddr,
    target: SocketAddr,
    delay: Duration,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    thread::Builder::new()
        .name("flood-delay".to_owned())
        .spawn(move || {
            for client in listener.incoming().flatten() {
                // A connection that cannot be forwarded is closed.
                let _ = forward(client, target, delay);
            }
        })?;
    Ok(address)
}

/// The address of the master behind a delay line.
pub(super) fn master_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn forward(client: TcpStream, target: SocketAddr, delay: Duration) -> io::Result<()> {
    let master = TcpStream::connect(target)?;
    client.set_nodelay(true)?;
    master.set_nodelay(true)?;
    one_way(client.try_clone()?, master.try_clone()?, delay)?;
    one_way(master, client, delay)
}

fn one_way(from: TcpStream, to: TcpStream, delay: Duration) -> io::Result<()> {
    let (line, due) = sync_channel(PIECES);
    let start = |name: &str| thread::Builder::new().name(name.to_owned());
    start("flood-in").spawn(move || read(from, &line, delay))?;
    start("flood-out").spawn(move || write(to, &due))?;
    Ok(())
}

fn read(mut from: TcpStream, line: &SyncSender<Line>, delay: Duration) {
    let mut buffer = vec![0; PIECE];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let piece = (Instant::now() + delay, buffer[..read].to_vec());
        if line.send(piece).is_err() {
            break;
        }
    }
}

fn write(mut to: TcpStream, line: &Receiver<Line>) {
    while let Ok((due, bytes)) = line.recv() {
        if let Some(wait) = due.checked_duration_since(Instant::now()) {
            thread::sleep(wait);
        }
        if to.write_all(&bytes).is_err() {
            // The sender notices the closed connection.
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
