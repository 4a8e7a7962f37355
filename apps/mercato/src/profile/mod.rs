//! Profiles: what kind of marketplace this is, as data. A profile declares listing types,
//! categories and what differs in the rules; the same engine runs all of them.

mod policies;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use catalog::{Category, CategoryName, ListingType, ListingTypeDeclaration};
use chrono::DateTime;
use kernel::{Currency, Locale, Slug};
use promotions::{Product, ProductDeclaration};
use serde::Deserialize;
use thiserror::Error;

pub use policies::ReviewRules;

/// The profiles that ship with the binary: name and text.
const SHIPPED: [(&str, &str); 2] = [
    ("home-design", include_str!("../../../../profiles/home-design.toml")),
    ("service-booking", include_str!("../../../../profiles/service-booking.toml")),
];

/// A marketplace, as data.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Its name for programs.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// What it is about, in one sentence.
    pub summary: String,
    /// The currency that prices are in unless they say otherwise.
    pub currency: Currency,
    /// What people write in unless they say otherwise.
    pub locale: Locale,
    /// What can be offered.
    pub listing_types: Vec<ListingType>,
    /// The tree of categories.
    pub categories: Vec<CategorySeed>,
    /// The rules of bookings.
    pub bookings: bookings::Policy,
    /// The rules of reviews.
    pub reviews: reviews::Policy,
    /// What money is taken, and how it is divided.
    pub billing: billing::Policy,
    /// The rules of paid visibility.
    pub promotions: promotions::Policy,
    /// What of it can be bought, until an admin changes it.
    pub promotion_products: Vec<ProductDeclaration>,
}

/// A category with those below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategorySeed {
    /// Its name in addresses, unique in the tree.
    pub slug: Slug,
    /// Its name for people.
    pub name: CategoryName,
    /// The same by language.
    pub translations: BTreeMap<String, CategoryName>,
    /// Those below it, in order.
    pub children: Vec<CategorySeed>,
}

