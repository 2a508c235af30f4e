//! Parameters and answers that many commands have in common: which page of a list, and where it stands in the whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::code_db::entities::EntityKind;
use crate::code_db::page::{Page, PageRequest};

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct Paging {
    /// Most items in the answer; default 100.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 10_000))]
    limit: u32,
    /// Items to leave out at the start; default 0.
    #[serde(default)]
    offset: u64,
}

fn default_limit() -> u32 {
    100
}

impl Paging {
    /// A page of a list whose default length is another.
    pub(super) fn of(limit: u32, offset: u64) -> Self {
        Self { limit, offset }
    }

    /// As the database wants it.
    pub(super) fn request(self) -> PageRequest {
        PageRequest {
            limit: self.limit,
            offset: self.offset,
        }
    }

    /// Where `page`, which answers this, stands in its list.
    pub(super) fn place<T>(self, page: &Page<T>) -> Place {
        Place {
            count: page.items.len(),
            total: page.total,
            offset: page.offset,
            limit: self.limit,
            has_more: page.has_more(),
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
    /// Whether items follow; they come with `offset` + `count` as the next `offset`.
    has_more: bool,
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
    use super::*;

    #[test]
    fn a_place_says_how_to_go_on() {
        let paging: Paging = serde_json::from_str(r#"{"offset": 100}"#).unwrap();
        assert_eq!(
            paging.request(),
            PageRequest {
                limit: 100,
                offset: 100
            }
        );
        let page = Page {
            items: vec![1, 2, 3],
            total: 104,
            offset: 100,
        };
        let place = serde_json::to_value(paging.place(&page)).unwrap();
        let expected = serde_json::json!({"count": 3, "total": 104, "offset": 100, "limit": 100, "has_more": true});
        assert_eq!(place, expected);
    }
}
