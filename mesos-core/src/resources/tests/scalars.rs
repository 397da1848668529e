//! Fixed-point amounts.

use proptest::prelude::*;

use super::{resources, scalar, single};
use crate::resources::{Problem, Resources, Scalar};

#[test]
fn a_hundred_thousand_additions_of_a_tenth_do_not_drift() {
    let tenth = resources("cpus:0.1");
    let mut sum = Resources::new();
    for _ in 0..100_000 {
        sum += &tenth;
    }
    assert_eq!(sum.cpus(), Some(10_000.0));
    for _ in 0..99_999 {
        sum -= &tenth;
    }
    assert_eq!(sum, tenth);
    sum -= &tenth;
    assert!(sum.is_empty());
}

#[test]
fn amounts_are_rounded_to_thousandths_and_halves_away_from_zero() {
    let rounded = |value| Scalar::from_f64(value).map(|scalar| scalar.to_string());
    assert_eq!(rounded(1.5011).as_deref(), Ok("1.501"));
    assert_eq!(rounded(1.5015).as_deref(), Ok("1.502"));
    assert_eq!(rounded(1.2344).as_deref(), Ok("1.234"));
    assert_eq!(rounded(0.0005).as_deref(), Ok("0.001"));
    assert_eq!(
        rounded(99_999_999_999.999_4).as_deref(),
        Ok("99999999999.999")
    );
}

#[test]
fn printing_drops_trailing_zeros_and_keeps_all_digits() {
    for text in [
        "cpus:1.1",
        "cpus:1000001",
        "cpus:0.005",
        "cpus:10",
        "cpus:0.25",
    ] {
        assert_eq!(resources(text).to_string(), text);
    }
    assert_eq!(resources("cpus:1.100").to_string(), "cpus:1.1");
}

#[test]
fn invalid_amounts_are_rejected_with_the_reason() {
    let why = |value: f64| Scalar::from_f64(value).expect_err("no amount").to_string();
    assert!(why(f64::NAN).contains("NaN is not an amount"));
    assert!(why(f64::INFINITY).contains("above 8796093022208"));
    assert!(why(f64::NEG_INFINITY).contains("negative"));
    assert!(why(-0.001).contains("negative"));
    assert!(why(0.0004).contains("smallest amount is 0.001"));
    assert!(why(f64::MIN_POSITIVE / 2.0).contains("smallest amount"));
    assert!(why(f64::MAX).contains("above"));
    assert_eq!(Scalar::from_f64(-0.0), Ok(Scalar::ZERO));
}

#[test]
fn a_message_with_an_invalid_amount_is_rejected() {
    for value in [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -1.0,
        0.0001,
        1e300,
    ] {
        let error = Resources::try_from(scalar("cpus", value)).expect_err("no resource");
        assert!(
            matches!(error.problem(), Problem::Scalar(_)),
            "{value}: {error}"
        );
    }
}

#[test]
fn the_largest_amount_survives_and_sums_saturate() {
    let most = single(scalar("mem", Scalar::MAX.to_f64()));
    assert_eq!(most.to_string(), "mem:8796093022208");
    assert_eq!(&most + &resources("mem:0.001"), most);
    assert_eq!(
        (&most - &resources("mem:0.001")).to_string(),
        "mem:8796093022207.999"
    );
}

#[test]
fn thousandths_stay_exact_for_large_amounts() {
    let text = "mem:4403685416803.146";
    assert_eq!(
        (4_403_685_416_803.146_f64 * 1000.0).round(),
        4_403_685_416_803_147.0
    );
    assert_eq!(resources(text).to_string(), text);
}

#[test]
fn zero_is_valid_and_adds_nothing() {
    assert!(single(scalar("gpus", 0.0)).is_empty());
    assert_eq!(
        resources("cpus:1") + resources("cpus:0"),
        resources("cpus:1")
    );
}

proptest! {
    #[test]
    fn every_amount_survives_the_conversion_to_a_double(fixed in 0..=Scalar::MAX.thousandths()) {
        let double = fixed as f64 / 1000.0;
        let scalar = Scalar::from_f64(double).expect("in bounds");
        prop_assert_eq!(scalar.thousandths(), fixed);
        prop_assert_eq!(Scalar::from_f64(scalar.to_f64()), Ok(scalar));
        prop_assert_eq!(scalar.to_string().parse::<f64>().map(Scalar::from_f64), Ok(Ok(scalar)));
    }

    #[test]
    fn no_double_panics(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        if let Ok(scalar) = Scalar::from_f64(value) {
            prop_assert!((scalar.to_f64() - value).abs() <= 0.001);
        }
    }
}
