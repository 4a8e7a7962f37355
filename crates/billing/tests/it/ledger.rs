//! Splits, commissions and their reversals add up to the minor unit, whatever the steps.

use billing::testing::{a_payment, euros, the_provider_id, the_seller};
use billing::{
    Account, CommissionRule, FixedPart, GatewayName, Journal, JournalId, LedgerFact, LedgerFault,
    Posting, PurposeKind, SaleAccounts, SaleContext, SaleSums, SaleTerms, Seller, recount,
    terms_for,
};
use kernel::{CategoryId, Currency, SystemIds};
use proptest::prelude::*;

use crate::world::NOW;

fn accounts(terms: SaleTerms, seller: Seller, released: bool) -> SaleAccounts {
    SaleAccounts {
        payment: a_payment(NOW).id,
        gateway: GatewayName::Sandbox,
        seller,
        terms,
        currency: Currency::EUR,
        released,
    }
}

fn any_terms() -> impl Strategy<Value = (SaleTerms, Seller)> {
    let commission = (0u32..=10_000, 0u32..5_000, 0u32..=3_000).prop_map(
        |(basis_points, fixed, vat_basis_points)| {
            (SaleTerms::Commission { basis_points, fixed, vat_basis_points }, the_seller())
        },
    );
    let own = (0u32..=3_000)
        .prop_map(|vat_basis_points| (SaleTerms::OwnSale { vat_basis_points }, Seller::Platform));
    prop_oneof![commission, own]
}

proptest! {
    #[test]
    fn the_parts_of_a_price_are_the_price((terms, _) in any_terms(), price in 1i64..10_000_000) {
        let split = terms.split(euros(price));

        prop_assert_eq!(split.whole(), price);
        prop_assert!(split.provider >= 0 && split.platform >= 0 && split.tax >= 0);
        prop_assert_eq!(split.reversed(price), split);
        prop_assert_eq!(split.reversed(0).whole(), 0);
    }

    #[test]
    fn partial_refunds_in_any_steps_reverse_to_the_minor_unit(
        (terms, seller) in any_terms(),
        price in 1i64..1_000_000,
        steps in prop::collection::vec(0i64..1_000_000, 0..12),
        release_at in 0usize..12,
    ) {
        let mut totals: Vec<i64> = steps.iter().map(|step| step % (price + 1)).collect();
        totals.sort_unstable();
        totals.push(price);

        let mut sums = SaleSums { captured: price, ..SaleSums::default() };
        let mut entries =
            accounts(terms, seller, false).entries(SaleSums::default(), sums).unwrap();
        let mut released = false;
        for (index, refunded) in totals.into_iter().enumerate() {
            if index == release_at {
                entries.extend(accounts(terms, seller, false).release(sums).unwrap());
                released = true;
            }
            let next = SaleSums { refunded, ..sums };
            let made = accounts(terms, seller, released).entries(sums, next).unwrap();
            for posting in made.iter().flat_map(billing::Entry::postings) {
                // Nobody but the payer gets anything by a refund.
                let gives = matches!(posting.account, Account::Refunds(_));
                prop_assert_eq!(posting.amount.minor() < 0, gives, "{:?}", posting);
            }
            entries.extend(made);
            sums = next;
        }

        let sum = |wanted: Account| -> i64 {
            let postings = entries.iter().flat_map(billing::Entry::postings);
            postings.filter(|it| it.account == wanted).map(|it| it.amount.minor()).sum()
        };
        let provider = the_provider_id();
        for account in [
            Account::ProviderPending(provider),
            Account::ProviderPayable(provider),
            Account::PlatformRevenue,
            Account::Tax,
        ] {
            prop_assert_eq!(sum(account), 0, "{}", account);
        }
        prop_assert_eq!(sum(Account::GatewayClearing(GatewayName::Sandbox)), price);
        prop_assert_eq!(sum(Account::Refunds(GatewayName::Sandbox)), -price);
    }

    #[test]
    fn any_way_from_sums_to_sums_posts_the_same(
        (terms, seller) in any_terms(),
        to in (1i64..100_000, 0i64..100_000, 0i64..100_000, 0i64..100_000),
        middles in prop::collection::vec((0i64..100_000, 0i64..100_000, 0i64..100_000, 0i64..100_000), 0..6),
    ) {
        let sums = |(captured, refunded, back, again): (i64, i64, i64, i64)| SaleSums {
            captured,
            refunded: refunded % (captured + 1),
            charged_back: back % (captured + 1),
            reinstated: again % (back % (captured + 1) + 1),
        };
        let end = middles.iter().fold(sums(to), |end, middle| end.joined(sums(*middle)));
        let books = accounts(terms, seller, false);
        let total = |entries: &[billing::Entry], account: Account| -> i64 {
            let postings = entries.iter().flat_map(billing::Entry::postings);
            postings.filter(|it| it.account == account).map(|it| it.amount.minor()).sum()
        };

        let straight = books.entries(SaleSums::default(), end).unwrap();
        let mut winding = Vec::new();
        let mut at = SaleSums::default();
        for middle in middles {
            let next = at.joined(sums(middle));
            winding.extend(books.entries(at, next).unwrap());
            at = next;
        }
        winding.extend(books.entries(at, end).unwrap());

        for account in [
            Account::ProviderPending(the_provider_id()),
            Account::PlatformRevenue,
            Account::Tax,
            Account::GatewayClearing(GatewayName::Sandbox),
            Account::Refunds(GatewayName::Sandbox),
            Account::Chargebacks(GatewayName::Sandbox),
        ] {
            prop_assert_eq!(total(&straight, account), total(&winding, account), "{}", account);
        }
    }
}

