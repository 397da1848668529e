//! Removes from rustdoc's JSON what codegen writes. The fields of the messages follow from the
//! .proto files, and would be most of the snapshot. The names of the messages and what is written
//! by hand for them remain.

use serde_json::{Map, Value, json};

/// The folder of the files that `cargo xtask codegen` writes.
const FOLDER: &str = "mesos-proto/src/generated/";

/// Every message has these, by macros that the generated files call.
const TRAITS: [&str; 3] = ["Serialize", "Deserialize", "HasText"];

/// Removes fields, variants and generated implementations from the generated types.
pub(super) fn remove(json: &mut Value) {
    let Some(index) = json.get_mut("index").and_then(Value::as_object_mut) else {
        return;
    };
    let ids = |is_wanted: fn(&Value) -> bool| -> Vec<String> {
        let wanted = index.iter().filter(|(_, item)| is_wanted(item));
        wanted.map(|(id, _)| id.clone()).collect()
    };
    let types = ids(is_generated);
    // A trait lists its implementations too.
    for id in ids(|item| item.pointer("/inner/trait").is_some()) {
        let kept = index.get(&id).map(|item| impls_by_hand(index, item));
        let inner = index
            .get_mut(&id)
            .and_then(|item| item.pointer_mut("/inner/trait"));
        if let (Some(inner), Some(kept)) = (inner, kept) {
            inner["implementations"] = kept;
        }
    }
    for id in types {
        let kept = index.get(&id).map(|item| impls_by_hand(index, item));
        let inner = index.get_mut(&id).and_then(|item| item.get_mut("inner"));
        let (Some(inner), Some(kept)) = (inner.and_then(Value::as_object_mut), kept) else {
            continue;
        };
        if let Some(message) = inner.get_mut("struct") {
            message["impls"] = kept;
            if let Some(fields) = message["kind"].get_mut("plain") {
                *fields = json!({ "fields": [], "has_stripped_fields": true });
            }
        } else if let Some(oneof) = inner.get_mut("enum") {
            oneof["impls"] = kept;
            oneof["variants"] = json!([]);
            oneof["has_stripped_variants"] = json!(true);
        }
    }
}

fn is_generated(item: &Value) -> bool {
    let file = item.pointer("/span/filename").and_then(Value::as_str);
    file.is_some_and(|file| file.starts_with(FOLDER))
}

/// The ids of the implementations of a type or of a trait that are written by hand.
fn impls_by_hand(index: &Map<String, Value>, item: &Value) -> Value {
    let inner = item.get("inner").and_then(Value::as_object);
    let inner = inner.and_then(|inner| inner.values().next());
    let impls = inner
        .and_then(|inner| inner.get("impls").or_else(|| inner.get("implementations")))
        .and_then(Value::as_array);
    let by_hand = |id: &&Value| {
        let Some(item) = index.get(&id.to_string()) else {
            return false;
        };
        // Implementations by the compiler have no span.
        let has_span = item.get("span").is_some_and(|span| !span.is_null());
        let of_trait = item
            .pointer("/inner/impl/trait/path")
            .and_then(Value::as_str);
        has_span && !is_generated(item) && !of_trait.is_some_and(|path| TRAITS.contains(&path))
    };
    impls
        .into_iter()
        .flatten()
        .filter(by_hand)
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_by_hand_remains_of_a_generated_type() {
        let span = |file: &str| json!({ "filename": file });
        let generated = || span("mesos-proto/src/generated/mesos.v1.rs");
        let by_hand = || span("mesos-proto/src/helpers/task.rs");
        let implementation = |span: Value, of_trait: Value| json!({ "span": span, "inner": { "impl": { "trait": of_trait } } });
        let fields = |fields: Value, stripped: bool| json!({ "plain": { "fields": fields, "has_stripped_fields": stripped } });
        let message = |span: Value, kind: Value, impls: Value| json!({ "span": span, "inner": { "struct": { "kind": kind, "impls": impls } } });
        let impls = json!([2, 3, 4, 5]);
        let mut json = json!({ "index": {
            "0": message(generated(), fields(json!([9]), false), impls.clone()),
            "1": message(by_hand(), fields(json!([9]), false), impls.clone()),
            "2": implementation(by_hand(), Value::Null),
            "3": implementation(generated(), json!({ "path": "Message" })),
            "4": implementation(by_hand(), json!({ "path": "HasText" })),
            "5": implementation(Value::Null, json!({ "path": "Send" })),
            "6": json!({ "inner": { "trait": { "implementations": impls.clone() } } }),
        }});
        remove(&mut json);
        let expected = message(generated(), fields(json!([]), true), json!([2]));
        assert_eq!(json["index"]["0"], expected);
        let of_trait = json!({ "inner": { "trait": { "implementations": [2] } } });
        assert_eq!(json["index"]["6"], of_trait);
        let unchanged = message(by_hand(), fields(json!([9]), false), impls);
        assert_eq!(json["index"]["1"], unchanged);
    }
}
