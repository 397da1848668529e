//! The rules of Mesos' JSON mapping, one by one. A test beside the mapping checks all messages.

use mesos_proto::v1;
use mesos_proto::v1::capability_info::Capability;
use mesos_proto::v1::scheduler::{Call, Event, call, event};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

#[track_caller]
fn read<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[track_caller]
fn error<T: DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
    serde_json::from_str::<T>(text)
        .expect_err("must not be read")
        .to_string()
}

#[track_caller]
fn written(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("has a form")
}

#[test]
fn names_and_their_order_are_those_of_the_schema() {
    let update = event::Update {
        status: v1::TaskStatus {
            state: v1::TaskState::TaskRunning.into(),
            ..v1::TaskStatus::default()
        },
    };
    let event = Event {
        update: Some(update),
        r#type: Some(event::Type::Update.into()),
        ..Event::default()
    };
    assert_eq!(
        written(&event),
        r#"{"type":"UPDATE","update":{"status":{"task_id":{"value":""},"state":"TASK_RUNNING"}}}"#
    );
}

#[test]
fn unknown_keys_including_camel_case_are_ignored() {
    let kill: call::Kill = read(
        r#"{"task_id": {"value": "t"}, "agentId": {"value": "a"}, "new": [{"a": [1, null]}]}"#,
    );
    assert_eq!(kill.task_id.value, "t");
    assert_eq!(kill.agent_id, None);
}

