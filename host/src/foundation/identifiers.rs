//! Cuts text into the words that identifiers are made of: `parseHTTPHeader_v2` is `parse`, `HTTP`, `Header`, `v`, `2`.

/// What a character is to a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Small,
    Capital,
    Digit,
    /// A letter of a script whose words are not separated: each is a word of its own.
    Ideograph,
    Other,
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            'a'..='z' => Self::Small,
            'A'..='Z' => Self::Capital,
            '0'..='9' => Self::Digit,
            // The blocks that BERT's tokenizer takes for Chinese characters.
            '\u{3400}'..='\u{4DBF}'
            | '\u{4E00}'..='\u{9FFF}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{20000}'..='\u{2FA1F}' => Self::Ideograph,
            c if c.is_uppercase() => Self::Capital,
            c if c.is_alphabetic() => Self::Small,
            c if c.is_numeric() => Self::Digit,
            _ => Self::Other,
        }
    }
}

/// The words of `text` in their order, as they are written.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(|c| Class::of(c) != Class::Other)?;
        let word = first_word(&rest[start..]);
        rest = &rest[start + word.len()..];
        Some(word)
    })
}

/// The word that `text` begins with; its first character is not [`Class::Other`].
fn first_word(text: &str) -> &str {
    let mut previous = Class::Other;
    // Where the last capital stands, which begins the next word when a small letter follows it.
    let mut last_capital = 0;
    for (at, c) in text.char_indices() {
        let class = Class::of(c);
        let ends = match (previous, class) {
            (Class::Other, _) => false,
            (Class::Capital, Class::Small) if last_capital > 0 => return &text[..last_capital],
            (Class::Capital, Class::Small) => false,
            (Class::Ideograph, _) => true,
            (before, now) => before != now,
        };
        if ends {
            return &text[..at];
        }
        if class == Class::Capital {
            last_capital = at;
        }
        previous = class;
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identifiers_come_apart_where_a_reader_would_cut_them() {
        for (text, expected) in [
            ("getUserName", &["get", "User", "Name"][..]),
            ("parse_http2_header", &["parse", "http", "2", "header"]),
            ("HTTPServer IOError", &["HTTP", "Server", "IO", "Error"]),
            ("XMLHttpRequest2", &["XML", "Http", "Request", "2"]),
            ("MAX_SIZE = 0x1F;", &["MAX", "SIZE", "0", "x", "1", "F"]),
            ("über价格Цена", &["über", "价", "格", "Цена"]),
            ("-> *()", &[]),
        ] {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_letter_is_lost(text in "\\PC{0,60}") {
            let kept: String = text.chars().filter(|c| Class::of(*c) != Class::Other).collect();
            prop_assert_eq!(words(&text).collect::<String>(), kept);
        }
    }
}
