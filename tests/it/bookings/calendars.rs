//! Slots, opening hours, calendar programs, and a crowd before one slot.

use serde_json::json;
use tokio::task::JoinSet;

use super::World;

#[tokio::test]
async fn of_a_hundred_who_want_one_slot_one_gets_it() {
    let world = World::new().await;
    let slot = world.slot(2);
    let body = json!({ "listing_id": world.service, "message": "Me first", "slot": slot });
    let started = std::time::Instant::now();

    let mut crowd = JoinSet::new();
    for _ in 0..100 {
        let (client, body) = (world.client.clone(), body.clone());
        crowd.spawn(async move { client.post("bookings", body).await });
    }
    let replies = crowd.join_all().await;

    let won = replies.iter().filter(|reply| reply.status == 201).count();
    let lost = replies
        .iter()
        .filter(|reply| reply.status == 409 && reply.code() == "booking.slot_taken")
        .count();
    assert_eq!((won, lost), (1, 99));
    assert_eq!(world.market.count("bookings").await, 1);
    assert!(started.elapsed() < std::time::Duration::from_secs(15), "{:?}", started.elapsed());
}

#[tokio::test]
async fn opening_hours_make_the_slots() {
    let world = World::new().await;
    let provider = &world.provider;
    let date = world.slot(7).date_naive();
    let path = format!("listings/{}/slots", world.service);
    let days = [("from", date.to_string()), ("to", date.to_string())];
    let ask = async |tz: &str| {
        let query = [("from", days[0].1.as_str()), ("to", days[1].1.as_str()), ("tz", tz)];
        world.market.visitor().find(&path, &query).await
    };

    world.open(json!({ "exceptions": [{ "date": date, "kind": "closed" }] })).await;
    assert!(ask("UTC").await.expect(200).data().is_empty());
    let extra = json!([{ "date": date, "kind": "closed" },
        { "date": date, "kind": "extra", "from": "20:00", "to": "22:00" }]);
    world.open(json!({ "exceptions": extra, "capacity": 3 })).await;
    let found = ask("Asia/Kolkata").await.expect(200);
    let shown: Vec<_> = found.data().iter().map(|free| &free["local_start"]).collect();
    assert_eq!(found.body["time_zone"], "Asia/Kolkata");
    // The evening in UTC is the night to the next date in India.
    assert!(shown.is_empty(), "{shown:?}");
    let found = ask("America/New_York").await.expect(200);
    assert_eq!(found.data().len(), 2);
    assert_eq!(found.data()[0]["seats"], 3);

    let _ = ask("Mars/Olympus").await.refused(400, "invalid_query");
    let wrong = json!({ "time_zone": "Europe/Nowhere", "weekly": [{ "day": "monday", "from": "9", "to": "17:00" }] });
    let refused = provider.put("providers/me/availability", wrong).await.refused(422, "validation");
    assert_eq!(refused.pointers(), ["/time_zone", "/weekly/0/from"]);
    let back = json!({ "time_zone": "UTC", "weekly": [{ "day": "monday", "from": "17:00", "to": "09:00" }], "capacity": 0 });
    let refused = provider.put("providers/me/availability", back).await.refused(422, "validation");
    assert_eq!(refused.pointers(), ["/weekly/0/to", "/capacity"]);
    let hours = json!({ "time_zone": "UTC" });
    let _ = world.client.put("providers/me/availability", hours).await.refused(403, "forbidden");
    let year = format!("{path}?from=2026-01-01&to=2026-12-31");
    let _ = world.client.get(&year).await.refused(422, "validation");
    let _ = world
        .client
        .get(&format!("listings/{}/slots?from={date}&to={date}", world.request))
        .await
        .refused(409, "booking.not_bookable");
}

#[tokio::test]
async fn appointments_reach_calendar_programs() {
    let world = World::new().await;
    let slot = world.slot(2);
    let id = world.book(slot).await.expect(201).id();

    let file = world.client.get(&format!("bookings/{id}/calendar.ics")).await.expect(200);
    assert_eq!(file.header("content-type"), "text/calendar; charset=utf-8");
    let start = format!("DTSTART:{}", slot.format("%Y%m%dT%H%M%SZ"));
    for line in
        ["BEGIN:VCALENDAR", &start, "SUMMARY:Haircut", "STATUS:TENTATIVE", &format!("UID:{id}")]
    {
        assert!(file.text.contains(line), "{line} is not in {}", file.text);
    }
    let request = world.ask(&world.request).await;
    let _ = world
        .client
        .get(&format!("bookings/{request}/calendar.ics"))
        .await
        .refused(404, "not_found");

    let url = world.provider.command("me/calendar-link").await.expect(200).text_at("url");
    let path =
        url.split_once("/api/v1").map(|(_, path)| format!("/api/v1{path}")).expect("an address");
    let calendar = world.market.visitor().get(&path).await.expect(200);
    assert!(calendar.text.contains(&start));
    let _ = world.provider.command("me/calendar-link").await.expect(200);
    let _ = world.market.visitor().get(&path).await.refused(404, "booking.calendar_not_found");
}