/// Why a profile is of no use.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// None of that name ships, and it is not a path.
    #[error("there is no profile {name:?}; {shipped} ship, or name the path of a file")]
    Unknown {
        /// The name.
        name: String,
        /// Those that ship.
        shipped: String,
    },
    /// The file cannot be read.
    #[error("cannot read the profile {path}")]
    Read {
        /// Its path.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a profile; the text says where.
    #[error("the profile {name} is not understood: {source}")]
    Format {
        /// Its name or path.
        name: String,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// Something in it breaks a rule.
    #[error("the profile {name}: {reason}")]
    Invalid {
        /// Its name or path.
        name: String,
        /// What and why.
        reason: String,
    },
}

impl Profile {
    /// The profile of that name, or at that path.
    pub fn load(name: &str) -> Result<Self, ProfileError> {
        if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            return Self::parse(name, text);
        }
        let is_path = name.contains('/')
            || Path::new(name).extension().is_some_and(|extension| extension == "toml");
        if !is_path {
            return Err(ProfileError::Unknown {
                name: name.to_owned(),
                shipped: Self::shipped().collect::<Vec<_>>().join(", "),
            });
        }
        let text = std::fs::read_to_string(name)
            .map_err(|source| ProfileError::Read { path: name.to_owned(), source })?;
        Self::parse(name, &text)
    }

    /// The names of those that ship.
    pub fn shipped() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    fn parse(name: &str, text: &str) -> Result<Self, ProfileError> {
        let file: File = toml::from_str(text).map_err(|source| ProfileError::Format {
            name: name.to_owned(),
            source: Box::new(source),
        })?;
        file.check().map_err(|reason| ProfileError::Invalid { name: name.to_owned(), reason })
    }
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    title: String,
    summary: String,
    currency: String,
    #[serde(default)]
    locale: Option<String>,
    listing_types: Vec<ListingTypeDeclaration>,
    #[serde(default)]
    categories: Vec<CategoryEntry>,
    #[serde(default)]
    bookings: bookings::Policy,
    #[serde(default)]
    reviews: ReviewRules,
    #[serde(default)]
    billing: billing::Policy,
    #[serde(default)]
    promotions: promotions::Policy,
    #[serde(default)]
    promotion_products: Vec<ProductDeclaration>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CategoryEntry {
    slug: String,
    name: String,
    #[serde(default)]
    translations: BTreeMap<String, String>,
    #[serde(default)]
    children: Vec<CategoryEntry>,
}

impl File {
    fn check(self) -> Result<Profile, String> {
        let currency = self.currency.parse().map_err(|error| format!("currency: {error}"))?;
        let locale = match self.locale {
            Some(tag) => tag.parse().map_err(|error| format!("locale: {error}"))?,
            None => Locale::default(),
        };
        if self.listing_types.is_empty() {
            return Err("listing_types: there must be one at least".to_owned());
        }
        let mut keys = BTreeSet::new();
        let mut listing_types = Vec::new();
        for declaration in self.listing_types {
            let key = declaration.key.clone();
            if !keys.insert(key.clone()) {
                return Err(format!("listing_types: {key} is declared twice"));
            }
            let listing_type = ListingType::new(declaration)
                .map_err(|errors| format!("listing type {key}: {errors}"))?;
            listing_types.push(listing_type);
        }
        let mut slugs = BTreeSet::new();
        Ok(Profile {
            name: self.name,
            title: self.title,
            summary: self.summary,
            currency,
            locale,
            listing_types,
            categories: seeds(self.categories, 1, &mut slugs)?,
            bookings: self.bookings,
            reviews: self.reviews.policy()?,
            billing: self.billing,
            promotions: self.promotions,
            promotion_products: checked(self.promotion_products)?,
        })
    }
}

/// The products, if each of them is sound and no two have one key.
fn checked(products: Vec<ProductDeclaration>) -> Result<Vec<ProductDeclaration>, String> {
    let mut keys = BTreeSet::new();
    for declaration in &products {
        let key = &declaration.key;
        if !keys.insert(key) {
            return Err(format!("promotion_products: {key} is declared twice"));
        }
        Product::declare(declaration, DateTime::UNIX_EPOCH)
            .map_err(|errors| format!("promotion product {key}: {errors}"))?;
    }
    Ok(products)
}

fn seeds(
    entries: Vec<CategoryEntry>,
    depth: usize,
    slugs: &mut BTreeSet<String>,
) -> Result<Vec<CategorySeed>, String> {
    if depth > Category::MAX_DEPTH && !entries.is_empty() {
        return Err(format!("categories: the tree is deeper than {}", Category::MAX_DEPTH));
    }
    let seed = |entry: CategoryEntry| {
        let wrong = |error: &dyn std::fmt::Display| format!("category {}: {error}", entry.slug);
        if !slugs.insert(entry.slug.clone()) {
            return Err(wrong(&"is named twice"));
        }
        let translations = entry.translations.iter().map(|(language, name)| {
            let name = CategoryName::new(name).map_err(|error| wrong(&error))?;
            Ok((language.clone(), name))
        });
        Ok(CategorySeed {
            slug: Slug::new(&entry.slug).map_err(|error| wrong(&error))?,
            name: CategoryName::new(&entry.name).map_err(|error| wrong(&error))?,
            translations: translations.collect::<Result<_, String>>()?,
            children: seeds(entry.children, depth + 1, slugs)?,
        })
    };
    entries.into_iter().map(seed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str = "name = 'x'\ntitle = 'X'\nsummary = 'An x.'\ncurrency = 'EUR'\n\
        [[listing_types]]\nkey = 'thing'\ntitle = 'Thing'\nplural = 'Things'\n";

    fn refused(text: &str) -> String {
        Profile::parse("test", text).unwrap_err().to_string()
    }

    #[test]
    fn every_shipped_profile_is_sound_and_called_what_its_file_is() {
        for name in Profile::shipped() {
            let profile = Profile::load(name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(profile.name, name);
            assert!(!profile.categories.is_empty());
            assert!(!profile.promotion_products.is_empty());
        }
    }

    #[test]
    fn what_a_profile_leaves_out_keeps_its_default() {
        let profile = Profile::parse("test", SMALLEST).unwrap();

        assert_eq!(profile.bookings, bookings::Policy::default());
        assert_eq!(profile.reviews, reviews::Policy::default());
        assert_eq!(profile.billing, billing::Policy::default());
        assert_eq!(profile.promotions, promotions::Policy::default());
        assert_eq!(profile.promotion_products, []);
    }

    #[test]
    fn a_fault_is_named_with_its_place() {
        assert!(refused(&format!("colour = 1\n{SMALLEST}")).contains("colour"));
        assert!(refused(&SMALLEST.replace("EUR", "EURO")).contains("currency"));
        assert!(refused(&SMALLEST.replace("'thing'", "'Thing!'")).contains("key"));
        let twice = format!(
            "{SMALLEST}[[categories]]\nslug = 'a'\nname = 'A'\n[[categories]]\nslug = 'a'\nname = 'B'\n"
        );
        assert!(refused(&twice).contains("named twice"));
        let product = "[[promotion_products]]\nkey = 'top'\ntitle = 'Top'\ntarget = 'listing'\n\
            currency = 'EUR'\nprices = [{ duration_days = 7, amount = 990 }]\n";
        assert!(refused(&format!("{SMALLEST}{product}{product}")).contains("declared twice"));
        let longer = format!("{SMALLEST}{}", product.replace("= 7", "= 8"));
        assert!(refused(&longer).contains("promotion product top"));
        let unknown = Profile::load("nothing").unwrap_err().to_string();
        assert!(unknown.contains("home-design"), "{unknown}");
    }
}
