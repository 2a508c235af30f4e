//! The value of a Python string literal, as Python's own parser computes it.

/// The value of one literal; none for bytes and formatted strings, which are no text known in advance.
pub(super) fn text_value(literal: &str) -> Option<String> {
    let quote = literal.find(['"', '\''])?;
    let prefix = literal[..quote].to_ascii_lowercase();
    if prefix.contains(['b', 'f', 't']) {
        return None;
    }
    let body = without_quotes(&literal[quote..])?;
    // Python reads every line break in a literal as a line feed.
    let body = if body.contains('\r') {
        body.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        body.to_owned()
    };
    if prefix.contains('r') || !body.contains('\\') {
        Some(body)
    } else {
        Some(unescape(&body))
    }
}

fn without_quotes(quoted: &str) -> Option<&str> {
    for quotes in ["\"\"\"", "'''", "\"", "'"] {
        if let Some(rest) = quoted.strip_prefix(quotes) {
            return rest.strip_suffix(quotes);
        }
    }
    None
}

fn unescape(body: &str) -> String {
    let mut value = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find('\\') {
        value.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        rest = match escape.chars().next() {
            Some(letter @ ('x' | 'u' | 'U')) => numbered(letter, escape, &mut value),
            Some('0'..='7') => octal(escape, &mut value),
            Some(letter) => {
                simple(letter, &mut value);
                &escape[letter.len_utf8()..]
            }
            None => "",
        };
    }
    value.push_str(rest);
    value
}

/// An escape of one letter; one that Python does not know stands for itself, backslash included.
fn simple(letter: char, value: &mut String) {
    let meant = match letter {
        '\n' => return,
        '\\' | '\'' | '"' => letter,
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        _ => {
            value.push('\\');
            letter
        }
    };
    value.push(meant);
}

/// A character by its hexadecimal number.
fn numbered<'e>(letter: char, escape: &'e str, value: &mut String) -> &'e str {
    let digits = match letter {
        'x' => 2,
        'u' => 4,
        _ => 8,
    };
    match escape
        .get(1..1 + digits)
        .map(|number| u32::from_str_radix(number, 16))
    {
        Some(Ok(number)) => {
            value.push(character(number));
            &escape[1 + digits..]
        }
        _ => {
            value.push('\\');
            escape
        }
    }
}

/// A character by its octal number of up to three digits.
fn octal<'e>(escape: &'e str, value: &mut String) -> &'e str {
    let digits = escape
        .bytes()
        .take(3)
        .take_while(|byte| (b'0'..=b'7').contains(byte))
        .count();
    let number = u32::from_str_radix(&escape[..digits], 8).unwrap_or(0);
    value.push(character(number));
    &escape[digits..]
}

/// What has no place in a string of Rust (lone surrogates) or in the text of some database (NUL) is U+FFFD.
fn character(number: u32) -> char {
    match char::from_u32(number) {
        None | Some('\0') => char::REPLACEMENT_CHARACTER,
        Some(c) => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_python() {
        let cases = [
            (r#""plain""#, Some("plain")),
            (r#"'a\nb\t\\\'\"'"#, Some("a\nb\t\\'\"")),
            (r#"r'a\nb'"#, Some(r"a\nb")),
            (r#"R"a\d""#, Some(r"a\d")),
            (r#"u"\x41\u00e9\U0001F600\101\0z""#, Some("Aé😀A\u{fffd}z")),
            (r#""\d \xg1 \N{DASH}""#, Some(r"\d \xg1 \N{DASH}")),
            ("\"\"\"one\\\ntwo\"\"\"", Some("onetwo")),
            ("'''a\r\nb\rc'''", Some("a\nb\nc")),
            (r#""\ud800""#, Some("\u{fffd}")),
            (
                r#""\x00\u0000\U00000000\000""#,
                Some("\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            ),
            (r#"b"bytes""#, None),
            (r#"f"{x}""#, None),
            (r#"Rb'x'"#, None),
            ("\"unterminated", None),
            ("", None),
        ];
        for (literal, value) in cases {
            assert_eq!(text_value(literal).as_deref(), value, "{literal}");
        }
    }
}
