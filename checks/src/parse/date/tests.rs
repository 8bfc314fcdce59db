use proptest::prelude::*;
use serde_json::value::RawValue;

use super::Expiry;

fn of(json: &str) -> Expiry {
    Expiry::of_json(Some(&RawValue::from_string(json.to_owned()).unwrap()))
}

#[track_caller]
fn check(text: &str, want: &str) {
    let got = match of(&serde_json::to_string(text).unwrap()) {
        Expiry::At(moment) => moment.to_string(),
        Expiry::NotADate { .. } => "not a date".to_owned(),
        Expiry::Unclear { .. } => "unclear".to_owned(),
        Expiry::Missing => "missing".to_owned(),
    };
    assert_eq!(got, want, "{text:?}");
}

#[test]
fn moments_are_read() {
    for (text, want) in [
        ("2099-01-01T00:00:00Z", "2099-01-01T00:00:00Z"),
        ("2099-01-01t00:00:00z", "2099-01-01T00:00:00Z"),
        ("2099-01-01T00:00Z", "2099-01-01T00:00:00Z"),
        ("2099-01-01T00:00:00+00:00", "2099-01-01T00:00:00Z"),
        ("2099-01-01T00:00:00-00:00", "2099-01-01T00:00:00Z"),
        ("2099-01-01T00:00:00+0130", "2098-12-31T22:30:00Z"),
        ("2099-01-01T00:00:00+23:59", "2098-12-31T00:01:00Z"),
        ("2099-01-01T00:00:00.000-01:00", "2099-01-01T01:00:00Z"),
        ("2099-01-01T00:00:00.1Z", "2099-01-01T00:00:00.1Z"),
        ("2099-01-01T00:00:00.9999999Z", "2099-01-01T00:00:00.999Z"),
        ("2099-01-01T24:00:00Z", "2099-01-02T00:00:00Z"),
        ("2099-02-30T00:00:00Z", "2099-03-02T00:00:00Z"),
        ("2023-02-29T00:00:00Z", "2023-03-01T00:00:00Z"),
        ("2099-01-01", "2099-01-01T00:00:00Z"),
        ("2099-01-01 00:00:00Z", "2099-01-01T00:00:00Z"),
        ("2099-01-01 00:00:00 UTC", "2099-01-01T00:00:00Z"),
    ] {
        check(text, want);
    }
}

#[test]
fn what_javascript_does_not_read_is_not_a_date() {
    for text in [
        "",
        "x",
        "2099-01-01T00:00:00UTC",
        "2099-01-01T00:00:00 UTC",
        "2099-01-01T00:00:00+00",
        "2099-01-01T00:00:00+24:00",
        "2099-01-01T00:00:00+12:60",
        "2099-01-01T24:00:01Z",
        "2099-01-01T23:59:60Z",
        "2099-13-01T00:00:00Z",
        "2099-02-32T00:00:00Z",
        "2099-01-01T00:00:00.Z",
        "2099-01-01T00:00:00,5Z",
        "2099-1-1T00:00:00Z",
        "2099-01-01T00Z",
        "20990101T000000Z",
        " 2099-01-01T00:00:00Z",
        "2099-01-01T00:00:00Z ",
    ] {
        check(text, "not a date");
    }
}

#[test]
fn what_hangs_on_the_time_zone_or_the_engine_is_left_open() {
    for text in [
        "2099-01-01T00:00:00",
        "2099-01-01 00:00:00",
        "2099/01/01",
        "Sat, 01 Jan 2022 00:00:00 GMT",
        "+002099-01-01T00:00:00Z",
    ] {
        check(text, "unclear");
    }
}

#[test]
fn values_that_are_not_text() {
    assert_eq!(Expiry::of_json(None), Expiry::Missing);
    assert_eq!(of("null").moment().unwrap().as_second(), 0);
    assert_eq!(
        of("4070908800500").moment().unwrap().as_millisecond(),
        4_070_908_800_500
    );
    assert_eq!(of("1e999").moment(), None);
    assert!(matches!(of("{}"), Expiry::NotADate { .. }));
    assert_eq!(of("true").moment(), of("null").moment());
    assert_eq!(
        of(r#"["2099-01-01T00:00:00Z"]"#),
        of(r#""2099-01-01T00:00:00Z""#)
    );
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in any::<String>()) {
        let _any = Expiry::of_text(&text);
    }

    #[test]
    fn date_like_text_is_read_without_panic(
        text in "[+-]?[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]?[0-9:.]{0,12}(Z|[+-][0-9:]{0,6}| UTC)?é?"
    ) {
        let _any = Expiry::of_text(&text);
    }

    #[test]
    fn what_a_timestamp_prints_is_read_back(second in -62_000_000_000_i64..250_000_000_000) {
        let moment = jiff::Timestamp::from_second(second).unwrap();
        prop_assert_eq!(Expiry::of_text(&moment.to_string()), Expiry::At(moment));
    }
}