#[test]
fn an_enum_is_read_only_by_its_name() {
    let event: Event = read(r#"{"type": "HEARTBEAT"}"#);
    assert_eq!(event.r#type, Some(event::Type::Heartbeat.into()));
    assert_eq!(
        error::<Event>(r#"{"type": 8}"#),
        "in `type`: invalid type: integer `8`, expected the name of a mesos.v1.scheduler.Event.Type \
         at line 1 column 10"
    );
}

#[test]
fn an_unknown_enum_name_leaves_an_optional_field_unset() {
    let event: Event = read(r#"{"type": "FROM_THE_FUTURE", "error": {"message": "m"}}"#);
    assert_eq!(event.r#type, None);
    assert_eq!(event.error.expect("is read all the same").message, "m");
}

#[test]
fn an_unknown_enum_name_is_omitted_from_a_repeated_field() {
    let info: v1::CapabilityInfo =
        read(r#"{"capabilities": ["CHOWN", "FROM_THE_FUTURE", "KILL"]}"#);
    assert_eq!(
        info.capabilities,
        [Capability::Chown, Capability::Kill].map(i32::from)
    );
}

#[test]
fn an_unknown_enum_name_is_an_error_in_a_required_field() {
    let error = error::<v1::TaskStatus>(r#"{"task_id": {"value": "t"}, "state": "TASK_FUTURE"}"#);
    assert!(
        error.starts_with("in `state`: \"TASK_FUTURE\" is not a name in mesos.v1.TaskState"),
        "{error}"
    );
}

#[test]
fn an_enum_number_without_a_name_is_omitted_from_optional_and_repeated_fields() {
    assert_eq!(
        written(&Event {
            r#type: Some(4711),
            ..Event::default()
        }),
        "{}"
    );
    assert_eq!(
        written(&v1::CapabilityInfo {
            capabilities: vec![4711]
        }),
        "{}"
    );
    let info = v1::CapabilityInfo {
        capabilities: vec![4711, Capability::Chown.into()],
    };
    assert_eq!(written(&info), r#"{"capabilities":["CHOWN"]}"#);
}

#[test]
fn an_enum_number_without_a_name_is_written_as_the_declared_default() {
    let variable = v1::environment::Variable {
        name: "n".into(),
        r#type: Some(4711),
        ..Default::default()
    };
    assert_eq!(written(&variable), r#"{"name":"n","type":"VALUE"}"#);
}

#[test]
fn an_enum_number_without_a_name_is_an_error_in_a_required_field() {
    let status = v1::TaskStatus {
        state: 4711,
        ..v1::TaskStatus::default()
    };
    let event = Event {
        update: Some(event::Update { status }),
        ..Event::default()
    };
    assert_eq!(
        serde_json::to_string(&event)
            .expect_err("has no form")
            .to_string(),
        "in `update`: in `status`: in `state`: the number 4711 has no name in mesos.v1.TaskState"
    );
}

#[test]
fn sixty_four_bit_integers_are_numbers_up_to_their_limits() {
    for nanoseconds in [i64::MIN, -1, 0, i64::MAX] {
        let text = format!(r#"{{"nanoseconds":{nanoseconds}}}"#);
        assert_eq!(written(&v1::TimeInfo { nanoseconds }), text);
        assert_eq!(read::<v1::TimeInfo>(&text), v1::TimeInfo { nanoseconds });
    }
    let range = v1::value::Range {
        begin: 0,
        end: u64::MAX,
    };
    assert_eq!(written(&range), r#"{"begin":0,"end":18446744073709551615}"#);
    assert_eq!(read::<v1::value::Range>(&written(&range)), range);
}

#[test]
fn numbers_are_also_read_from_text() {
    assert_eq!(
        read::<v1::TimeInfo>(r#"{"nanoseconds": " -5 "}"#).nanoseconds,
        -5
    );
    assert_eq!(
        read::<v1::TimeInfo>(r#"{"nanoseconds": "2e3"}"#).nanoseconds,
        2000
    );
    assert_eq!(
        read::<v1::value::Scalar>(r#"{"value": "0.25"}"#).value,
        0.25
    );
    assert_eq!(read::<v1::Address>(r#"{"port": "5050"}"#).port, 5050);
}

#[test]
fn an_integer_is_read_from_a_double_that_has_no_fraction() {
    assert_eq!(read::<v1::Address>(r#"{"port": 5050.0}"#).port, 5050);
    let error = error::<v1::Address>(r#"{"port": 5050.5}"#);
    assert!(
        error.starts_with("in `port`: 5050.5 is not a 32-bit integer"),
        "{error}"
    );
}

#[test]
fn a_number_out_of_range_is_an_error_that_names_the_field() {
    for given in ["2147483648", "-2147483649", r#""9999999999""#] {
        let error = error::<v1::Address>(&format!(r#"{{"port": {given}}}"#));
        assert!(
            error.starts_with(&format!("in `port`: {given} is not a 32-bit integer")),
            "{error}"
        );
    }
    for given in ["1e300", r#""-1e300""#] {
        let error = error::<v1::Address>(&format!(r#"{{"port": {given}}}"#));
        assert!(error.contains("is not a 32-bit integer"), "{error}");
    }
    let error = error::<v1::value::Range>(r#"{"begin": -1, "end": 0}"#);
    assert!(
        error.starts_with("in `begin`: -1 is not an unsigned 64-bit integer"),
        "{error}"
    );
}

#[test]
fn text_that_is_not_a_number_is_an_error() {
    for text in [
        "", " ", "one", "inf", "NaN", "nan", "0x10", "1_000", "infinity", "--1", ".", "1e999",
    ] {
        let error = error::<v1::value::Scalar>(&json!({ "value": text }).to_string());
        assert!(
            error.contains(&format!("{text:?} is not a number")),
            "{error}"
        );
    }
}

#[test]
fn infinity_is_text_and_nan_is_an_error() {
    for (value, text) in [
        (f64::INFINITY, r#"{"value":"Infinity"}"#),
        (f64::NEG_INFINITY, r#"{"value":"-Infinity"}"#),
    ] {
        let scalar = v1::value::Scalar { value };
        assert_eq!(written(&scalar), text);
        assert_eq!(read::<v1::value::Scalar>(text), scalar);
    }
    let nan = v1::value::Scalar { value: f64::NAN };
    let error = serde_json::to_string(&nan)
        .expect_err("has no form")
        .to_string();
    assert_eq!(error, "in `value`: JSON cannot represent NaN");
}

#[test]
fn bools_are_also_read_from_text() {
    assert_eq!(
        read::<v1::CommandInfo>(r#"{"shell": "false"}"#).shell,
        Some(false)
    );
    assert_eq!(
        read::<v1::CommandInfo>(r#"{"shell": "true"}"#).shell,
        Some(true)
    );
    assert_eq!(
        read::<v1::CommandInfo>(r#"{"shell": true}"#).shell,
        Some(true)
    );
    for text in [r#""yes""#, "1", r#""""#] {
        let error = error::<v1::CommandInfo>(&format!(r#"{{"shell": {text}}}"#));
        assert!(error.starts_with("in `shell`: invalid"), "{error}");
        assert!(error.contains("expected true or false"), "{error}");
    }
}

fn status_with_data(base64: &str) -> String {
    json!({ "task_id": { "value": "t" }, "state": "TASK_RUNNING", "data": base64 }).to_string()
}

#[test]
fn bytes_are_base64_with_padding() {
    for (bytes, text) in [
        (&b""[..], ""),
        (b"\xfb", "+w=="),
        (b"\xfb\xff", "+/8="),
        (b"\xfb\xff\xbf", "+/+/"),
    ] {
        let status = v1::TaskStatus {
            data: Some(bytes.into()),
            ..v1::TaskStatus::default()
        };
        assert_eq!(
            serde_json::to_value(&status).expect("has a form")["data"],
            text
        );
        assert_eq!(
            read::<v1::TaskStatus>(&status_with_data(text))
                .data
                .expect("is set"),
            bytes
        );
    }
}

#[test]
fn bytes_are_read_without_padding_and_with_white_space() {
    for text in ["+w", " +w\r\n=\t= ", "+w=", "+x=="] {
        let status: v1::TaskStatus = read(&status_with_data(text));
        assert_eq!(status.data.expect("is set"), &b"\xfb"[..], "{text:?}");
    }
}

#[test]
fn the_url_safe_alphabet_is_an_error() {
    for text in ["-w==", "_w==", "*", "A"] {
        let error = error::<v1::TaskStatus>(&status_with_data(text));
        assert!(
            error.starts_with("in `data`: invalid standard base64: "),
            "{error}"
        );
    }
}

#[test]
fn null_is_the_same_as_unset() {
    let event: Event = read(r#"{"type": null, "error": null, "offers": {"offers": null}}"#);
    assert_eq!(
        event,
        Event {
            offers: Some(event::Offers::default()),
            ..Event::default()
        }
    );
    let quota: v1::quota::QuotaConfig = read(r#"{"role": "r", "limits": null}"#);
    assert!(quota.limits.is_empty());
    let revive: call::Revive = read(r#"{"roles": [null, "a", null]}"#);
    assert_eq!(revive.roles, ["a"]);
}

#[test]
fn null_in_a_required_field_is_the_same_as_missing() {
    let error = error::<v1::TaskId>(r#"{"value": null}"#);
    assert!(
        error.starts_with("the required field `value` of mesos.v1.TaskID is missing"),
        "{error}"
    );
}

#[test]
fn an_optional_field_with_a_declared_default_is_always_written() {
    assert_eq!(
        written(&v1::Filters::default()),
        r#"{"refuse_seconds":5.0}"#
    );
    assert_eq!(
        written(&v1::command_info::Uri::default()),
        r#"{"value":"","extract":true}"#
    );
    let http = v1::health_check::HttpCheckInfo::default();
    assert_eq!(written(&http), r#"{"protocol":"IPv4","port":0}"#);
}

#[test]
fn a_deprecated_field_with_a_declared_default_is_written_only_if_set() {
    let mut info = v1::FrameworkInfo::default();
    assert_eq!(
        written(&info),
        r#"{"user":"","name":"","failover_timeout":0.0,"checkpoint":false}"#
    );
    #[allow(deprecated)]
    {
        info.role = Some("*".into());
    }
    assert!(written(&info).contains(r#""role":"*""#));
}

#[test]
fn the_getter_of_a_missing_field_returns_the_declared_default() {
    let filters: v1::Filters = read("{}");
    assert_eq!(filters.refuse_seconds, None);
    assert_eq!(filters.refuse_seconds(), 5.0);
}

#[test]
fn an_optional_field_without_default_is_written_only_if_set() {
    assert_eq!(written(&Call::default()), "{}");
    let address = v1::Address {
        hostname: Some(String::new()),
        ..v1::Address::default()
    };
    assert_eq!(written(&address), r#"{"hostname":"","port":0}"#);
}

#[test]
fn an_empty_repeated_field_is_omitted() {
    assert_eq!(written(&call::Revive::default()), "{}");
    let revive = call::Revive {
        roles: vec!["a".into(), "b".into()],
    };
    assert_eq!(written(&revive), r#"{"roles":["a","b"]}"#);
}

#[test]
fn a_single_element_is_read_as_a_list() {
    let accept: call::Accept = read(r#"{"offer_ids": {"value": "o"}}"#);
    assert_eq!(accept.offer_ids, [v1::OfferId { value: "o".into() }]);
    let revive: call::Revive = read(r#"{"roles": "a"}"#);
    assert_eq!(revive.roles, ["a"]);
    let info: v1::CapabilityInfo = read(r#"{"capabilities": "FROM_THE_FUTURE"}"#);
    assert!(info.capabilities.is_empty());
}

#[test]
fn a_map_is_an_object_with_its_keys_in_order() {
    let limit = |value| v1::value::Scalar { value };
    let mut quota = v1::quota::QuotaConfig {
        role: "r".into(),
        ..Default::default()
    };
    assert_eq!(written(&quota), r#"{"role":"r"}"#);
    quota.limits = [
        ("mem".to_owned(), limit(32.0)),
        ("cpus".to_owned(), limit(f64::INFINITY)),
    ]
    .into();
    let text = r#"{"role":"r","limits":{"cpus":{"value":"Infinity"},"mem":{"value":32.0}}}"#;
    assert_eq!(written(&quota), text);
    assert_eq!(read::<v1::quota::QuotaConfig>(text), quota);
}

#[test]
fn a_map_with_a_wrong_type_or_null_is_an_error_that_names_the_place() {
    let list = error::<v1::quota::QuotaConfig>(r#"{"role": "r", "limits": []}"#);
    assert!(
        list.starts_with("in `limits`: invalid type: sequence, expected an object"),
        "{list}"
    );
    let null = error::<v1::quota::QuotaConfig>(r#"{"role": "r", "limits": {"cpus": null}}"#);
    assert!(
        null.starts_with(r#"in `limits`: in "cpus": null is not allowed as a value of a map"#),
        "{null}"
    );
}

#[test]
fn the_fields_of_a_oneof_are_fields_of_the_message() {
    use v1::scheduler::attribute_constraint::Selector;
    use v1::scheduler::attribute_constraint::selector::{PseudoattributeType, Selector as Choice};

    for (choice, text) in [
        (
            Choice::AttributeName("rack".into()),
            r#"{"attribute_name":"rack"}"#,
        ),
        (
            Choice::PseudoattributeType(PseudoattributeType::Hostname.into()),
            r#"{"pseudoattribute_type":"HOSTNAME"}"#,
        ),
    ] {
        let selector = Selector {
            selector: Some(choice),
        };
        assert_eq!(written(&selector), text);
        assert_eq!(read::<Selector>(text), selector);
    }
    for text in [
        r#"{"attribute_name": null}"#,
        r#"{"pseudoattribute_type": "FROM_THE_FUTURE"}"#,
    ] {
        assert_eq!(read::<Selector>(text), Selector { selector: None });
    }
    let second_is_null: Selector =
        read(r#"{"attribute_name": "rack", "pseudoattribute_type": null}"#);
    assert_eq!(
        second_is_null.selector,
        Some(Choice::AttributeName("rack".into()))
    );
}

#[test]
fn a_missing_required_field_is_an_error_that_names_it() {
    let error = error::<Call>(r#"{"subscribe": {"framework_info": {"user": "u"}}}"#);
    let expected = "in `subscribe`: in `framework_info`: the required field `name` of mesos.v1.FrameworkInfo is missing";
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn a_value_of_the_wrong_kind_is_an_error_that_names_the_field_and_its_place() {
    assert_eq!(
        error::<Event>(r#"{"error": {"message": 5}}"#),
        "in `error`: in `message`: invalid type: integer `5`, expected a string at line 1 column 23"
    );
    let text = error::<Event>(r#"{"error": "text"}"#);
    let expected = r#"in `error`: invalid type: string "text", expected mesos.v1.scheduler.Event.Error as an object"#;
    assert!(text.starts_with(expected), "{text}");
    assert!(
        error::<Event>("5")
            .starts_with("invalid type: integer `5`, expected mesos.v1.scheduler.Event")
    );
}

#[test]
fn the_duration_of_protobuf_is_written_like_any_message() {
    for (seconds, nanos, period) in [
        (5, 1, json!({ "seconds": 5, "nanos": 1 })),
        (0, 0, json!({})),
    ] {
        let drain = v1::master::call::DrainAgent {
            max_grace_period: Some(prost_types::Duration { seconds, nanos }),
            ..Default::default()
        };
        let json = serde_json::to_value(&drain).expect("has a form");
        let expected =
            json!({ "agent_id": { "value": "" }, "max_grace_period": period, "mark_gone": false });
        assert_eq!(json, expected);
        let back: v1::master::call::DrainAgent = serde_json::from_value(json).expect("is read");
        assert_eq!(back.max_grace_period, drain.max_grace_period);
    }
}

#[test]
fn a_recursive_message_is_read_down_to_a_limit() {
    let nested = |depth: usize| {
        format!(
            "{}null{}",
            r#"{"value":"c","parent":"#.repeat(depth),
            "}".repeat(depth)
        )
    };
    let container: v1::ContainerId = read(&nested(100));
    assert_eq!(written(&container).matches("parent").count(), 99);
    assert!(error::<v1::ContainerId>(&nested(100_000)).contains("recursion limit exceeded"));
}

#[test]
fn a_truncated_message_is_an_error() {
    let text = r#"{"type":"ERROR","error":{"message":"m"}}"#;
    assert!(serde_json::from_str::<Event>(text).is_ok());
    for end in 0..text.len() {
        assert!(
            serde_json::from_str::<Event>(&text[..end]).is_err(),
            "{}",
            &text[..end]
        );
    }
}

#[test]
fn keys_and_text_may_be_escaped() {
    let event: Event = read(r#"{"\u0074ype": "ERR\u004fR"}"#);
    assert_eq!(event.r#type(), event::Type::Error);
}
