//! Parameters and answers that many commands have in common: which page of a list, how long it may get, and where it
//! stands in the whole.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::answer_budget;
use crate::code_db::entities::EntityKind;
use crate::code_db::page::{Page, PageRequest};

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct Paging {
    /// Most items in the answer; default 100.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 10_000))]
    limit: u32,
    #[serde(flatten)]
    rest: Continuation,
}

/// Where a page begins and how long it may get, for lists whose default length is not that of others.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct Continuation {
    /// Items to leave out at the start; default 0.
    #[serde(default)]
    offset: u64,
    /// `next_cursor` of the answer before; goes on where that one ended, whatever `offset` is.
    #[serde(default)]
    cursor: Option<Cursor>,
    /// About how many tokens the items may take, at four bytes of JSON each; the answer ends before the item that
    /// would be too much, but has one at least. Default: no bound.
    #[serde(default)]
    #[schemars(range(min = 1))]
    max_tokens: Option<u32>,
}

/// A place in a list. Callers pass it on as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Cursor {
    offset: u64,
}

/// What a cursor begins with, so that nobody takes it for a number.
const CURSOR: &str = "from-";

impl TryFrom<String> for Cursor {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let offset = text
            .strip_prefix(CURSOR)
            .and_then(|number| number.parse().ok());
        offset
            .map(|offset| Self { offset })
            .ok_or_else(|| format!("{text:?} is not the `next_cursor` of an answer"))
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        format!("{CURSOR}{}", cursor.offset)
    }
}

impl JsonSchema for Cursor {
    fn schema_name() -> Cow<'static, str> {
        "Cursor".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": format!("^{CURSOR}[0-9]{{1,19}}$")})
    }
}

fn default_limit() -> u32 {
    100
}

impl Paging {
    /// A page of a list whose default length is another.
    pub(super) fn of(limit: u32, rest: Continuation) -> Self {
        Self { limit, rest }
    }

    /// As the database wants it.
    pub(super) fn request(self) -> PageRequest {
        let Continuation { offset, cursor, .. } = self.rest;
        PageRequest {
            limit: self.limit,
            offset: cursor.map_or(offset, |cursor| cursor.offset),
        }
    }

    /// The page of a list that is at hand as a whole.
    pub(super) fn cut<T>(self, all: Vec<T>) -> Page<T> {
        let total = all.len() as u64;
        let offset = usize::try_from(self.request().offset).unwrap_or(usize::MAX);
        let items = all
            .into_iter()
            .skip(offset)
            .take(self.request().limit as usize);
        Page {
            items: items.collect(),
            total,
            offset: self.request().offset,
        }
    }

    /// Takes from `page`, which answers this, what is too much, and tells where the rest stands in its list.
    pub(super) fn place<T: Serialize>(self, page: &mut Page<T>) -> Place {
        if let Some(max_tokens) = self.rest.max_tokens {
            let fitting = answer_budget::fitting(&page.items, max_tokens);
            page.items.truncate(fitting);
        }
        let end = page.offset.saturating_add(page.items.len() as u64);
        Place {
            count: page.items.len(),
            total: page.total,
            offset: page.offset,
            limit: self.limit,
            has_more: page.has_more(),
            next_cursor: page.has_more().then_some(Cursor { offset: end }),
        }
    }
}

/// Where a page stands in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Place {
    /// Items in this answer.
    count: usize,
    /// Items in the whole list.
    total: u64,
    /// Items left out before this answer.
    offset: u64,
    /// Most items in one answer, as asked for.
    limit: u32,
    /// Whether items follow; they come with `next_cursor` as `cursor`, or `offset` + `count` as `offset`.
    has_more: bool,
    /// The `cursor` of the next page, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Cursor>,
}

/// Kinds of entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum EntityType {
    Class,
    Function,
    Method,
}

impl From<EntityType> for EntityKind {
    fn from(kind: EntityType) -> Self {
        match kind {
            EntityType::Class => Self::Class,
            EntityType::Function => Self::Function,
            EntityType::Method => Self::Method,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::foundation::json_schema::Schema;

    fn paging(parameters: Value) -> Paging {
        serde_json::from_value(parameters).unwrap()
    }

    /// The page of a list of 500 words of four letters that this asks for.
    fn page(paging: Paging) -> Page<&'static str> {
        let PageRequest { limit, offset } = paging.request();
        Page {
            items: vec!["word"; limit as usize],
            total: 500,
            offset,
        }
    }

    #[test]
    fn a_page_is_100_items_from_the_start_if_nothing_else_is_wanted() {
        let request = paging(json!({})).request();
        assert_eq!((request.limit, request.offset), (100, 0));
        let request = paging(json!({"limit": 7, "offset": 3})).request();
        assert_eq!((request.limit, request.offset), (7, 3));
    }

    #[test]
    fn the_cursor_of_an_answer_leads_to_the_next_page() {
        let first = paging(json!({"limit": 20, "max_tokens": 10}));
        let mut cut = page(first);
        let place = serde_json::to_value(first.place(&mut cut)).unwrap();
        // Forty bytes, six for each word.
        assert_eq!(cut.items.len(), 6);
        assert_eq!(
            place,
            json!({"count": 6, "total": 500, "offset": 0, "limit": 20, "has_more": true, "next_cursor": "from-6"})
        );
        let next = paging(json!({"cursor": place["next_cursor"], "offset": 400}));
        assert_eq!(next.request().offset, 6);
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        let last = paging(json!({"offset": 400}));
        let place = serde_json::to_value(last.place(&mut page(last))).unwrap();
        assert_eq!(place["has_more"], false);
        assert!(place.get("next_cursor").is_none(), "{place}");
    }

    #[test]
    fn a_cursor_that_is_none_is_refused_by_the_schema_and_by_the_type() {
        let schema = Schema::of::<Paging>().unwrap();
        schema.check(&json!({"cursor": "from-12"})).unwrap();
        for text in ["12", "from-", "from-x", "from-1 "] {
            assert!(schema.check(&json!({ "cursor": text })).is_err(), "{text}");
        }
        assert!(Cursor::try_from("12".to_owned()).is_err());
    }
}
