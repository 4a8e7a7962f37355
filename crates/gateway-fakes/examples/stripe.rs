//! Serves the fake of Stripe until its standard input ends, for a client that is not ours: the first
//! line says where it is and what it is called with. `--webhooks URL` has events sent there.

use std::io::Read;

use gateway_fakes::StripeFake;
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "a program speaks to who started it")]
async fn main() -> std::io::Result<()> {
    let fake = StripeFake::start().await;
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, url] = &arguments[..]
        && flag == "--webhooks"
    {
        fake.send_webhooks_to(url);
    }
    println!(
        "{}",
        json!({
            "url": fake.url(),
            "key": StripeFake::SECRET_KEY,
            "webhook_secret": StripeFake::WEBHOOK_SECRET,
        })
    );
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    ended.await.map_err(std::io::Error::other)?.map(drop)
}
