//! The faults of the proxy, one by one, over plain sockets.

use std::time::Duration;

use mesos_testing::{Direction, Fault, FaultProxy, ProxyConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

struct Ends {
    listener: TcpListener,
    proxy: FaultProxy,
    connection: ProxyConnection,
    driver: TcpStream,
    master: TcpStream,
}

async fn ends(seed: u64, fault: Fault) -> Ends {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = FaultProxy::with_seed(listener.local_addr().unwrap(), seed)
        .await
        .unwrap();
    proxy.set_new(fault);
    let driver = TcpStream::connect(proxy.address()).await.unwrap();
    let (master, _) = listener.accept().await.unwrap();
    Ends {
        connection: proxy.expect_connection().await,
        listener,
        proxy,
        driver,
        master,
    }
}

async fn read(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    let read = timeout(Duration::from_secs(10), stream.read_exact(&mut bytes)).await;
    read.expect("in time").unwrap();
    bytes
}

/// Reads until the end of the stream, closed or broken, and returns the bytes.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = timeout(Duration::from_secs(10), stream.read_to_end(&mut bytes)).await;
    let _ = read.expect("the end in time");
    bytes
}

/// Checks that nothing arrives, which only time can show.
async fn quiet(stream: &mut TcpStream) {
    let read = timeout(Duration::from_millis(50), stream.read(&mut [0; 1])).await;
    assert!(read.is_err(), "{read:?}");
}

#[tokio::test]
async fn without_a_fault_bytes_and_ends_pass_in_both_directions() {
    let mut ends = ends(1, Fault::None).await;
    ends.driver.write_all(b"ping").await.unwrap();
    assert_eq!(read(&mut ends.master, 4).await, b"ping");
    ends.master.write_all(b"pong").await.unwrap();
    ends.driver.shutdown().await.unwrap();
    assert_eq!(rest(&mut ends.master).await, b"");
    drop(ends.master);
    assert_eq!(rest(&mut ends.driver).await, b"pong");
    ends.connection.closed().await;
    assert!(!ends.connection.is_open());
}

#[tokio::test]
async fn a_stalled_connection_loses_nothing() {
    let mut ends = ends(1, Fault::Stall).await;
    ends.driver.write_all(b"later").await.unwrap();
    ends.driver.shutdown().await.unwrap();
    quiet(&mut ends.master).await;
    ends.proxy.set(Fault::None);
    assert_eq!(rest(&mut ends.master).await, b"later");
}

#[tokio::test]
async fn a_half_open_connection_loses_bytes_and_ends_until_the_fault_is_removed() {
    let mut ends = ends(1, Fault::HalfOpen).await;
    ends.driver.write_all(b"lost").await.unwrap();
    ends.driver.shutdown().await.unwrap();
    ends.master.write_all(b"lost too").await.unwrap();
    quiet(&mut ends.master).await;
    quiet(&mut ends.driver).await;
    ends.connection.set(Fault::None);
    assert_eq!(rest(&mut ends.master).await, b"");
    ends.master.write_all(b"back").await.unwrap();
    assert_eq!(read(&mut ends.driver, 4).await, b"back");
}

#[tokio::test]
async fn one_direction_can_be_lost_while_the_other_works() {
    for (way, there) in [(Direction::ToDriver, true), (Direction::ToMaster, false)] {
        let mut ends = ends(1, Fault::Lose(way)).await;
        let (from, to) = match there {
            true => (&mut ends.driver, &mut ends.master),
            false => (&mut ends.master, &mut ends.driver),
        };
        from.write_all(b"through").await.unwrap();
        assert_eq!(read(to, 7).await, b"through");
        to.write_all(b"not this").await.unwrap();
        quiet(from).await;
    }
}

#[tokio::test]
async fn a_cut_closes_both_sides_at_once_or_after_a_number_of_bytes() {
    let mut cut = ends(1, Fault::None).await;
    cut.proxy.cut();
    assert_eq!(rest(&mut cut.driver).await, b"");
    assert_eq!(rest(&mut cut.master).await, b"");

    let fault = Fault::CutAfter {
        way: Direction::ToMaster,
        bytes: 10,
    };
    let mut ends = ends(1, fault).await;
    ends.master
        .write_all(b"0123456789 this way does not count")
        .await
        .unwrap();
    read(&mut ends.driver, 34).await;
    ends.driver.write_all(b"0123").await.unwrap();
    assert_eq!(read(&mut ends.master, 4).await, b"0123");
    ends.driver.write_all(b"456789 and no more").await.unwrap();
    assert_eq!(rest(&mut ends.master).await, b"456789");
    ends.connection.closed().await;
}

#[tokio::test]
async fn slow_connections_deliver_everything_in_order() {
    let text: Vec<u8> = (0..200).collect();
    for (fault, least) in [
        (
            Fault::Drip {
                bytes: 10,
                every: Duration::from_millis(2),
            },
            Duration::from_millis(38),
        ),
        (
            Fault::Delay(Duration::from_millis(40)),
            Duration::from_millis(40),
        ),
    ] {
        let mut ends = ends(1, fault.clone()).await;
        let since = std::time::Instant::now();
        ends.driver.write_all(&text).await.unwrap();
        assert_eq!(read(&mut ends.master, 200).await, text);
        assert!(since.elapsed() >= least, "{fault:?}: {:?}", since.elapsed());
    }
}

