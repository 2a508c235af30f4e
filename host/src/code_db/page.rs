//! One page of a list, and how it is asked for.

use driver_api::{RowRef, ValueRef};
use serde::Serialize;

use super::database::CodeDatabase;

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Most items in the answer.
    pub limit: u32,
    /// Items to leave out at the start.
    pub offset: u64,
}

impl PageRequest {
    /// The first `limit` items.
    pub fn first(limit: u32) -> Self {
        Self { limit, offset: 0 }
    }

    /// The value of a `LIMIT ?` that leaves out nothing of the page and of what is before it.
    pub(super) fn end(self) -> ValueRef<'static> {
        let end = self.offset.saturating_add(self.limit.into());
        ValueRef::from(i64::try_from(end).unwrap_or(i64::MAX))
    }

    /// The values of `LIMIT ? OFFSET ?`.
    pub(super) fn params(self) -> [ValueRef<'static>; 2] {
        let offset = i64::try_from(self.offset).unwrap_or(i64::MAX);
        [ValueRef::from(self.limit), ValueRef::from(offset)]
    }
}

impl Default for PageRequest {
    /// The first 100 items.
    fn default() -> Self {
        Self::first(100)
    }
}

/// One page of a list whose order stays the same from page to page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Items in the whole list.
    pub total: u64,
    /// Items left out before this page.
    pub offset: u64,
}

impl<T> Page<T> {
    /// Whether items follow this page.
    pub fn has_more(&self) -> bool {
        self.offset + (self.items.len() as u64) < self.total
    }
}

impl<T: Clone> Page<T> {
    /// The page of a list that is at hand.
    pub fn of(list: &[T], request: PageRequest) -> Self {
        let offset = usize::try_from(request.offset).unwrap_or(usize::MAX);
        let items = list.iter().skip(offset).take(request.limit as usize);
        Self {
            items: items.cloned().collect(),
            total: list.len() as u64,
            offset: request.offset,
        }
    }
}

impl CodeDatabase {
    /// Runs `count` with `params`, and `list` with `params`, limit and offset.
    pub(super) fn page<T>(
        &self,
        count: &str,
        list: &str,
        params: &[ValueRef<'_>],
        page: PageRequest,
        read: impl FnMut(RowRef<'_>) -> driver_api::Result<T>,
    ) -> driver_api::Result<Page<T>> {
        let list_params = [params, &page.params()].concat();
        self.page_of((count, params), (list, &list_params), page.offset, read)
    }

    /// Runs a count and a list, each with its own values, those of limit and offset included.
    pub(super) fn page_of<T>(
        &self,
        (count, count_params): (&str, &[ValueRef<'_>]),
        (list, list_params): (&str, &[ValueRef<'_>]),
        offset: u64,
        mut read: impl FnMut(RowRef<'_>) -> driver_api::Result<T>,
    ) -> driver_api::Result<Page<T>> {
        self.database.read(|session| {
            let total = session.query_first(count, count_params, |row| Ok(row.i64(0)?))?;
            let items = session.query_all(list, list_params, &mut read)?;
            Ok(Page {
                items,
                total: total.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
                offset,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_knows_whether_others_follow() {
        let page = Page {
            items: vec![1, 2],
            total: 5,
            offset: 2,
        };
        assert!(page.has_more());
        assert!(!Page { offset: 3, ..page }.has_more());
    }

    #[test]
    fn a_list_at_hand_is_cut_into_pages() {
        let request = |offset| PageRequest { limit: 2, offset };
        let second = Page::of(&[1, 2, 3], request(2));
        assert_eq!(second.items, [3]);
        assert_eq!((second.total, second.has_more()), (3, false));
        assert_eq!(Page::of(&[1], request(u64::MAX)).items, [] as [i32; 0]);
    }

    #[test]
    fn an_offset_beyond_every_list_is_no_error() {
        let [limit, offset] = PageRequest {
            limit: 7,
            offset: u64::MAX,
        }
        .params();
        assert_eq!((limit, offset), (ValueRef::I64(7), ValueRef::I64(i64::MAX)));
    }
}
