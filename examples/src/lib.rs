//! What the examples share: a backend by its name, and Ctrl-C. The examples are beside this
//! folder; run one with `cargo run --example NAME`.

use mesos::backend::{Backend, SchedulerApi};
use mesos::http::HttpBackend;
use mesos::{BoxError, Driver, StopReason};

/// The backend `name` for the master at `master`: `http`, or `native` with the feature of that
/// name (on by default). The native backend loads the libmesos that `MESOS_NATIVE_LIBRARY`
/// names, or else downloads the released library once.
///
/// # Errors
/// An invalid address, an unknown name, a libmesos that cannot be loaded.
pub async fn backend(name: &str, master: &str) -> Result<Box<dyn Backend<SchedulerApi>>, BoxError> {
    match name {
        "http" => Ok(Box::new(HttpBackend::new(master.parse()?))),
        #[cfg(feature = "native")]
        "native" => {
            let library = mesos_local::load_libmesos(mesos_local::DEFAULT_VERSION).await?;
            Ok(Box::new(mesos::native::NativeBackend::new(
                library,
                master.parse()?,
            )?))
        }
        other => Err(format!("unknown backend {other:?}; write http or native").into()),
    }
}

/// Removes `--backend NAME` from a program's arguments and returns NAME; `http` by default.
///
/// # Errors
/// `--backend` without a name.
pub fn backend_name(arguments: &mut Vec<String>) -> Result<String, BoxError> {
    let Some(place) = arguments.iter().position(|word| word == "--backend") else {
        return Ok("http".to_owned());
    };
    if place + 1 == arguments.len() {
        return Err("--backend needs a name: write --backend http or --backend native".into());
    }
    arguments.remove(place);
    Ok(arguments.remove(place))
}

/// Waits for the end of `driver`. At Ctrl-C calls `stop` first; at a second Ctrl-C aborts the
/// driver.
///
/// # Errors
/// The failure that ended the driver.
pub async fn join_or_ctrl_c(driver: &dyn Driver, stop: impl FnOnce()) -> mesos::Result<StopReason> {
    tokio::select! {
        end = driver.join() => return end,
        _ = tokio::signal::ctrl_c() => stop(),
    }
    tokio::select! {
        end = driver.join() => end,
        _ = tokio::signal::ctrl_c() => {
            driver.abort();
            driver.join().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::backend_name;

    #[test]
    fn the_backend_is_found_anywhere_in_the_arguments() {
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
