//! Marks hits in a text, and says on which line the first of them is: as SQLite's `highlight` and `snippet` do.

use std::ops::Range;

use super::camel_case::parts;
use super::query::Phrase;
use super::words::{Word, words};

/// Characters around the first hit of a text: before it, and in all, marks included.
const BEFORE: usize = 200;
const WINDOW: usize = 500;

/// Words of a snippet.
const SNIPPET_WORDS: usize = 12;

/// A phrase in a text.
#[derive(Clone, Copy, Debug)]
struct Hit {
    /// The number of the phrase.
    phrase: usize,
    /// The number of its first word in the text.
    first: usize,
    /// The number of the word after it.
    end: usize,
}

/// The first hit in a text.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::code_db) struct FirstHit {
    /// Line breaks before it.
    pub(in crate::code_db) lines_before: u32,
    /// Its line, hits in it marked `[so]`.
    pub(in crate::code_db) line: String,
}

/// The first hit of any phrase in `text`.
pub(in crate::code_db) fn first_hit(text: &str, phrases: &[Phrase]) -> Option<FirstHit> {
    let (words, hits) = hits_near_first(text, phrases);
    let first = words.get(hits.first()?.first)?.place.start;
    let before: Vec<usize> = text[..first]
        .char_indices()
        .rev()
        .take(BEFORE)
        .map(|(at, _)| at)
        .collect();
    let start = before.last().copied().unwrap_or(first);
    let rest = WINDOW - before.len();
    let marked = marked(
        text,
        first..text.len(),
        &places(&words, &hits),
        ["\u{2}", "\u{3}"],
        rest,
    );
    let window = format!("{}{marked}", &text[start..first]);
    let lines_before = text[..first].bytes().filter(|byte| *byte == b'\n').count();
    Some(FirstHit {
        lines_before: u32::try_from(lines_before).unwrap_or(u32::MAX),
        line: line_around(&window, first - start),
    })
}

/// The words up to the end of what is shown around the first hit, and the hits among them.
fn hits_near_first<'t>(text: &'t str, phrases: &[Phrase]) -> (Vec<Word<'t>>, Vec<Hit>) {
    let (mut seen, mut hits) = (Vec::new(), Vec::new());
    // No character has more than four bytes.
    let mut last = usize::MAX;
    for word in words(text) {
        if word.place.start > last {
            break;
        }
        seen.push(word);
        add_hits_ending_here(text, &seen, phrases, &mut hits);
        if let Some(first) = hits.first().filter(|_| last == usize::MAX) {
            last = seen[first.first].place.start + 4 * WINDOW;
        }
    }
    hits.sort_by_key(|hit| (hit.first, hit.phrase));
    (seen, hits)
}

