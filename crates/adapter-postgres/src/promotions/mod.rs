//! The ports of `promotions`.

mod catalog;
mod coupon_uses;
mod coupons;
pub(crate) mod in_force;
mod payments;
mod products;
mod reads;
mod repository;
mod row;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// The one of these names.
fn named<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str, wanted: &str) -> Result<T, Source> {
    let found = all.iter().copied().find(|it| name(*it) == wanted);
    found.ok_or_else(|| format!("`{wanted}` is none of ours").into())
}
