//! The examples are beside this folder; run one with `cargo run --example NAME`.
//! Here is what they share: a backend by its name.

use mesos::BoxError;
use mesos::backend::{Backend, SchedulerApi};
use mesos::http::HttpBackend;

/// A backend for the master at `master`: `http`, or `native` where the feature of that
/// name is on (it is by default). libmesos is the one that `MESOS_NATIVE_LIBRARY` names,
/// else the released one, which is downloaded once.
///
/// # Errors
/// An address that is none, a name that is none, a libmesos that cannot be had.
pub async fn backend(name: &str, master: &str) -> Result<Box<dyn Backend<SchedulerApi>>, BoxError> {
    match name {
        "http" => Ok(Box::new(HttpBackend::new(master.parse()?))),
        #[cfg(feature = "native")]
        "native" => {
            let library = mesos_local::load_libmesos(mesos_local::DEFAULT_VERSION).await?;
            Ok(Box::new(mesos::native::NativeBackend::new(
                library, master,
            )?))
        }
        other => Err(format!("there is no backend {other:?} here; it is http or native").into()),
    }
}

/// Takes `--backend NAME` out of a program's arguments; `http` where it is not there.
///
/// # Errors
/// No name behind it.
pub fn backend_name(arguments: &mut Vec<String>) -> Result<String, BoxError> {
    let Some(place) = arguments.iter().position(|word| word == "--backend") else {
        return Ok("http".to_owned());
    };
    if place + 1 == arguments.len() {
        return Err("which backend? write --backend http or --backend native".into());
    }
    arguments.remove(place);
    Ok(arguments.remove(place))
}

#[cfg(test)]
mod tests {
    use super::backend_name;

    #[test]
    fn the_backend_is_taken_out_of_the_arguments_wherever_it_is() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (line, name, rest) in [
            ("a b", "http", "a b"),
            ("--backend native a b", "native", "a b"),
            ("a --backend native b", "native", "a b"),
            ("a b --backend native", "native", "a b"),
        ] {
            let mut arguments = words(line);
            assert_eq!(backend_name(&mut arguments).expect(line), name);
            assert_eq!(arguments, words(rest));
        }
        assert!(backend_name(&mut words("a --backend")).is_err());
    }
}
