use kernel::{Limit, Page};
use serde::Serialize;
use utoipa::ToSchema;

use super::CursorKey;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageView<T: ToSchema> {
    /// The items, in the order asked for.
    pub(crate) data: Vec<T>,
    /// Where the list goes on.
    pub(crate) page: PageInfo,
}

/// Where a list goes on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageInfo {
    /// The page size that was asked for.
    #[schema(example = 20)]
    limit: u8,
    /// Whether there is a next page.
    has_more: bool,
    /// Pass it as `cursor`, with the same sort and filters, for the next page.
    #[schema(example = "WzE5OTksImxzdF8wMTkyIl0aFx8")]
    next_cursor: Option<String>,
}

impl<T: ToSchema> PageView<T> {
    /// A page as it is shown. `list` describes the list, its sort and filters; the cursor is bound
    /// to it.
    pub(crate) fn new<U, P: Serialize>(
        page: Page<U, P>,
        limit: Limit,
        key: &CursorKey,
        list: &str,
        present: impl FnMut(U) -> T,
    ) -> Self {
        let next_cursor = page.next.as_ref().map(|position| key.encode(list, position));
        Self {
            data: page.items.into_iter().map(present).collect(),
            page: PageInfo { limit: limit.get(), has_more: next_cursor.is_some(), next_cursor },
        }
    }
}
