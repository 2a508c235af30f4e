//! Cuts a source text into its entities' own texts: every character goes to the innermost entity around it.
//!
//! So a search hits one row and not all those around it, and the texts together are as long as the source.
//! Where an inner entity was, its lines stay as empty ones: a line within a text is the same line in the file.

use std::ops::Range;

/// Empty lines are left for inner entities up to this many bytes beyond the source's length. Only text nested
/// thousands deep needs more; line numbers behind such a place are then too small.
const MOST_EXTRA: usize = 64 * 1024;

/// The texts of one source.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Texts {
    /// What is outside of all entities.
    pub(super) outside: String,
    /// What is in each entity, and in none within it.
    pub(super) entities: Vec<String>,
}

/// Cuts `source` at the bounds of these entities, each of which holds others or is apart from them.
pub(super) fn cut(source: &str, spans: &[Range<usize>]) -> Texts {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&spans[*a], &spans[*b]);
        a.start.cmp(&b.start).then(b.end.cmp(&a.end))
    });
    let mut cutter = Cutter::new(source, spans.len());
    for index in order {
        let span = &spans[index];
        cutter.leave_before(span.start);
        cutter.enter(index, span);
    }
    cutter.leave_before(usize::MAX);
    cutter.copy_to(source.len());
    cutter.texts
}

struct Cutter<'s> {
    source: &'s str,
    /// What has been copied so far.
    position: usize,
    /// Line breaks up to there.
    lines: usize,
    /// Entities around the position, outermost first.
    open: Vec<Open>,
    texts: Texts,
    /// Bytes of empty lines that may still be added.
    extra: usize,
}

struct Open {
    index: usize,
    end: usize,
    /// Line breaks before it.
    lines: usize,
}

impl<'s> Cutter<'s> {
    fn new(source: &'s str, entities: usize) -> Self {
        let texts = Texts {
            outside: String::new(),
            entities: vec![String::new(); entities],
        };
        Self {
            source,
            position: 0,
            lines: 0,
            open: Vec::new(),
            texts,
            extra: source.len() + MOST_EXTRA,
        }
    }

    /// Ends the entities that end at or before `position`.
    fn leave_before(&mut self, position: usize) {
        while self.open.last().is_some_and(|open| open.end <= position) {
            let Some(closed) = self.open.pop() else {
                return;
            };
            self.copy_into(Some(closed.index), closed.end);
            let breaks = (self.lines - closed.lines).min(self.extra);
            self.extra -= breaks;
            let parent = self.open.last().map(|open| open.index);
            self.text(parent).extend(std::iter::repeat_n('\n', breaks));
        }
    }

    fn enter(&mut self, index: usize, span: &Range<usize>) {
        self.copy_to(span.start);
        // An entity cannot reach beyond the one around it.
        let end = self
            .open
            .last()
            .map_or(span.end, |open| span.end.min(open.end));
        self.open.push(Open {
            index,
            end,
            lines: self.lines,
        });
    }

    /// Copies up to `end` into the innermost open entity.
    fn copy_to(&mut self, end: usize) {
        self.copy_into(self.open.last().map(|open| open.index), end);
    }

    fn copy_into(&mut self, index: Option<usize>, end: usize) {
        let end = end.min(self.source.len());
        // Bounds come from a parser and lie between characters; text would be left out if they did not.
        let piece = self.source.get(self.position..end).unwrap_or("");
        self.text(index).push_str(piece);
        self.lines += piece.bytes().filter(|byte| *byte == b'\n').count();
        self.position = end.max(self.position);
    }

    fn text(&mut self, index: Option<usize>) -> &mut String {
        match index {
            Some(index) => &mut self.texts.entities[index],
            None => &mut self.texts.outside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(source: &str, text: &str) -> Range<usize> {
        let start = source.find(text).unwrap();
        start..start + text.len()
    }

    const SOURCE: &str =
        "import a\n\nclass C:\n    x = 1\n    def f(self):\n        pass\n    y = 2\n\nb = C()\n";

    #[test]
    fn every_character_goes_to_the_innermost_entity() {
        let class = span(
            SOURCE,
            "class C:\n    x = 1\n    def f(self):\n        pass\n    y = 2",
        );
        let method = span(SOURCE, "def f(self):\n        pass");
        let texts = cut(SOURCE, &[class, method]);
        assert_eq!(texts.outside, "import a\n\n\n\n\n\n\n\nb = C()\n");
        assert_eq!(
            texts.entities,
            [
                "class C:\n    x = 1\n    \n\n    y = 2",
                "def f(self):\n        pass"
            ]
        );
    }

    #[test]
    fn lines_stay_where_they_are() {
        let method = span(SOURCE, "def f(self):\n        pass");
        let texts = cut(SOURCE, &[method]);
        let line = |text: &str, what: &str| text.lines().position(|line| line.contains(what));
        for what in ["class C", "x = 1", "y = 2", "b = C()"] {
            assert_eq!(line(&texts.outside, what), line(SOURCE, what), "{what}");
        }
    }

    #[test]
    fn neighbours_and_empty_spans_are_kept_apart() {
        let texts = cut("ab", &[0..1, 1..2, 2..2]);
        assert_eq!(
            texts,
            Texts {
                outside: String::new(),
                entities: vec!["a".into(), "b".into(), String::new()]
            }
        );
    }

    #[test]
    fn overlapping_spans_do_no_harm() {
        let texts = cut("abcdef", &[0..4, 2..6]);
        assert_eq!(texts.entities, ["ab", "cd"]);
        assert_eq!(texts.outside, "ef");
    }

    #[test]
    fn deep_nesting_stays_linear() {
        let depth = 20_000;
        let source = "{\n".repeat(depth);
        let spans: Vec<Range<usize>> = (0..depth).map(|level| level * 2..source.len()).collect();
        let texts = cut(&source, &spans);
        let length: usize = texts.entities.iter().map(String::len).sum();
        assert!(length <= source.len() * 2 + MOST_EXTRA, "{length}");
    }
}
