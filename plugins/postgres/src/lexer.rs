//! Splits SQL into tokens as PostgreSQL's own lexer does, as far as placeholders and keywords need it.

/// What a piece of SQL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// An identifier or keyword without quotes.
    Word,
    /// An identifier in quotes.
    QuotedName,
    /// A string constant, in quotes of any form.
    Text,
    /// `?`
    Placeholder,
    /// `??`, which stands for the operator `?`.
    EscapedQuestionMark,
    /// `$1`
    Numbered,
    /// `;`
    Semicolon,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// `.`
    Dot,
    /// A number, or a character of an operator.
    Other,
}

/// A token, and where in the SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) token: Token,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The tokens of some SQL in their order; white space and comments are none.
pub(crate) struct Lexer<'s> {
    sql: &'s [u8],
    at: usize,
}

impl<'s> Lexer<'s> {
    pub(crate) fn new(sql: &'s str) -> Self {
        Self {
            sql: sql.as_bytes(),
            at: 0,
        }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.sql.get(self.at + ahead).copied()
    }

    fn rest(&self) -> &'s [u8] {
        self.sql.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            match rest {
                [byte, ..] if is_space(*byte) => self.at += 1,
                [b'-', b'-', ..] => self.at += line(rest),
                [b'/', b'*', ..] => self.at += comment(rest),
                _ => return,
            }
        }
    }

    /// Takes the token that begins here.
    fn take(&mut self, first: u8) -> Token {
        let rest = self.rest();
        let second = self.byte(1);
        let (token, length) = match first {
            b'\'' => (Token::Text, quoted(rest, b'\'')),
            b'"' => (Token::QuotedName, quoted(rest, b'"')),
            b'e' | b'E' if second == Some(b'\'') => (Token::Text, escaped(rest)),
            b'u' | b'U' if second == Some(b'&') && self.byte(2) == Some(b'\'') => {
                (Token::Text, 2 + quoted(tail(rest, 2), b'\''))
            }
            b'u' | b'U' if second == Some(b'&') && self.byte(2) == Some(b'"') => {
                (Token::QuotedName, 2 + quoted(tail(rest, 2), b'"'))
            }
            b'$' if second.is_some_and(|b| b.is_ascii_digit()) => (
                Token::Numbered,
                1 + run(tail(rest, 1), |b| b.is_ascii_digit()),
            ),
            b'$' => dollar_quoted(rest).map_or((Token::Other, 1), |length| (Token::Text, length)),
            b'?' if second == Some(b'?') => (Token::EscapedQuestionMark, 2),
            b'?' => (Token::Placeholder, 1),
            b';' => (Token::Semicolon, 1),
            b'(' => (Token::Open, 1),
            b')' => (Token::Close, 1),
            b',' => (Token::Comma, 1),
            b'.' => (Token::Dot, 1),
            byte if begins_name(byte) => (Token::Word, run(rest, continues_name)),
            byte if byte.is_ascii_digit() => (Token::Other, run(rest, |b| b.is_ascii_digit())),
            _ => (Token::Other, 1),
        };
        self.at += length;
        token
    }
}

impl Iterator for Lexer<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        self.skip_blanks();
        let start = self.at;
        let token = self.take(self.byte(0)?);
        Some(Piece {
            token,
            start,
            end: self.at,
        })
    }
}

/// Whether an identifier may begin with this byte.
fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

/// Whether this byte may follow in an identifier.
pub(crate) fn continues_name(byte: u8) -> bool {
    begins_name(byte) || byte.is_ascii_digit() || byte == b'$'
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn tail(bytes: &[u8], from: usize) -> &[u8] {
    bytes.get(from..).unwrap_or_default()
}

/// The length of what matches at the start.
fn run(bytes: &[u8], matches: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| matches(**byte)).count()
}

/// The length of a comment to the end of its line.
fn line(bytes: &[u8]) -> usize {
    run(bytes, |byte| byte != b'\n' && byte != b'\r')
}

/// The length of a `/* */` comment, which may hold others.
fn comment(bytes: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0u32);
    loop {
        match tail(bytes, at) {
            [] => return bytes.len(),
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => {
                (at, depth) = (at + 2, depth.saturating_sub(1));
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
}

/// The length of what stands in these quotes, doubled ones included; an open end reaches to the end.
fn quoted(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    loop {
        match tail(bytes, at) {
            [] => return bytes.len(),
            [first, second, ..] if *first == quote && *second == quote => at += 2,
            [first, ..] if *first == quote => return at + 1,
            _ => at += 1,
        }
    }
}

/// The length of `E'...'`, where a backslash takes the meaning of what follows.
fn escaped(bytes: &[u8]) -> usize {
    let mut at = 2;
    loop {
        match tail(bytes, at) {
            [] => return bytes.len(),
            [b'\\', _, ..] | [b'\'', b'\'', ..] => at += 2,
            [b'\'', ..] => match continuation(tail(bytes, at + 1)) {
                // The next part of the same constant keeps the backslash's meaning.
                Some(length) => at += 1 + length,
                None => return at + 1,
            },
            _ => at += 1,
        }
    }
}

/// The length of the white space, with a line's end in it, after which a string constant goes on,
/// with the quote that opens the next part.
fn continuation(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut line_ended) = (0, false);
    loop {
        match tail(bytes, at) {
            [b'\'', ..] if line_ended => return Some(at + 1),
            [b'-', b'-', ..] => at += line(tail(bytes, at)),
            [byte, ..] if is_space(*byte) => {
                line_ended |= matches!(byte, b'\n' | b'\r');
                at += 1;
            }
            _ => return None,
        }
    }
}

/// The length of `$tag$...$tag$`; `None` when it does not begin so.
fn dollar_quoted(bytes: &[u8]) -> Option<usize> {
    let name = run(tail(bytes, 1), |byte| {
        begins_name(byte) || byte.is_ascii_digit()
    });
    let delimiter = bytes.get(..name + 2).filter(|d| d.ends_with(b"$"))?;
    let body = tail(bytes, delimiter.len());
    let end = body
        .windows(delimiter.len())
        .position(|window| window == delimiter);
    Some(end.map_or(bytes.len(), |end| end + 2 * delimiter.len()))
}
