//! Finds the serialized `FileDescriptorProto`s in a file's bytes. protobuf's generated C++ has one
//! for each .proto file, as a constant that begins with the file's name and ends with a NUL.

use std::collections::BTreeMap;

use prost::Message as _;
use prost::encoding::{DecodeContext, WireType, decode_key, skip_field};
use prost_types::FileDescriptorProto;

/// The key of field 1, the name: a string.
const NAME_KEY: u8 = 0x0a;
const SUFFIX: &[u8] = b".proto";
/// Longer names need a second byte for their length. No file of Mesos has such a name.
const LONGEST_NAME: usize = 127;

/// Every descriptor in `bytes`, by its file's name.
pub(crate) fn descriptors(bytes: &[u8]) -> BTreeMap<String, FileDescriptorProto> {
    memchr::memmem::find_iter(bytes, SUFFIX)
        .filter_map(|at| ending_in(bytes, at + SUFFIX.len()))
        .map(|file| (file.name().to_owned(), file))
        .collect()
}

/// The descriptor whose name ends at `end`.
fn ending_in(bytes: &[u8], end: usize) -> Option<FileDescriptorProto> {
    (SUFFIX.len() + 1..=LONGEST_NAME.min(end.checked_sub(2)?)).find_map(|length| {
        let start = end - length - 2;
        if bytes[start] != NAME_KEY || usize::from(bytes[start + 1]) != length {
            return None;
        }
        let file = &bytes[start..end + extent(&bytes[end..])];
        FileDescriptorProto::decode(file)
            .ok()
            .filter(|file| file.package.is_some())
    })
}

/// The number of leading bytes that are fields 2 to 12.
fn extent(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    loop {
        let before = rest.len();
        let field = decode_key(&mut rest).and_then(|(number, wire_type)| {
            // public_dependency and weak_dependency are numbers; all other fields have a length.
            let expected = if matches!(number, 10 | 11) {
                WireType::Varint
            } else {
                WireType::LengthDelimited
            };
            if !(2..=12).contains(&number) || wire_type != expected {
                return Ok(false);
            }
            skip_field(wire_type, number, &mut rest, DecodeContext::default()).map(|()| true)
        });
        if !matches!(field, Ok(true)) {
            return bytes.len() - before;
        }
    }
}
