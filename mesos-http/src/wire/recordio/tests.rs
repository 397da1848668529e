//! Every input in every way to chop it.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;

/// Feeds `chunks`, asking for records after each, and then ends the stream.
fn decode<C: AsRef<[u8]>>(
    limit: u64,
    chunks: impl IntoIterator<Item = C>,
) -> (Vec<Vec<u8>>, Result<(), FrameError>) {
    let mut decoder = Decoder::new(limit);
    let mut records = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk.as_ref()));
        loop {
            match decoder.next_record() {
                Ok(Some(record)) => records.push(record.to_vec()),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next_record(), Err(error.clone()), "not permanent");
                    assert_eq!(decoder.finish(), Err(error.clone()), "not permanent");
                    return (records, Err(error));
                }
            }
        }
    }
    (records, decoder.finish())
}

fn length(offset: u64, found: &str) -> Result<(), FrameError> {
    let found = found.to_owned();
    Err(FrameError::Length { offset, found })
}

fn cut(offset: u64, received: u64, announced: Option<u64>) -> Result<(), FrameError> {
    Err(FrameError::Cut {
        offset,
        received,
        announced,
    })
}

const LIMIT: u64 = 100;

type Case = (
    &'static [u8],
    &'static [&'static str],
    Result<(), FrameError>,
);

/// Stream, the records in it, and how it ends.
fn table() -> Vec<Case> {
    vec![
        (b"", &[], Ok(())),
        (b"0\n", &[""], Ok(())),
        (b"0\n0\n0\n", &["", "", ""], Ok(())),
        (b"1\na", &["a"], Ok(())),
        (b"1\n\n1\n2", &["\n", "2"], Ok(())),
        (b"5\nhello0\n6\nworld!", &["hello", "", "world!"], Ok(())),
        (b"3\n1\n21\n\n", &["1\n2", "\n"], Ok(())),
        (b"005\nhello", &["hello"], Ok(())),
        (b"00000000000000000001\nx", &["x"], Ok(())),
        // No length at all, or something else in its place.
        (b"\n", &[], length(0, "\n")),
        (b"\nabc", &[], length(0, "\n")),
        (b"abc\n", &[], length(0, "a")),
        (b"-1\n", &[], length(0, "-")),
        (b"+1\na", &[], length(0, "+")),
        (b" 1\na", &[], length(0, " ")),
        (b"1 \na", &[], length(0, "1 ")),
        (b"1\r\na", &[], length(0, "1\r")),
        (b"0x1\na", &[], length(0, "0x")),
        (b"<html>", &[], length(0, "<")),
        (b"1\nab\n", &["a"], length(3, "b")),
        (b"1\na\n1\nb", &["a"], length(3, "\n")),
        // 2^64, twenty nines, and 21 digits whose value would fit.
        (
            b"18446744073709551616\n",
            &[],
            length(0, "18446744073709551616\n"),
        ),
        (
            b"99999999999999999999\n",
            &[],
            length(0, "99999999999999999999\n"),
        ),
        (
            b"000000000000000000001\n",
            &[],
            length(0, "000000000000000000001"),
        ),
        // Around the limit.
        (
            b"101\n",
            &[],
            Err(FrameError::TooLong {
                offset: 0,
                announced: 101,
                limit: LIMIT,
            }),
        ),
        (
            b"2\nhi18446744073709551615\nx",
            &["hi"],
            Err(FrameError::TooLong {
                offset: 4,
                announced: u64::MAX,
                limit: LIMIT,
            }),
        ),
        // Cut.
        (b"1", &[], cut(0, 1, None)),
        (b"12345678901234567890", &[], cut(0, 20, None)),
        (b"1\n", &[], cut(0, 0, Some(1))),
        (b"100\n", &[], cut(0, 0, Some(100))),
        (b"10\n123456789", &[], cut(0, 9, Some(10))),
        (b"5\nhello12", &["hello"], cut(7, 2, None)),
        (b"5\nhello5\nhell", &["hello"], cut(7, 4, Some(5))),
    ]
}

