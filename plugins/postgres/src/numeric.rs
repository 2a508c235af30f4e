//! The binary form of `numeric`, which is read as text so that no digit is lost.

/// The signs of PostgreSQL's `numeric_send`.
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const MINUS_INFINITY: u16 = 0xf000;

/// Writes the number that these bytes are, as PostgreSQL would print it; `false` when they are none.
///
/// The form: number of base-10,000 digits, weight of the first one, sign, digits after the point,
/// each two bytes, then the digits.
pub(crate) fn to_text(bytes: &[u8], out: &mut String) -> bool {
    let mut words = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (Some(count), Some(weight), Some(sign), Some(scale)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return false;
    };
    if bytes.len() != 8 + 2 * usize::from(count) {
        return false;
    }
    match sign {
        0 => {}
        NEGATIVE => out.push('-'),
        NAN => return push(out, "NaN"),
        INFINITY => return push(out, "Infinity"),
        MINUS_INFINITY => return push(out, "-Infinity"),
        _ => return false,
    }
    let digits: Vec<u16> = words.collect();
    let group = |place: i32| {
        usize::try_from(place)
            .ok()
            .and_then(|place| digits.get(place))
            .copied()
            .unwrap_or(0)
    };
    let weight = i32::from(weight.cast_signed());
    push_whole(out, weight, group);
    push_fraction(out, weight, usize::from(scale), group);
    true
}

fn push(out: &mut String, word: &str) -> bool {
    out.push_str(word);
    true
}

fn push_whole(out: &mut String, weight: i32, group: impl Fn(i32) -> u16) {
    out.push_str(&group(if weight < 0 { -1 } else { 0 }).to_string());
    for place in 1..=weight {
        out.push_str(&four(group(place)));
    }
}

fn push_fraction(out: &mut String, weight: i32, scale: usize, group: impl Fn(i32) -> u16) {
    if scale == 0 {
        return;
    }
    out.push('.');
    let end = out.len() + scale;
    let mut place = weight + 1;
    while out.len() < end {
        out.push_str(&four(group(place)));
        place += 1;
    }
    out.truncate(end);
}

fn four(group: u16) -> String {
    format!("{group:04}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &[u16]) -> Option<String> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let mut out = String::new();
        to_text(&bytes, &mut out).then_some(out)
    }

    #[test]
    fn every_digit_is_kept() {
        for (words, expected) in [
            (vec![0, 0, 0, 0], "0"),
            (vec![0, 0, 0, 3], "0.000"),
            (vec![1, 0, 0, 0, 7], "7"),
            (vec![1, 1, 0, 0, 1], "10000"),
            (vec![2, 0, NEGATIVE, 4, 12, 3400], "-12.3400"),
            (vec![1, 0xffff, 0, 4, 1], "0.0001"),
            (vec![1, 0xfffe, 0, 8, 1], "0.00000001"),
            (vec![1, 0xffff, 0, 2, 1200], "0.12"),
            (vec![2, 1, 0, 1, 123, 4567], "1234567.0"),
            (vec![0, 0, NAN, 0], "NaN"),
            (vec![0, 0, MINUS_INFINITY, 0], "-Infinity"),
        ] {
            assert_eq!(text(&words).as_deref(), Some(expected), "{words:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for words in [&[0u16, 0][..], &[2, 0, 0, 0, 1], &[0, 0, 0x1234, 0]] {
            assert_eq!(text(words), None, "{words:?}");
        }
    }
}
