//! The query of a listing's URL.
//!
//! ```text
//! query = [ pair *( "&" pair ) ]
//! pair  = "sort=" ( "name" / "size" / "modified" )  |  "order=" ( "asc" / "desc" )
//!       | "format=" ( "html" / "json" )             |  "q=" TEXT
//! ```
//!
//! Names and values are form-encoded (`+` is a space), because the page has forms that work without a script. Unknown names and values are ignored. If a name appears twice, the last value counts. A
//! query needs no length limit, because the request target has one.

use super::filter;
use super::order::{Order, Sort, SortKey};
use crate::text::{form, percent};

/// The format of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Format {
    Html,
    Json,
}

impl Format {
    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Html => "text/html; charset=utf-8",
            Format::Json => "application/json",
        }
    }
}

/// A parsed query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ListingQuery {
    /// The requested order.
    pub(super) sort: Sort,
    /// The requested format. If there is none, `Accept` decides.
    pub format: Option<Format>,
    /// Only names that contain each word of this text are listed. If it has no word, all are.
    pub(super) filter: String,
}

impl ListingQuery {
    /// Parses a query, which is the part of a target after its `?`. This never fails.
    pub fn parse(query: &[u8]) -> ListingQuery {
        let mut parsed = ListingQuery::default();
        for pair in form::pairs(query) {
            parsed.apply(&pair.name, &pair.value);
        }
        parsed
    }

    /// The memory that it takes besides itself, in bytes.
    pub fn cost(&self) -> usize {
        self.filter.capacity()
    }

    /// A query for the names that have each word of this text.
    pub fn of_names_with(text: &str) -> ListingQuery {
        ListingQuery {
            filter: text.to_owned(),
            ..ListingQuery::default()
        }
    }

    /// The same query without a format: all formats show the same entries.
    pub fn without_format(&self) -> ListingQuery {
        ListingQuery {
            format: None,
            filter: filter::normalised(&self.filter),
            ..*self
        }
    }

    /// The query as a link has it, including the `?`.
    pub(super) fn link(&self) -> String {
        let (key, order) = (key_name(self.sort.key), order_name(self.sort.order));
        let filter = percent::segment(self.filter.as_bytes());
        match self.filter.is_empty() {
            true => format!("?sort={key}&order={order}"),
            false => format!("?sort={key}&order={order}&q={filter}"),
        }
    }

    fn apply(&mut self, name: &[u8], value: &[u8]) {
        match (name, value) {
            (b"sort", b"name") => self.sort.key = SortKey::Name,
            (b"sort", b"size") => self.sort.key = SortKey::Size,
            (b"sort", b"modified") => self.sort.key = SortKey::Modified,
            (b"order", b"asc") => self.sort.order = Order::Ascending,
            (b"order", b"desc") => self.sort.order = Order::Descending,
            (b"format", b"html") => self.format = Some(Format::Html),
            (b"format", b"json") => self.format = Some(Format::Json),
            (b"q", text) => self.filter = String::from_utf8_lossy(text).into_owned(),
            _ => {}
        }
    }
}

pub(super) fn key_name(key: SortKey) -> &'static str {
    match key {
        SortKey::Name => "name",
        SortKey::Size => "size",
        SortKey::Modified => "modified",
    }
}

pub(super) fn order_name(order: Order) -> &'static str {
    match order {
        Order::Ascending => "asc",
        Order::Descending => "desc",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(query: &str, key: SortKey, order: Order, format: Option<Format>, filter: &str) {
        let sort = Sort { key, order };
        let filter = filter.to_owned();
        let want = ListingQuery {
            sort,
            format,
            filter,
        };
        assert_eq!(ListingQuery::parse(query.as_bytes()), want, "{query:?}");
    }

    #[test]
    fn queries_are_parsed() {
        use {Order::*, SortKey::*};
        check("", Name, Ascending, None, "");
        check("&&=&sort&=x", Name, Ascending, None, "");
        check("sort=size", Size, Ascending, None, "");
        check("sort=modified&order=desc", Modified, Descending, None, "");
        check("order=asc&sort=name", Name, Ascending, None, "");
        check("sort=colour&order=up&v=3", Name, Ascending, None, ""); // unknown: ignored
        check("SORT=size", Name, Ascending, None, ""); // names are case-sensitive
        check("format=json", Name, Ascending, Some(Format::Json), "");
        check("format=html", Name, Ascending, Some(Format::Html), "");
        check("q=a+b%2Bc", Name, Ascending, None, "a b+c"); // form-encoded
        check("q=%C3%A4=%", Name, Ascending, None, "ä=%"); // an invalid % is kept
        check("q=%zz%4", Name, Ascending, None, "%zz%4");
        check("q=%FF", Name, Ascending, None, "\u{FFFD}"); // not UTF-8
        check("q=a&q=b", Name, Ascending, None, "b");
        check("s%6frt=s%69ze", Size, Ascending, None, "");
    }

    proptest! {
        #[test]
        fn parsing_a_link_gives_the_query(filter in ".*", descending: bool) {
            let order = if descending { Order::Descending } else { Order::Ascending };
            let sort = Sort { key: SortKey::Size, order };
            let query = ListingQuery { sort, format: None, filter };
            let link = query.link();
            prop_assert_eq!(ListingQuery::parse(&link.as_bytes()[1..]), query);
        }

        #[test]
        fn any_query_can_be_parsed(query in proptest::collection::vec(any::<u8>(), 0..64)) {
            ListingQuery::parse(&query);
        }
    }
}