#[test]
fn every_stream_gives_the_same_however_it_is_cut() {
    for (stream, records, end) in table() {
        let expected = (
            records
                .iter()
                .map(|record| record.as_bytes().to_vec())
                .collect::<Vec<_>>(),
            end,
        );
        let name = String::from_utf8_lossy(stream);
        assert_eq!(decode(LIMIT, [stream]), expected, "whole: {name:?}");
        assert_eq!(
            decode(LIMIT, stream.chunks(1)),
            expected,
            "single bytes: {name:?}"
        );
        for first in 0..=stream.len() {
            let (left, right) = stream.split_at(first);
            assert_eq!(
                decode(LIMIT, [left, right]),
                expected,
                "at {first}: {name:?}"
            );
            for second in 0..=right.len() {
                let (middle, right) = right.split_at(second);
                let chunks = [left, middle, right];
                assert_eq!(
                    decode(LIMIT, chunks),
                    expected,
                    "{first}+{second}: {name:?}"
                );
            }
        }
    }
}

#[test]
fn all_chunks_may_be_pushed_before_the_first_record_is_asked_for() {
    let mut decoder = Decoder::new(LIMIT);
    for byte in b"5\nhello0\n2\nyo" {
        decoder.push(Bytes::copy_from_slice(&[*byte]));
    }
    assert_eq!(
        decoder.next_record(),
        Ok(Some(Bytes::from_static(b"hello")))
    );
    assert_eq!(decoder.next_record(), Ok(Some(Bytes::new())));
    assert_eq!(decoder.next_record(), Ok(Some(Bytes::from_static(b"yo"))));
    assert_eq!(decoder.next_record(), Ok(None));
    assert_eq!(decoder.finish(), Ok(()));
}

#[test]
fn records_before_the_fault_are_given_out_first() {
    let mut decoder = Decoder::new(LIMIT);
    decoder.push(Bytes::from_static(b"2\nab3\ncdeX"));
    assert_eq!(decoder.next_record(), Ok(Some(Bytes::from_static(b"ab"))));
    assert_eq!(decoder.next_record(), Ok(Some(Bytes::from_static(b"cde"))));
    assert!(decoder.next_record().is_err());
    decoder.push(Bytes::from_static(b"2\nab"));
    assert!(decoder.next_record().is_err(), "came back to life");
}

#[test]
fn a_record_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
    let stream = |size: usize| {
        let mut stream = BytesMut::new();
        encode(&vec![b'x'; size], &mut stream);
        stream.freeze()
    };
    let (records, end) = decode(LIMIT, [stream(100)]);
    assert_eq!((records.len(), end), (1, Ok(())));
    let (records, end) = decode(LIMIT, [stream(101)]);
    assert_eq!(records.len(), 0);
    assert_eq!(
        end.expect_err("too long").to_string(),
        "at byte 0 of the stream: the record has 101 bytes, the limit is 100 bytes; if the peer \
         is Mesos, raise the limit (`max_record_size`)"
    );
}

#[test]
fn messages_say_where_and_what() {
    let message = |stream: &[u8]| decode(LIMIT, [stream]).1.expect_err("bad").to_string();
    assert_eq!(
        message(b"1\na<html>"),
        "at byte 3 of the stream: expected the length of a record in decimal digits and a line \
         feed, found \"<\"; the peer does not speak RecordIO"
    );
    assert_eq!(
        message(b"10\nabc"),
        "the stream ended within the record at byte 0: received 3 of 10 bytes, 7 are missing"
    );
    assert_eq!(
        message(b"3\nabc10"),
        "the stream ended within the record at byte 5: received 2 digits of the length"
    );
}

#[test]
fn a_record_within_one_chunk_is_a_slice_of_it() {
    let chunk = Bytes::from_static(b"4\nabcd3\nefg");
    let mut decoder = Decoder::new(LIMIT);
    decoder.push(chunk.clone());
    let first = decoder.next_record().expect("a record").expect("a record");
    let second = decoder.next_record().expect("a record").expect("a record");
    assert_eq!(first.as_ptr(), chunk[2..].as_ptr());
    assert_eq!(second.as_ptr(), chunk[8..].as_ptr());
}

