//! What holds for every answer, whatever the route.

use scenarios::Marketplace;

#[tokio::test]
async fn a_marketplace_starts() {
    let market = Marketplace::start().await;

    let reply = market.visitor().get("/health/ready").await.expect(200);

    assert_eq!(reply.text_at("status"), "ready");
    market.settle().await;
}
