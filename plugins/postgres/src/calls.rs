//! Whether a query may change something through the functions that it calls.

use crate::lexer::{Piece, Token};
use crate::statement::word;

/// Functions of the server that change nothing; any other one may.
const HARMLESS: &str = "\
    ABS ARRAY_AGG ARRAY_LENGTH AVG BIT_LENGTH BOOL_AND BOOL_OR BTRIM CEIL CHAR_LENGTH COALESCE CONCAT CONCAT_WS \
    COUNT CURRENT_DATABASE CURRENT_SCHEMA CURRENT_SETTING DATE_TRUNC DENSE_RANK EXTRACT FIRST_VALUE FLOOR FORMAT \
    GENERATE_SERIES GREATEST HASHTEXT JSONB_AGG JSON_AGG LAG LAST_VALUE LEAD LEAST LEFT LENGTH LOWER LPAD LTRIM \
    MAX MD5 MIN MOD NOW NULLIF OCTET_LENGTH OVERLAY PG_BACKEND_PID PG_DATABASE_SIZE PG_GET_SERIAL_SEQUENCE \
    PG_SLEEP PG_TABLE_SIZE PG_TOTAL_RELATION_SIZE PLAINTO_TSQUERY POSITION POWER RANK REGEXP_REPLACE REPEAT \
    REPLACE REVERSE RIGHT ROUND ROW_NUMBER RPAD RTRIM SPLIT_PART SQRT STARTS_WITH STRING_AGG STRPOS SUBSTR \
    SUBSTRING SUM TO_CHAR TO_REGCLASS TO_TSQUERY TO_TSVECTOR TRIM TRUNC TS_RANK UNNEST UPPER VERSION \
    WEBSEARCH_TO_TSQUERY";

/// Words that a bracket may follow without a call: keywords, and types with a length.
const KEYWORDS: &str = "\
    ALL AND ANY ARRAY AS BETWEEN BPCHAR BY CASE CAST CHAR CHARACTER CUBE DECIMAL DISTINCT ELSE EXCEPT EXISTS FETCH \
    FILTER FIRST FROM GROUP GROUPING HAVING ILIKE IN INTERSECT IS JOIN LATERAL LIKE LIMIT MATERIALIZED NEXT NOT \
    NUMERIC OFFSET ON OR OVER ROLLUP ROW SELECT SETS SIMILAR SOME THEN TIME TIMESTAMP TO UNION USING VALUES \
    VARCHAR VARYING WHEN WHERE WITHIN";

/// Whether no function is called but known ones that change nothing.
///
/// What a view, an operator or a policy calls is not to be seen in the text.
pub(crate) fn are_harmless(sql: &str, pieces: &[Piece]) -> bool {
    let brackets = pieces.iter().enumerate();
    brackets
        .filter(|(_, piece)| piece.token == Token::Open)
        .all(|(at, _)| opens_harmlessly(sql, pieces.get(..at).unwrap_or_default()))
}

/// Whether a bracket begins no call of an unknown function; `before` is all that stands before it.
fn opens_harmlessly(sql: &str, before: &[Piece]) -> bool {
    let [rest @ .., name] = before else {
        return true;
    };
    if !matches!(name.token, Token::Word | Token::QuotedName) {
        return true;
    }
    let name = word(sql, name);
    match rest {
        [.., schema, dot] if dot.token == Token::Dot => {
            word(sql, schema) == "PG_CATALOG" && is_in(HARMLESS, &name)
        }
        // The columns of a name that is given here.
        [.., given] if matches!(word(sql, given).as_str(), "AS" | "WITH" | "RECURSIVE") => true,
        _ => is_in(HARMLESS, &name) || is_in(KEYWORDS, &name),
    }
}

fn is_in(words: &str, word: &str) -> bool {
    words.split(' ').any(|known| known == word)
}

#[cfg(test)]
mod tests {
    use crate::statement::classify;

    #[test]
    fn a_query_that_may_change_something_is_told_by_its_calls() {
        for (sql, harmless) in [
            ("SELECT count(*), lower(a) FROM t WHERE b IN (1, 2)", true),
            ("SELECT * FROM t WHERE EXISTS (SELECT 1) AND (a = 1)", true),
            ("WITH RECURSIVE a(n) AS (VALUES (1)) TABLE a", true),
            ("SELECT i FROM generate_series(1, 2) AS s(i)", true),
            ("SELECT pg_catalog.length(a)::varchar(9) FROM t", true),
            ("SHOW TimeZone", true),
            ("SELECT 'f()' -- f()", true),
            ("SELECT purge_old()", false),
            ("SELECT id FROM purge_old ()", false),
            ("SELECT \"count\"(a) FROM t", false),
            ("SELECT own.lower(a) FROM t", false),
            ("SELECT nextval('s')", false),
            ("SELECT 1 INTO x", false),
            ("INSERT INTO t VALUES (1)", false),
        ] {
            assert_eq!(classify(sql).unwrap().harmless, harmless, "{sql}");
        }
    }
}
