//! Decodes a resource of an offer. A usual resource has few of the fields that a resource can have,
//! and these are read with less work than by prost.

use prost::Message as _;

#[cfg(feature = "json")]
use super::json;
use super::shape::key;
use crate::v1::Resource;
use crate::v1::resource::AllocationInfo;
use crate::v1::value::{Range, Ranges, Scalar};
use crate::wire::{FIXED_64, LENGTH_DELIMITED, VARINT, length_delimited, skip, tag, varint};

/// The key in `mesos.v1.Offer` of a resource.
const RESOURCES: u8 = key(5, LENGTH_DELIMITED);

/// Keys in `mesos.v1.Resource`.
const NAME: u8 = key(1, LENGTH_DELIMITED);
const TYPE: u8 = key(2, VARINT);
const SCALAR: u8 = key(3, LENGTH_DELIMITED);
const RANGES: u8 = key(4, LENGTH_DELIMITED);
const ROLE: u8 = key(6, LENGTH_DELIMITED);
const ALLOCATION_INFO: u8 = key(11, LENGTH_DELIMITED);

/// Keys in the messages of these fields.
const SCALAR_VALUE: u8 = key(1, FIXED_64);
const RANGES_RANGE: u8 = key(1, LENGTH_DELIMITED);
const RANGE_BEGIN: u8 = key(1, VARINT);
const RANGE_END: u8 = key(2, VARINT);
const ALLOCATION_INFO_ROLE: u8 = key(1, LENGTH_DELIMITED);

/// The resources of an [`EncodedOffer`](super::EncodedOffer).
#[derive(Clone, Debug)]
pub struct EncodedResources<'a> {
    /// The rest of the offer, or of its array of resources in JSON.
    rest: &'a [u8],
    role: &'a str,
    #[cfg(feature = "json")]
    json: bool,
}

/// A resource of an [`EncodedOffer`](super::EncodedOffer).
#[derive(Clone, Copy, Debug)]
pub struct EncodedResource<'a> {
    bytes: &'a [u8],
    /// A role that the resource is probably allocated to.
    role: &'a str,
}

impl<'a> EncodedResources<'a> {
    /// The resources in `offer`, which was checked.
    pub(super) fn of(offer: &'a [u8], role: &'a str) -> Self {
        #[cfg(feature = "json")]
        if json::is_json(offer) {
            let rest = json::resources(offer);
            let json = true;
            return Self { rest, role, json };
        }
        Self {
            rest: offer,
            role,
            #[cfg(feature = "json")]
            json: false,
        }
    }

    fn next_bytes(&mut self) -> Option<&'a [u8]> {
        loop {
            // A short field with a short key, as nearly all are.
            if let [key, length @ ..0x80, value @ ..] = self.rest
                && u64::from(key & 0x87) == LENGTH_DELIMITED
            {
                let data;
                (data, self.rest) = value.split_at_checked(usize::from(*length))?;
                if *key == RESOURCES {
                    return Some(data);
                }
                continue;
            }
            let (number, wire_type) = tag(&mut self.rest)?;
            if wire_type != LENGTH_DELIMITED {
                skip(&mut self.rest, number, wire_type, 0)?;
                continue;
            }
            let data = length_delimited(&mut self.rest)?;
            if number == u32::from(RESOURCES >> 3) {
                return Some(data);
            }
        }
    }
}

impl<'a> Iterator for EncodedResources<'a> {
    type Item = EncodedResource<'a>;

    fn next(&mut self) -> Option<EncodedResource<'a>> {
        #[cfg(feature = "json")]
        let bytes = match self.json {
            true => json::next_element(&mut self.rest)?,
            false => self.next_bytes()?,
        };
        #[cfg(not(feature = "json"))]
        let bytes = self.next_bytes()?;
        let role = self.role;
        Some(EncodedResource { bytes, role })
    }
}

impl EncodedResource<'_> {
    /// Makes the empty `resource` this one. `None` if this one contains text that is not UTF-8.
    ///
    /// A resource is so large that moving it would take a tenth of the time. Without
    /// reservations, the resource may lack the role `*`, which is the default.
    pub fn decode_into(&self, resource: &mut Resource) -> Option<()> {
        #[cfg(feature = "json")]
        if json::is_json(self.bytes) {
            json::decode_into(self.bytes, resource);
            return Some(());
        }
        if usual(resource, self.bytes, self.role).is_none() {
            *resource = Resource::decode(self.bytes).ok()?;
        }
        Some(())
    }
}

/// `None` if the resource has an unusual field, or a message twice.
fn usual(resource: &mut Resource, bytes: &[u8], role: &str) -> Option<()> {
    let mut rest = bytes;
    while let Some((key, after)) = rest.split_first() {
        rest = after;
        match *key {
            NAME => resource.name = name(&mut rest)?,
            TYPE => resource.r#type = varint(&mut rest)? as i32,
            SCALAR if resource.scalar.is_none() => resource.scalar = Some(scalar(&mut rest)?),
            RANGES if resource.ranges.is_none() => resource.ranges = Some(ranges(&mut rest)?),
            #[allow(deprecated)]
            ROLE => match length_delimited(&mut rest)? {
                b"*" => resource.role = None,
                role => resource.role = Some(text(role)?),
            },
            ALLOCATION_INFO if resource.allocation_info.is_none() => {
                resource.allocation_info = Some(allocation_info(&mut rest, role)?);
            }
            _ => return None,
        }
    }
    Some(())
}