#[tokio::test]
async fn the_same_seed_garbles_the_same_bytes() {
    let garbled = async |seed| {
        let fault = Fault::Garble {
            way: Direction::ToDriver,
            one_in: 10,
        };
        let mut ends = ends(seed, fault).await;
        ends.master.write_all(&[b'x'; 1000]).await.unwrap();
        ends.driver.write_all(b"this way is clean").await.unwrap();
        assert_eq!(read(&mut ends.master, 17).await, b"this way is clean");
        read(&mut ends.driver, 1000).await
    };
    let first = garbled(7).await;
    let wrong = first.iter().filter(|byte| **byte != b'x').count();
    assert!((50..200).contains(&wrong), "{wrong} of 1000, one in ten");
    assert_eq!(garbled(7).await, first);
    assert_ne!(garbled(8).await, first);
}

#[tokio::test]
async fn a_recording_contains_the_bytes_before_and_after_a_fault() {
    let garble = Fault::Garble {
        way: Direction::ToDriver,
        one_in: 2,
    };
    let mut ends = ends(1, garble).await;
    assert_eq!(ends.connection.recording(), None);
    ends.proxy.record();
    let mut driver = TcpStream::connect(ends.proxy.address()).await.unwrap();
    let connection = ends.proxy.expect_connection().await;
    let (mut master, _) = ends.listener.accept().await.unwrap();
    master.write_all(&[b'x'; 100]).await.unwrap();
    driver.write_all(b"not recorded").await.unwrap();
    read(&mut master, 12).await;
    let garbled = read(&mut driver, 100).await;
    connection.set(Fault::CutAfter {
        way: Direction::ToDriver,
        bytes: 10,
    });
    master.write_all(b"0123456789 lost").await.unwrap();
    assert_eq!(rest(&mut driver).await, b"0123456789");
    let recording = connection.recording().unwrap();
    assert_eq!(recording.sent, [&[b'x'; 100][..], b"0123456789"].concat());
    assert_eq!(recording.forwarded, [&garbled[..], b"0123456789"].concat());
    assert_ne!(recording.sent, recording.forwarded);
    ends.driver.write_all(b"open").await.unwrap();
    assert_eq!(read(&mut ends.master, 4).await, b"open");
}

#[tokio::test]
async fn the_same_seed_chooses_the_same_faults() {
    let faults = async |seed| {
        let target = "127.0.0.1:9".parse().unwrap();
        let proxy = FaultProxy::with_seed(target, seed).await.unwrap();
        assert_eq!(proxy.seed(), seed);
        Vec::from_iter((0..50).map(|_| proxy.random_fault()))
    };
    let drawn = faults(42).await;
    assert_eq!(faults(42).await, drawn);
    assert_ne!(faults(43).await, drawn);
    assert!(!drawn.contains(&Fault::None));
}

#[tokio::test]
async fn new_connections_can_be_refused_and_redirected() {
    let ends = ends(1, Fault::None).await;
    ends.proxy.refuse(true);
    let mut refused = TcpStream::connect(ends.proxy.address()).await.unwrap();
    assert_eq!(rest(&mut refused).await, b"");
    ends.proxy.refuse(false);
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    ends.proxy.set_target(elsewhere.local_addr().unwrap());
    let _driver = TcpStream::connect(ends.proxy.address()).await.unwrap();
    elsewhere.accept().await.unwrap();
    assert_eq!(ends.proxy.expect_connection().await.number(), 2);
    assert!(ends.connection.is_open());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_remote_host_is_silent_while_its_packets_are_lost() {
    use std::io::Write as _;

    let host = match mesos_testing::RemoteHost::start() {
        Ok(host) => host,
        Err(error) => {
            // Not captured by the test harness.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {error}");
            return;
        }
    };
    let listener = host.listen().unwrap();
    let address = listener.local_addr().unwrap();
    assert_eq!(address.ip(), host.address());
    let listener = TcpListener::from_std(listener).unwrap();
    let mut here = TcpStream::connect(address).await.unwrap();
    let (mut there, _) = listener.accept().await.unwrap();
    there.write_all(b"a").await.unwrap();
    assert_eq!(read(&mut here, 1).await, b"a");

    host.lose_packets().unwrap();
    there.write_all(b"b").await.unwrap();
    quiet(&mut here).await;
    let connecting = TcpStream::connect(address);
    let connected = timeout(Duration::from_millis(50), connecting).await;
    assert!(connected.is_err(), "{connected:?}");
    // Not even the end arrives.
    drop((there, listener));
    quiet(&mut here).await;

    host.pass_packets().unwrap();
    assert_eq!(rest(&mut here).await, b"b");
}
