//! Lists of the protocol come in pages; a cursor is the place where the next one begins.

use rmcp::ErrorData;

/// Most items of a page.
pub(super) const PAGE: usize = 50;

/// Where the page begins that `cursor` leads to; without one at the start.
///
/// # Errors
/// Invalid parameters, for a text that is no cursor of this server.
pub(super) fn start(cursor: Option<&str>) -> Result<usize, ErrorData> {
    let Some(text) = cursor else { return Ok(0) };
    let number = text
        .strip_prefix("from-")
        .and_then(|number| number.parse().ok());
    number.ok_or_else(|| {
        ErrorData::invalid_params(
            format!("the cursor {text:?} is not the nextCursor of an answer"),
            None,
        )
    })
}

/// The cursor of the page that begins at `place`.
pub(super) fn cursor(place: usize) -> String {
    format!("from-{place}")
}

/// The page of `items` that begins at `start`, and the cursor of the next one.
pub(super) fn page<T>(items: Vec<T>, start: usize) -> (Vec<T>, Option<String>) {
    let end = start.saturating_add(PAGE);
    let next = (end < items.len()).then(|| cursor(end));
    (items.into_iter().skip(start).take(PAGE).collect(), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let items: Vec<usize> = (0..120).collect();
        let (first, next) = page(items.clone(), start(None).unwrap());
        assert_eq!((first.len(), next.as_deref()), (50, Some("from-50")));
        let (third, next) = page(items.clone(), start(Some("from-100")).unwrap());
        assert_eq!((third[0], third.len(), next), (100, 20, None));
        assert_eq!(page(items, usize::MAX), (Vec::new(), None));
    }

    #[test]
    fn a_text_that_is_no_cursor_is_refused() {
        for text in ["", "7", "from-", "from--1", "from-99999999999999999999999"] {
            assert!(start(Some(text)).is_err(), "{text}");
        }
    }
}