#[test]
fn a_record_whose_length_came_earlier_is_still_a_slice() {
    let mut decoder = Decoder::new(LIMIT);
    decoder.push(Bytes::from_static(b"4\n"));
    assert_eq!(decoder.next_record(), Ok(None));
    let chunk = Bytes::from_static(b"abcd3\n");
    decoder.push(chunk.clone());
    let record = decoder.next_record().expect("a record").expect("a record");
    assert_eq!(record.as_ptr(), chunk.as_ptr());
}

#[test]
fn an_announced_length_allocates_nothing() {
    let mut decoder = Decoder::new(u64::MAX);
    decoder.push(Bytes::from_static(b"18446744073709551615\nfew"));
    assert_eq!(decoder.next_record(), Ok(None));
    let State::Record { pieces, .. } = &decoder.state else {
        panic!("not in a record: {decoder:?}");
    };
    assert!(pieces.whole.capacity() < 100 && pieces.small.capacity() == 0);
}

#[test]
fn single_bytes_of_a_large_record_cost_few_handles() {
    let record: Vec<u8> = (0..200_000u32).map(|at| at as u8).collect();
    let mut stream = BytesMut::new();
    encode(&record, &mut stream);
    let mut decoder = Decoder::new(DEFAULT_LIMIT);
    for byte in &stream[..stream.len() - 1] {
        decoder.push(Bytes::copy_from_slice(&[*byte]));
        assert_eq!(decoder.next_record(), Ok(None));
    }
    let State::Record { pieces, .. } = &decoder.state else {
        panic!("not in a record");
    };
    assert!(pieces.whole.len() <= 8, "{} handles", pieces.whole.len());
    decoder.push(stream.split_off(stream.len() - 1).freeze());
    assert_eq!(decoder.next_record(), Ok(Some(Bytes::from(record))));
}

proptest! {
    #[test]
    fn what_is_encoded_comes_out_again_under_any_cut(
        records in prop::collection::vec(
            // Empty ones, short ones, and such as are longer than the small pieces.
            prop_oneof![
                Just(Vec::new()),
                prop::collection::vec(any::<u8>(), 0..40),
                prop::collection::vec(any::<u8>(), 1000..5000),
            ],
            0..12,
        ),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        lost in any::<prop::sample::Index>(),
    ) {
        let mut stream = BytesMut::new();
        let mut starts = vec![0];
        for record in &records {
            encode(record, &mut stream);
            starts.push(stream.len());
        }
        let chop = |end: usize| {
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(end + 1)).collect();
            at.extend([0, end]);
            at.sort_unstable();
            let chunks = at.windows(2).map(|pair| stream[pair[0]..pair[1]].to_vec());
            decode(DEFAULT_LIMIT, chunks.collect::<Vec<_>>())
        };
        prop_assert_eq!(chop(stream.len()), (records.clone(), Ok(())));

        // And cut off anywhere: the whole records before the cut, then an error
        // unless the cut is between two records.
        let end = lost.index(stream.len() + 1);
        let whole = starts.iter().filter(|start| **start <= end).count() - 1;
        let (got, finished) = chop(end);
        prop_assert_eq!(&got[..], &records[..whole]);
        prop_assert_eq!(finished.is_ok(), starts.contains(&end));
    }

    #[test]
    fn no_bytes_make_it_panic_or_disagree_with_itself(
        stream in prop::collection::vec(
            prop_oneof![Just(b'\n'), b'0'..=b'9', any::<u8>()],
            0..200,
        ),
        cut in any::<prop::sample::Index>(),
    ) {
        let (left, right) = stream.split_at(cut.index(stream.len() + 1));
        let whole = decode(LIMIT, [&stream[..]]);
        prop_assert_eq!(decode(LIMIT, [left, right]), whole.clone());
        prop_assert_eq!(decode(LIMIT, stream.chunks(1)), whole);
    }
}
