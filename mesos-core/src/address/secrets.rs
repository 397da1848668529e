//! A property of all addresses: no output contains a password.

use proptest::prelude::*;

use super::{Endpoint, Ensemble, Location, Master};

/// What the generated addresses have as the password, or as a part of it.
const SECRET: &str = "s3cr3t";

/// A password around the marker, with the characters that separate the parts of an address.
fn password() -> impl Strategy<Value = String> {
    ("[a-z:/@,.]{0,3}", "[a-z:/@,.]{0,3}").prop_map(|(a, b)| format!("{a}{SECRET}{b}"))
}

/// The part before a host: with and without a user, and with the separators swapped.
fn credentials() -> impl Strategy<Value = String> {
    let separator = prop_oneof![Just(":"), Just("@"), Just("")];
    let end = prop_oneof![4 => Just("@"), 1 => Just(":")];
    ("[a-z]{0,4}", separator, password(), end)
        .prop_map(|(user, separator, password, end)| format!("{user}{separator}{password}{end}"))
}

fn scheme() -> impl Strategy<Value = String> {
    "(zk|ZK|zK|zk2|zookeeper|http|HTTPS|https|file|ftp|mesos)://|(zk|http):/{0,1}|master@|"
}

/// What follows the credentials: hosts, ports and paths, most of them valid.
fn rest() -> impl Strategy<Value = String> {
    let host = r"[a-z]{1,4}(:[0-9]{1,5})?|\[::1\]:2181|10\.0\.0\.1:2181|h:x|";
    let list = proptest::collection::vec(host, 1..4).prop_map(|hosts| hosts.join(","));
    (list, "(/[a-z]{0,4}){0,2}(,h:2181/m)?[?#]?").prop_map(|(hosts, path)| hosts + &path)
}

/// Everything that a parsed address and the errors of this text can show.
fn shown(text: &str) -> String {
    let mut all = Vec::new();
    match text.parse::<Master>() {
        Ok(master) => {
            all.push(format!("{master} {master:?} {master:#?}"));
            all.push(match master.location() {
                // A file's path is not a place for a password.
                Location::File(_) => String::new(),
                location => format!("{location:?} {location:#?}"),
            });
        }
        Err(error) => all.push(format!(
            "{error} {error:?} {}",
            crate::Error::from(error.clone())
        )),
    }
    match text.parse::<Ensemble>() {
        Ok(ensemble) => all.push(format!("{ensemble} {ensemble:?} {ensemble:#?}")),
        Err(error) => all.push(format!("{error} {error:?}")),
    }
    match text.parse::<Endpoint>() {
        Ok(endpoint) => all.push(format!("{endpoint} {endpoint:?}")),
        Err(error) => all.push(format!("{error} {error:?}")),
    }
    all.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn no_output_of_any_address_contains_the_password_before_the_at_sign(
        scheme in scheme(),
        credentials in credentials(),
        rest in rest(),
    ) {
        let text = format!("{scheme}{credentials}{rest}");
        // Without an @ after it, the marker is not marked as a password.
        prop_assume!(text.rsplit_once('@').is_some_and(|(before, _)| before.contains(SECRET)));
        // A file's path, and the name of a libprocess id, are not places for a password.
        prop_assume!(!text.to_ascii_lowercase().starts_with("file:///"));
        let shown = shown(&text);
        prop_assert!(!shown.contains(SECRET), "{text:?} shows {shown}");
    }

    #[test]
    fn no_error_about_servers_in_zookeeper_contains_a_password_with_a_misplaced_at_sign(
        user in "[a-z]{1,4}",
        separators in prop_oneof![Just(("@", ":")), Just((":", ":")), Just(("@", "@")), Just((":", "/"))],
        rest in rest(),
    ) {
        let text = format!("zk://{user}{}{SECRET}{}{rest}", separators.0, separators.1);
        if let Err(error) = text.parse::<Master>() {
            prop_assert!(!error.to_string().contains(SECRET), "{text:?}: {error}");
        }
    }
}
