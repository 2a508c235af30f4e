//! Whether a query may change something through the functions that it calls.

use driver_api::Result;

use crate::sql::{Token, Tokens};

/// Functions of the server that change nothing; any other one may.
const HARMLESS: &str = "\
    ABS AVG BIT_LENGTH CEIL CEILING CHAR_LENGTH COALESCE CONCAT CONCAT_WS CONNECTION_ID COUNT CURRENT_TIMESTAMP \
    DATABASE DATE_FORMAT DENSE_RANK EXTRACT FIRST_VALUE FLOOR FORMAT GREATEST GROUP_CONCAT HEX IFNULL INSTR \
    JSON_ARRAYAGG JSON_EXTRACT JSON_OBJECTAGG LAG LAST_VALUE LEAD LEAST LEFT LENGTH LOCATE LOWER LPAD LTRIM MAX MD5 \
    MIN MOD NOW NULLIF OCTET_LENGTH POSITION POWER RANK REGEXP_REPLACE REPEAT REPLACE REVERSE RIGHT ROUND ROW_NUMBER \
    RPAD RTRIM SLEEP SQRT STRCMP SUBSTR SUBSTRING SUM TRIM TRUNCATE UNHEX UPPER VERSION";

/// Words that a bracket may follow without a call: keywords, and types with a length.
const KEYWORDS: &str = "\
    AGAINST ALL AND ANY AS BETWEEN BINARY BY CASE CAST CHAR CONVERT DECIMAL DISTINCT ELSE EXCEPT EXISTS FROM HAVING \
    IN INTERSECT JOIN LIKE LIMIT MATCH NOT OFFSET ON OR OVER ROW SELECT SOME THEN UNION USING VALUES WHEN WHERE WITH";

/// Whether no function is called in a query but known ones that change nothing.
///
/// What a view calls is not to be seen in the text.
///
/// # Errors
/// `Syntax`, as for [`Tokens`].
pub(crate) fn are_harmless(query: &str) -> Result<bool> {
    let mut tokens = Tokens::of(query);
    let mut before = None;
    while let Some(placed) = tokens.next()? {
        if placed.token == Token::Sign('(') && !opens_harmlessly(before) {
            return Ok(false);
        }
        // A function of a schema may have any name.
        before = match (before, placed.token) {
            (Some(Token::Sign('.')), Token::Word(_)) => Some(Token::Quoted),
            (_, token) => Some(token),
        };
    }
    Ok(true)
}

/// Whether a bracket after this token begins no call of an unknown function.
fn opens_harmlessly(before: Option<Token<'_>>) -> bool {
    match before {
        Some(Token::Word(word)) => {
            let known = |words: &str| words.split(' ').any(|one| one.eq_ignore_ascii_case(word));
            known(HARMLESS) || known(KEYWORDS)
        }
        Some(Token::Quoted) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_may_change_something_is_told_by_its_calls() {
        for (sql, harmless) in [
            ("SELECT a FROM t WHERE id = ?", true),
            ("SELECT count(*), lower(a) FROM t WHERE b IN (1, 2)", true),
            ("(SELECT 1) UNION (SELECT (2 + 3) * (4))", true),
            ("SELECT 'f()', `f()` FROM t -- f()", true),
            ("SELECT CAST(a AS CHAR(9)) FROM t", true),
            ("SELECT kept(1)", false),
            ("SELECT kept (1)", false),
            ("SELECT own.lower(a) FROM t", false),
            ("SELECT own . lower(a) FROM t", false),
            ("SELECT `lower`(a) FROM t", false),
            ("SELECT a FROM t WHERE kept(a) = 1", false),
        ] {
            assert_eq!(are_harmless(sql).unwrap(), harmless, "{sql}");
        }
    }
}