#[test]
fn the_first_rule_that_fits_makes_the_commission() {
    let category = CategoryId::from_uuid(billing::testing::an_id(70));
    let fixed = FixedPart { amount: 30, currency: Currency::USD };
    let rules = vec![
        CommissionRule {
            purpose: Some(PurposeKind::Auction),
            basis_points: 1,
            ..CommissionRule::default()
        },
        CommissionRule { fixed: Some(fixed), basis_points: 2, ..CommissionRule::default() },
        CommissionRule { category: Some(category), basis_points: 3, ..CommissionRule::default() },
        CommissionRule { basis_points: 4, ..CommissionRule::default() },
    ];
    let sale = SaleContext {
        purpose: PurposeKind::Order,
        seller: the_seller(),
        categories: vec![category],
        listing_type: None,
    };
    let points = |sale: &SaleContext, price| match terms_for(&rules, 0, sale, price) {
        SaleTerms::Commission { basis_points, .. } => basis_points,
        SaleTerms::OwnSale { .. } => panic!("a provider sells"),
    };

    assert_eq!(points(&sale, euros(100)), 3, "a fixed part in dollars is for dollars");
    assert_eq!(points(&sale, kernel::Money::new(100, Currency::USD)), 2);
    let other = SaleContext { categories: Vec::new(), ..sale.clone() };
    assert_eq!(points(&other, euros(100)), 4);
    let auction = SaleContext { purpose: PurposeKind::Auction, ..sale };
    assert_eq!(points(&auction, euros(100)), 1);
}

#[test]
fn a_commission_takes_no_more_than_the_price() {
    let terms = SaleTerms::Commission { basis_points: 9_000, fixed: 50, vat_basis_points: 2_000 };

    let split = terms.split(euros(100));

    assert_eq!((split.provider, split.platform, split.tax), (0, 83, 17));
}

#[test]
fn what_does_not_add_up_is_no_journal() {
    let provider = the_provider_id();
    let postings = |last| {
        vec![
            Posting { account: Account::Bank, amount: euros(100) },
            Posting { account: Account::ProviderPayable(provider), amount: euros(last) },
        ]
    };
    let restore = |last| {
        let id = JournalId::next(&SystemIds);
        let reference = "r".to_owned();
        Journal::restore(id, LedgerFact::PayoutPaid, reference, None, None, postings(last), NOW)
    };

    assert!(restore(-99).is_err());
    let good = restore(-100).unwrap();
    let stored = [(Account::Bank, 100), (Account::ProviderPayable(provider), -90)]
        .map(|(account, minor)| billing::AccountBalance { account, balance: euros(minor) });
    let faults = recount([&good, &good], &stored);
    assert!(matches!(faults[0], LedgerFault::PostedTwice { .. }), "{faults:?}");
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(recount([&good], &stored[..1]).len() == 1);
}

#[test]
fn an_account_survives_its_columns() {
    for account in [
        Account::ProviderPending(the_provider_id()),
        Account::PlatformRevenue,
        Account::GatewayClearing(GatewayName::Stripe),
        Account::PayoutsInTransit,
    ] {
        assert_eq!(Account::parse(account.kind().name(), &account.owner()), Ok(account));
    }
    assert!(Account::parse("tax", "stripe").is_err());
    assert!(Account::parse("provider_payable", "platform").is_err());
}