/// Adds the hits whose last word is the last of `words`: phrases that end with it, and those that camel case holds.
fn add_hits_ending_here(text: &str, words: &[Word<'_>], phrases: &[Phrase], hits: &mut Vec<Hit>) {
    let end = words.len();
    let parts = words
        .last()
        .and_then(|word| parts(&text[word.place.clone()]))
        .unwrap_or_default();
    for (phrase, wanted) in phrases.iter().enumerate() {
        let ends_here = |first: &usize| {
            let found = words[*first..].iter().map(|word| &*word.folded);
            found.eq(wanted.iter().map(String::as_str))
        };
        let first = end.checked_sub(wanted.len()).filter(ends_here);
        let within = || parts.windows(wanted.len()).any(|window| window == wanted);
        if let Some(first) = first.or_else(|| within().then(|| end - 1)) {
            hits.push(Hit { phrase, first, end });
        }
    }
}

/// Where hits are in the text, those that overlap as one.
fn places(words: &[Word<'_>], hits: &[Hit]) -> Vec<Range<usize>> {
    let mut merged: Vec<Hit> = Vec::new();
    for hit in hits {
        match merged.last_mut() {
            Some(last) if hit.first < last.end => last.end = last.end.max(hit.end),
            _ => merged.push(*hit),
        }
    }
    let place = |hit: &Hit| words[hit.first].place.start..words[hit.end - 1].place.end;
    merged.iter().map(place).collect()
}

/// `range` of `text` with marks around `places`, cut after so many characters.
fn marked(
    text: &str,
    range: Range<usize>,
    places: &[Range<usize>],
    [open, close]: [&str; 2],
    most: usize,
) -> String {
    let mut shown = String::new();
    let mut at = range.start;
    for place in places {
        let (start, end) = (place.start.max(range.start), place.end.min(range.end));
        if start >= end || at > start {
            continue;
        }
        for part in [&text[at..start], open, &text[start..end], close] {
            shown.push_str(part);
        }
        at = end;
        if shown.len() > 4 * most {
            break;
        }
    }
    let rest = text[at..range.end].chars().take(most);
    shown.extend(rest);
    match shown.char_indices().nth(most) {
        Some((cut, _)) => shown[..cut].to_owned(),
        None => shown,
    }
}

/// The line of `window` that holds its byte `at`, marks made readable.
fn line_around(window: &str, at: usize) -> String {
    let start = window[..at].rfind('\n').map_or(0, |before| before + 1);
    let end = window[at..]
        .find('\n')
        .map_or(window.len(), |after| at + after);
    let readable = window[start..end]
        .replace('\u{2}', "[")
        .replace('\u{3}', "]");
    readable.trim().to_owned()
}

/// The best dozen words of the best of `texts`, hits marked `[so]`; the first text where there is none.
pub(in crate::code_db) fn snippet(texts: &[&str], phrases: &[Phrase]) -> String {
    let all: Vec<Text<'_>> = texts.iter().map(|text| Text::new(text, phrases)).collect();
    let mut best: Option<(usize, usize, &Text<'_>)> = None;
    for text in &all {
        for (score, start) in text.candidates(phrases.len()) {
            if best.is_none_or(|(greatest, ..)| score > greatest) {
                best = Some((score, start, text));
            }
        }
    }
    let shown = match (best, all.first()) {
        (Some((_, start, text)), _) => text.show(start),
        (None, Some(text)) => text.show(0),
        (None, None) => String::new(),
    };
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text with its hits.
struct Text<'t> {
    text: &'t str,
    words: Vec<Word<'t>>,
    hits: Vec<Hit>,
}

impl<'t> Text<'t> {
    fn new(text: &'t str, phrases: &[Phrase]) -> Self {
        let (mut seen, mut hits) = (Vec::new(), Vec::new());
        for word in words(text) {
            seen.push(word);
            add_hits_ending_here(text, &seen, phrases, &mut hits);
        }
        hits.sort_by_key(|hit| (hit.first, hit.phrase));
        Self {
            text,
            words: seen,
            hits,
        }
    }

    /// Scores of stretches that show a hit, each with its first word: around each hit, and from the beginning of
    /// its sentence, which counts for something.
    fn candidates(&self, phrases: usize) -> Vec<(usize, usize)> {
        let sentences = self.sentences();
        let mut candidates = Vec::new();
        for hit in &self.hits {
            let (score, around) = self.score(hit.first, phrases);
            candidates.push((score, around));
            if self.words.len() <= SNIPPET_WORDS {
                continue;
            }
            let before = sentences
                .iter()
                .take_while(|start| **start <= hit.first)
                .last();
            if let Some(start) = before.filter(|start| **start < hit.first) {
                let bonus = if *start == 0 { 120 } else { 100 };
                candidates.push((self.score(*start, phrases).0 + bonus, *start));
            }
        }
        candidates
    }

    /// The score of the stretch that begins with word `from`, and where it would begin with its hits in the
    /// middle. The first hit of each phrase counts most.
    fn score(&self, from: usize, phrases: usize) -> (usize, usize) {
        let mut seen = vec![false; phrases];
        let within: Vec<&Hit> = self
            .hits
            .iter()
            .filter(|hit| (from..from + SNIPPET_WORDS).contains(&hit.first))
            .collect();
        let mut score = 0;
        for hit in &within {
            score += if std::mem::replace(&mut seen[hit.phrase], true) {
                1
            } else {
                1000
            };
        }
        let (first, end) = match (within.first(), within.last()) {
            (Some(first), Some(last)) => (first.first, last.end),
            _ => (from, from),
        };
        let spare = SNIPPET_WORDS.saturating_sub(end - first);
        let centred = first.saturating_sub(spare / 2);
        let latest = self.words.len().saturating_sub(SNIPPET_WORDS);
        (score, centred.min(latest))
    }

    /// The first words of sentences: a full stop or colon and white space stand before them.
    fn sentences(&self) -> Vec<usize> {
        let begins = |word: &Word<'_>| {
            let before = &self.text[..word.place.start];
            let trimmed = before.trim_end_matches([' ', '\t', '\n', '\r']);
            trimmed.len() < before.len() && trimmed.ends_with(['.', ':'])
        };
        let numbered = self.words.iter().enumerate();
        numbered
            .filter(|(number, word)| *number == 0 || begins(word))
            .map(|(number, _)| number)
            .collect()
    }

    fn show(&self, start: usize) -> String {
        let from = match (start, self.words.get(start)) {
            (1.., Some(word)) => word.place.start,
            _ => 0,
        };
        let last = start + SNIPPET_WORDS - 1;
        let (to, after) = match self.words.get(last) {
            Some(word) if last + 1 < self.words.len() => (word.place.end, "..."),
            _ => (self.text.len(), ""),
        };
        let before = if start > 0 { "..." } else { "" };
        let places = places(&self.words, &self.hits);
        let shown = marked(self.text, from..to, &places, ["[", "]"], usize::MAX / 4);
        format!("{before}{shown}{after}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::query::terms;
    use super::*;

    fn phrases(query: &str) -> Vec<Phrase> {
        terms(query).concat()
    }

    fn hit(text: &str, query: &str) -> (u32, String) {
        let hit = first_hit(text, &phrases(query)).unwrap();
        (hit.lines_before, hit.line)
    }

    #[test]
    fn the_first_hit_is_shown_with_its_line() {
        let text = "é first\n    return total(Total, items)\nlast";
        assert_eq!(
            hit(text, "total"),
            (1, "return [total]([Total], items)".to_owned())
        );
        assert_eq!(
            hit(text, "items last"),
            (1, "return total(Total, [items])".to_owned())
        );
        assert_eq!(
            hit(text, "total.total"),
            (1, "return [total(Total], items)".to_owned())
        );
        assert_eq!(first_hit(text, &phrases("missing")), None);
    }

    #[test]
    fn a_long_line_is_cut_around_the_hit() {
        let text = format!("{} here {}", "a ".repeat(300), "b ".repeat(300));
        let (_, line) = hit(&text, "here");
        assert_eq!(line.chars().count(), 500 - 1);
        assert!(
            line.starts_with("a a") && line.contains(" [here] b"),
            "{line}"
        );
    }

    #[test]
    fn hits_that_overlap_are_marked_once() {
        assert_eq!(hit("a.b.c", "a.b b.c").1, "[a.b.c]");
        assert_eq!(hit("a b", "a b").1, "[a] [b]");
    }

    #[test]
    fn words_in_camel_case_are_marked_for_their_parts() {
        let text = "return parseHTTPHeader(rawHeader)";
        assert_eq!(
            hit(text, "header").1,
            "return [parseHTTPHeader]([rawHeader])"
        );
        assert_eq!(
            hit(text, "http_header").1,
            "return [parseHTTPHeader](rawHeader)"
        );
        assert_eq!(
            snippet(&["method", "Order.subTotal"], &phrases("total")),
            "Order.[subTotal]"
        );
    }

    #[test]
    fn a_snippet_shows_the_best_of_several_texts() {
        let docstring = "Return the price in cents. It never changes after the order was placed by somebody who paid.";
        assert_eq!(
            snippet(&["method", "Order.price", ""], &phrases("price")),
            "Order.[price]"
        );
        assert_eq!(
            snippet(&["method", "Order.total", docstring], &phrases("price")),
            "Return the [price] in cents. It never changes after the order was..."
        );
        assert_eq!(
            snippet(&["method", "x", docstring], &phrases("paid")),
            "...It never changes after the order was placed by somebody who [paid]."
        );
        assert_eq!(
            snippet(&["method", "x", docstring], &phrases("somebody cents")),
            "...[cents]. It never changes after the order was placed by [somebody] who..."
        );
        assert_eq!(
            snippet(&["method", "x", docstring], &phrases("it_never")),
            "Return the price in cents. [It never] changes after the order was..."
        );
    }
}
