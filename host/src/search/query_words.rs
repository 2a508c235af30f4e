//! The words of a question that say what it is about.

/// Words of English that are in most texts: they would make every text a hit, and a question no better.
const SILENT: [&str; 38] = [
    "a", "all", "an", "and", "any", "are", "as", "at", "be", "been", "by", "can", "do", "does",
    "for", "from", "given", "has", "have", "how", "in", "into", "is", "it", "its", "of", "on",
    "or", "that", "the", "their", "this", "to", "was", "what", "where", "which", "with",
];

/// Most words that count. What is longer is a text, not a question.
const MOST_WORDS: usize = 48;

/// The question without silent words and repetitions; as it is where nothing else would be left.
pub(super) fn telling(question: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for word in question.split_whitespace() {
        let bare = word
            .trim_matches(|c: char| !c.is_alphanumeric())
            .to_lowercase();
        let tells = !bare.is_empty() && SILENT.binary_search(&bare.as_str()).is_err();
        if tells && kept.len() < MOST_WORDS && !kept.contains(&word) {
            kept.push(word);
        }
    }
    if kept.is_empty() {
        return question
            .split_whitespace()
            .take(MOST_WORDS)
            .collect::<Vec<_>>()
            .join(" ");
    }
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_words_go_unless_there_is_nothing_else() {
        assert!(SILENT.is_sorted());
        assert_eq!(
            telling("Return the size of the file, in bytes."),
            "Return size file, bytes."
        );
        assert_eq!(telling("to be or do"), "to be or do");
        assert_eq!(telling("x x x"), "x");
        assert_eq!(telling(&"word ".repeat(500)), "word");
        let long: String = (0..500).map(|number| format!("w{number} ")).collect();
        assert_eq!(telling(&long).split(' ').count(), MOST_WORDS);
    }
}
