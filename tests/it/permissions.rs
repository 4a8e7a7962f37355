//! Every operation, asked by every kind of person, answers as the permission matrix says.

use access::{Action, permits};
use mercato::http::{Permission, permission_of};
use scenarios::{Operation, Persona, World};

/// Where the domain forbids more than the matrix.
const STRICTER: &[(&str, Persona)] = &[
    // Nobody books with themselves.
    ("submitBooking", Persona::Owner),
    // In this marketplace only clients review.
    ("writeReview", Persona::Owner),
];

/// One pays for what is one's own: to others it is not there.
const OF_THE_CLIENT: &[&str] = &["createPayment", "checkoutPayment"];

/// Whoever sold something has its invoice, too.
const OF_THE_SELLER_TOO: &[&str] = &["getInvoice"];

/// What changes the caller's own roles.
const MAKES_ANOTHER_OF_THE_CALLER: &[&str] = &["registerProvider"];

/// Statuses that say that a call was not wrong in itself, whether or not it was the time for it.
const WELL_FORMED: [u16; 10] = [200, 201, 202, 204, 207, 303, 304, 409, 410, 412];

#[tokio::test]
async fn every_operation_answers_everyone_as_the_matrix_says() {
    let mut world = World::new().await;
    let mut faults = Vec::new();
    for operation in Operation::all() {
        let line = permission_of(&operation.id).expect("every operation has a line");
        // Who may not changes nothing, so that one object serves them all.
        let denied = world.call(&operation).await;
        for persona in Persona::ALL {
            let expected = expected(line, persona);
            let call = match expected {
                Expected::Passes => world.call(&operation).await,
                Expected::Refused(_) => denied.clone(),
            };
            let newcomer = MAKES_ANOTHER_OF_THE_CALLER.contains(&operation.id.as_str());
            let reply = if newcomer {
                call.by(&world.another(persona).await).await
            } else {
                call.by(world.person(persona)).await
            };
            let status = reply.status.as_u16();
            let as_expected = match expected {
                Expected::Refused(wanted) => status == wanted,
                Expected::Passes => WELL_FORMED.contains(&status),
            };
            if !as_expected {
                faults.push(format!(
                    "{} as {persona:?}: {expected:?}, but {status} {}",
                    reply.asked, reply.text
                ));
            }
            if matches!(expected, Expected::Passes) {
                world.wake_after(&operation).await;
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[derive(Debug, Clone, Copy)]
enum Expected {
    Passes,
    Refused(u16),
}

fn expected(line: &Permission, persona: Persona) -> Expected {
    let actor = persona.actor();
    let relation = persona.relation_to(line.object);
    if persona == Persona::Suspended && line.action != Action::SignIn {
        // Their token does not count, not even where none is needed; calls that sign in look at none.
        Expected::Refused(401)
    } else if STRICTER.contains(&(line.operation, persona)) {
        Expected::Refused(403)
    } else if OF_THE_CLIENT.contains(&line.operation)
        && ![Persona::Client, Persona::Visitor].contains(&persona)
    {
        Expected::Refused(404)
    } else if permits(&actor, line.action, relation)
        || (OF_THE_SELLER_TOO.contains(&line.operation) && persona == Persona::Owner)
    {
        Expected::Passes
    } else if persona == Persona::Visitor {
        Expected::Refused(401)
    } else if line.object.seen_by().is_none_or(|reading| permits(&actor, reading, relation)) {
        Expected::Refused(403)
    } else {
        Expected::Refused(404)
    }
}