/// A name. The usual names need not be checked to be UTF-8.
fn name(rest: &mut &[u8]) -> Option<String> {
    let known = match length_delimited(rest)? {
        b"cpus" => "cpus",
        b"mem" => "mem",
        b"disk" => "disk",
        b"ports" => "ports",
        b"gpus" => "gpus",
        other => return text(other),
    };
    Some(known.to_owned())
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

fn scalar(rest: &mut &[u8]) -> Option<Scalar> {
    let (key, value) = length_delimited(rest)?.split_first()?;
    if *key != SCALAR_VALUE {
        return None;
    }
    let value = f64::from_le_bytes(value.try_into().ok()?);
    Some(Scalar { value })
}

fn ranges(rest: &mut &[u8]) -> Option<Ranges> {
    let mut list = length_delimited(rest)?;
    // A range of port numbers with five digits has ten bytes.
    let mut ranges = Ranges {
        range: Vec::with_capacity(list.len().div_ceil(10)),
    };
    while let Some((key, after)) = list.split_first() {
        list = after;
        if *key != RANGES_RANGE {
            return None;
        }
        let mut fields = length_delimited(&mut list)?;
        let mut range = Range::default();
        while let Some((key, after)) = fields.split_first() {
            fields = after;
            match *key {
                RANGE_BEGIN => range.begin = varint(&mut fields)?,
                RANGE_END => range.end = varint(&mut fields)?,
                _ => return None,
            }
        }
        ranges.range.push(range);
    }
    Some(ranges)
}

fn allocation_info(rest: &mut &[u8], role: &str) -> Option<AllocationInfo> {
    let (key, mut value) = length_delimited(rest)?.split_first()?;
    if *key != ALLOCATION_INFO_ROLE {
        return None;
    }
    let role = match length_delimited(&mut value)? {
        same if same == role.as_bytes() => role.to_owned(),
        other => text(other)?,
    };
    value
        .is_empty()
        .then_some(AllocationInfo { role: Some(role) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::v1::resource::{ReservationInfo, RevocableInfo};
    use crate::v1::value;

    /// A resource whose fields are set or missing, by `bits`.
    fn resource(name: &str, bits: u32, numbers: &[u64]) -> Resource {
        let some = |bit: u32| (bits >> bit & 1 == 1).then_some(());
        let range = |number: &u64| Range {
            begin: *number,
            end: number.saturating_add(9),
        };
        #[allow(deprecated)]
        Resource {
            name: name.to_owned(),
            r#type: numbers.len() as i32 - 1,
            scalar: some(0).map(|()| Scalar { value: 2.5 }),
            ranges: some(1).map(|()| Ranges {
                range: numbers.iter().map(range).collect(),
            }),
            role: some(2).map(|()| name.to_owned()),
            allocation_info: some(3).map(|()| AllocationInfo {
                role: some(4).map(|()| name.to_owned()),
            }),
            // Less often than the usual fields.
            set: some(5).and(some(6)).map(|()| value::Set {
                item: vec![name.to_owned()],
            }),
            revocable: some(7).and(some(8)).map(|()| RevocableInfo {}),
            reservations: vec![
                ReservationInfo {
                    role: Some(name.to_owned()),
                    ..Default::default()
                };
                usize::from(some(9).and(some(10)).is_some())
            ],
            ..Default::default()
        }
    }

    fn decode(bytes: &[u8]) -> Option<Resource> {
        let mut resource = Resource::default();
        let encoded = EncodedResource { bytes, role: "web" };
        encoded
            .decode_into(&mut resource)
            .map(|()| without_default(resource))
    }

    /// Without the role `*`, if it is the default.
    #[allow(deprecated)]
    fn without_default(mut resource: Resource) -> Resource {
        if resource.reservations.is_empty() && resource.role.as_deref() == Some("*") {
            resource.role = None;
        }
        resource
    }

    fn resources() -> impl Strategy<Value = Resource> {
        let numbers = prop::collection::vec(any::<u64>(), 0..4);
        ("cpus|mem|web|\\*|\\PC{0,12}", any::<u32>(), numbers)
            .prop_map(|(name, bits, numbers)| resource(&name, bits, &numbers))
    }

    proptest! {
        #[test]
        fn a_resource_is_decoded_as_by_prost(resource in resources()) {
            let found = decode(&resource.encode_to_vec());
            prop_assert_eq!(found, Some(without_default(resource)));
        }

        #[test]
        fn spoiled_bytes_are_decoded_or_refused_as_by_prost(
            resource in resources(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut bytes = resource.encode_to_vec();
            for (at, with) in changes {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = with;
                }
            }
            // Encoded, because NaN is not equal to itself.
            let found = decode(&bytes).map(|resource| resource.encode_to_vec());
            let expected = Resource::decode(&bytes[..]).ok().map(without_default);
            prop_assert_eq!(found, expected.map(|resource| resource.encode_to_vec()));
        }
    }

    #[test]
    fn a_usual_resource_is_not_left_to_prost() {
        let usual = |resource: Resource| {
            let bytes = resource.encode_to_vec();
            super::usual(&mut Resource::default(), &bytes, "web").is_some()
        };
        assert!(usual(Resource::scalar("cpus", 4.5).allocated_to("web")));
        assert!(usual(Resource::ranges("ports", [1..=5, 8..=9])));
        assert!(!usual(Resource::set("names", ["a"])));
    }
}
