use kernel::{FieldError, Limit, Page, PageNumber, Total};
use serde::Serialize;
use utoipa::ToSchema;

use super::{CursorKey, Problem};

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

/// One page of a list that admins may leaf through.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NumberedPageView<T: ToSchema> {
    /// The items, in the order asked for.
    data: Vec<T>,
    /// Where the list goes on, and how long it is.
    page: NumberedPageInfo,
}

/// Where a list goes on, and how long it is.
#[derive(Debug, Serialize, ToSchema)]
struct NumberedPageInfo {
    /// The page size that was asked for.
    #[schema(example = 20)]
    limit: u8,
    /// Whether there is a next page.
    has_more: bool,
    /// Pass it as `cursor`, with the same sort and filters, for the next page.
    #[schema(example = "WzE5OTksImxzdF8wMTkyIl0aFx8")]
    next_cursor: Option<String>,
    /// With `include_total=true`: how many items there are, at most 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 42)]
    total: Option<u16>,
    /// With `include_total=true`: false if there are more than `total`.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_is_exact: Option<bool>,
}

impl<T: ToSchema> NumberedPageView<T> {
    /// A page with the total, if it was asked for.
    pub(crate) fn new(page: PageView<T>, total: Option<Total>) -> Self {
        let PageView { data, page: PageInfo { limit, has_more, next_cursor } } = page;
        let (total, total_is_exact) = (total.map(Total::count), total.map(Total::is_exact));
        let page = NumberedPageInfo { limit, has_more, next_cursor, total, total_is_exact };
        Self { data, page }
    }
}

/// The number of the page that is asked for; 400 for one that has none, and for one beside a
/// cursor, which says another place.
pub(crate) fn number(
    page: Option<i64>,
    cursor: Option<&str>,
    limit: Limit,
) -> Result<Option<PageNumber>, Problem> {
    let Some(given) = page else { return Ok(None) };
    let refused = |code, detail: String| {
        let field = FieldError { pointer: "page".to_owned(), code, detail: detail.clone() };
        Problem::malformed("invalid_query", detail).with_fields(&[field])
    };
    if cursor.is_some() {
        return Err(refused("invalid", "give `page` or `cursor`, not both".to_owned()));
    }
    let number = PageNumber::new(given, limit);
    number.map(Some).map_err(|error| refused("out_of_range", error.to_string()))
}
