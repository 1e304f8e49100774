//! Numbers to text and back. Goes through `serde_json`, which is in the wasm anyway: the standard library's
//! own floating-point parser and printer would add some 20 KB.

/// Exact and as short as possible: `0.5`, `50`, `1e30`.
pub fn exact(value: f64) -> String {
    let text = serde_json::Number::from_f64(value).map_or_else(|| "—".into(), |number| number.to_string());
    text.strip_suffix(".0").map(ToOwned::to_owned).unwrap_or(text)
}

/// Four significant digits at least, all digits of whole parts, groups of three apart: `12 345 678`, `1.235`, `0.01235`.
pub fn readable(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || size >= 1e15 || (size > 0.0 && size < 1e-6) {
        return exact(value);
    }
    let mut digits = 0_usize;
    let mut scaled = size;
    while digits < 9 && scaled < 1_000.0 && (scaled - scaled.round()).abs() > 1e-9 {
        scaled *= 10.0;
        digits += 1;
    }
    let scaled = scaled.round() as u64;
    let unit = 10_u64.pow(u32::try_from(digits).unwrap_or(0));
    let mut text = grouped(scaled / unit);
    if digits > 0 {
        let part = scaled % unit;
        let part = format!("{part:0digits$}");
        let part = part.trim_end_matches('0');
        if !part.is_empty() {
            text.push('.');
            text.push_str(part);
        }
    }
    if value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
        text.insert(0, '−');
    }
    text
}

/// Digits in groups of three, a thin space between them.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

/// A number as readers type it.
pub fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let leading = if text.starts_with('.') { "0" } else { "" };
    let trailing = if text.ends_with('.') { "0" } else { "" };
    serde_json::from_str(&format!("{leading}{text}{trailing}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readable_numbers() {
        for (value, text) in [
            (0.0, "0"),
            (7.0, "7"),
            (12_345_678.0, "12\u{2009}345\u{2009}678"),
            (1.234_56, "1.235"),
            (99.96, "99.96"),
            (0.012_345, "0.01235"),
            (0.1, "0.1"),
            (-3.5, "−3.5"),
            (1_234.56, "1\u{2009}235"),
            (0.000_2, "0.0002"),
        ] {
            assert_eq!(readable(value), text, "{value}");
        }
    }

    #[test]
    fn exact_numbers_come_back() {
        for value in [0.0, 0.1, 50.0, 2.5, 1e-3, 123_456.789] {
            assert_eq!(parse(&exact(value)), Some(value));
        }
        assert_eq!(exact(50.0), "50");
    }

    #[test]
    fn typed_numbers() {
        assert_eq!(parse(" 5 "), Some(5.0));
        assert_eq!(parse(".5"), Some(0.5));
        assert_eq!(parse("5."), Some(5.0));
        assert_eq!(parse("+2"), Some(2.0));
        assert_eq!(parse("一"), None);
        assert_eq!(parse(""), None);
        assert_eq!(parse("1e999"), None);
    }
}
