//! Keys rotate, and servers are replaced one after the other, while people work.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nix::sys::signal::Signal;
use test_support::TestDatabase;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::caller::Caller;
use crate::process::Process;

const OLD: (&str, &str) = ("spring", "the key of spring is as long as it has to be");
const NEW: (&str, &str) = ("autumn", "the key of autumn is as long as it has to be");

/// A server that signs with one key and believes the other.
fn serve(url: &str, signs: (&str, &str), believes: (&str, &str)) -> Process {
    let settings = [
        format!("auth.signing_key_id={}", signs.0),
        format!("auth.signing_key={}", signs.1),
        format!("auth.accepted_keys={}:{}", believes.0, believes.1),
        "limits.enabled=false".to_owned(),
        "logs.filter=off".to_owned(),
        "server.drain_notice_seconds=1".to_owned(),
    ];
    let mut arguments = vec!["serve"];
    for setting in &settings {
        arguments.extend(["--set", setting]);
    }
    Process::start(Some(url), &arguments)
}

/// The name of the key that signed a token.
fn key_of(token: &str) -> String {
    let head = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let head: serde_json::Value = serde_json::from_slice(&head).unwrap();
    head["kid"].as_str().unwrap().to_owned()
}

/// A load balancer's list of servers.
type Servers = Arc<RwLock<Vec<String>>>;

fn pick(servers: &Servers, turn: usize) -> String {
    let servers = servers.read().unwrap();
    servers[turn % servers.len()].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_rotate_under_load_and_nobody_notices() {
    let database = TestDatabase::new().await;
    let url = database.url();
    let mut old = [serve(url, OLD, NEW), serve(url, OLD, NEW)];
    let bases = [old[0].base(), old[1].base()];
    let owner = Caller::provider(&bases[0], "ada").await;
    assert_eq!(key_of(&owner.token), OLD.0);
    let servers = Servers::new(RwLock::new(bases.to_vec()));
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = JoinSet::new();
    for turn in 0..6_usize {
        let (owner, servers, stop, answered) =
            (owner.clone(), Arc::clone(&servers), Arc::clone(&stop), Arc::clone(&answered));
        tasks.spawn(async move {
            let mut owner = owner;
            for round in 0.. {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let base = pick(&servers, turn + round);
                // Every task signs in anew now and then, and uses the token everywhere.
                if round % 25 == 24 {
                    owner.sign_in(&base).await;
                }
                let me = owner.get(&base, "/api/v1/me").await.expect("an answer");
                assert_eq!(me.status, 200, "{me:?}");
                answered.fetch_add(1, Ordering::SeqCst);
                sleep(Duration::from_millis(5)).await;
            }
        });
    }

    let mut new = Vec::new();
    for (index, old) in old.iter_mut().enumerate() {
        let mut server = serve(url, NEW, OLD);
        let base = server.base();
        new.push(server);
        {
            let mut servers = servers.write().unwrap();
            servers.push(base);
            servers.retain(|base| *base != bases[index]);
        }
        old.signal(Signal::SIGTERM);
        sleep(Duration::from_millis(500)).await;
    }
    for old in &mut old {
        assert!(old.end().success());
    }
    sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::SeqCst);
    tasks.join_all().await;

    assert!(answered.load(Ordering::SeqCst) > 200, "{answered:?}");
    let base = pick(&servers, 0);
    assert_eq!(key_of(&owner.token), OLD.0);
    assert_eq!(owner.get(&base, "/api/v1/me").await.unwrap().status, 200, "spring still counts");
    let mut later = owner.clone();
    later.sign_in(&base).await;
    assert_eq!(key_of(&later.token), NEW.0);
}
