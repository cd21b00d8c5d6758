use super::*;
use proptest::prelude::*;

fn number(text: &str) -> Number {
    Number::parse(text).unwrap_or_else(|| panic!("{text} is a number"))
}

#[test]
fn one_value_has_one_form_however_it_is_written() {
    for same in [
        &["1", "1.0", "1e0", "10e-1", "0.1E+1", "0.001e3"][..],
        &["0", "-0", "0.0", "0e99999999999999999999999", "-0.000e-5"],
        &["9223372036854775808", "9223372036854775808.000", "9.223372036854775808e18"],
        &["1e99999999999999999999", "10e99999999999999999998", "0.1e100000000000000000000"],
        &["-9223372036854775808", "-9.223372036854775808e18"],
        &["1e-20", "0.00000000000000000001"],
    ] {
        for text in same {
            assert_eq!(number(text), number(same[0]), "{text}");
            assert_eq!(number(text).cmp(&number(same[0])), Ordering::Equal, "{text}");
        }
    }
}

#[test]
fn numbers_stand_in_their_order() {
    let ascending = [
        "-1e100000000000000000000",
        "-1e99999999999999999999",
        "-1e999999999",
        "-9223372036854775809",
        "-9223372036854775808",
        "-1.5",
        "-1",
        "-1e-9",
        "-1e-999999999",
        "-1e-99999999999999999999",
        "0",
        "1e-100000000000000000000",
        "1e-99999999999999999999",
        "1e-999999999",
        "1e-17",
        "2e-17",
        "0.3",
        "0.30000000000000004",
        "1",
        "1.5",
        "2",
        "9.99",
        "10",
        "12",
        "120.5",
        "9007199254740992",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "1e400",
        "1e999999999",
        "1e99999999999999999999",
        "1e100000000000000000000",
    ];
    for (i, left) in ascending.iter().enumerate() {
        for (j, right) in ascending.iter().enumerate() {
            assert_eq!(number(left).cmp(&number(right)), i.cmp(&j), "{left} {right}");
        }
    }
}

#[test]
fn only_the_grammar_of_json_is_a_number() {
    for text in [
        "", "-", "+1", "01", "-01", ".1", "1.", "1.e1", "1e", "1e+", "0x1", "1 ", " 1", "NaN", "Infinity",
        "1e1.5", "--1",
    ] {
        assert_eq!(Number::parse(text), None, "{text}");
    }
}

#[test]
fn numbers_print_in_short_json() {
    for (text, expected) in [
        ("1.0", "1"),
        ("-0", "0"),
        ("1.50", "1.5"),
        ("0.05", "0.05"),
        ("-0.5", "-0.5"),
        ("1e21", "1e21"),
        ("12e23", "1.2e24"),
        ("1234567890123456789e5", "123456789012345678900000"),
        ("123456789012345678901.5", "123456789012345678901.5"),
        ("1e400", "1e400"),
        ("1.25e-300", "1.25e-300"),
        ("10e99999999999999999998", "1e99999999999999999999"),
        ("1e-6", "0.000001"),
        ("1e-9", "1e-9"),
    ] {
        assert_eq!(number(text).to_string(), expected);
    }
}

#[test]
fn a_long_exponent_or_a_long_number_costs_its_length_alone() {
    let nines = "9".repeat(100_000);
    assert!(number(&format!("1e{nines}")) > number(&format!("{nines}.{nines}")));
    assert!(number(&format!("1e-{nines}")) > number("0"));
    assert_eq!(number(&format!("10e{nines}")), number(&format!("1e1{}", "0".repeat(100_000))));
}

proptest! {
    #[test]
    fn what_is_printed_is_the_same_number(mantissa in "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?", exponent in "(e[+-]?[0-9]{1,22})?") {
        let value = number(&format!("{mantissa}{exponent}"));
        prop_assert_eq!(number(&value.to_string()), value);
    }

    #[test]
    fn small_decimals_compare_like_scaled_integers(a in -100_000i64..100_000, b in -100_000i64..100_000, shift in 0i64..12) {
        let (left, right) = (number(&format!("{a}e-{shift}")), number(&format!("{b}e-{shift}")));
        prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        prop_assert_eq!(number(&format!("{a}e-{shift}")).cmp(&number(&b.to_string())), i128::from(a).cmp(&(i128::from(b) * 10i128.pow(u32::try_from(shift).unwrap()))));
    }
}
