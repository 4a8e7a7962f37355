use billing::{Gateway, OperationKey, PayoutOutcome, PayoutRequest, Secret};
use kernel::{Currency, Money, PayoutId, SystemIds};

use crate::bench::bench;

gateway_fakes::gateway_conformance!(bench);

#[tokio::test]
async fn a_provider_is_paid_at_once_or_later_or_not() {
    let bench = bench().await;
    for destination in ["bank_good", "bank_slow", "bank_closed"] {
        let payout = PayoutId::next(&SystemIds);
        let request = PayoutRequest {
            payout,
            key: OperationKey::of_payout(payout, 1),
            amount: Money::new(500, Currency::EUR),
            destination: Secret::new(destination.to_owned()),
        };
        assert_eq!(bench.gateway.payout_status(&request).await.unwrap(), None);
        let outcome = bench.gateway.pay_out(&request).await.unwrap();
        match destination {
            "bank_good" => assert!(matches!(outcome, PayoutOutcome::Paid { .. }), "{outcome:?}"),
            "bank_slow" => assert!(matches!(outcome, PayoutOutcome::Pending { .. }), "{outcome:?}"),
            _ => assert!(matches!(outcome, PayoutOutcome::Declined(_)), "{outcome:?}"),
        }
        assert_eq!(bench.gateway.payout_status(&request).await.unwrap(), Some(outcome));
    }
}
