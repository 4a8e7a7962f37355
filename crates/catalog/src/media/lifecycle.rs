use std::fmt::Write;

/// Where a stored object stands. The database holds it to these steps too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectState {
    /// Noted, and perhaps uploaded: its request is on its way, or has failed.
    Staged,
    /// Of a listing, or kept by a change request that waits: served.
    Attached,
    /// Needed by nothing: deleted by the next sweep.
    Orphaned,
    /// Deleted from the object store, and from the record.
    Forgotten,
}

/// What happens to a stored object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectStep {
    /// Its listing, or a change request, is stored.
    Attach,
    /// It, its listing or its change request is removed.
    Remove,
    /// Its request did not end in time ([`MediaSweeper::PATIENCE`](super::MediaSweeper::PATIENCE)).
    GiveUp,
    /// It was deleted from the object store.
    Forget,
}

impl ObjectState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Staged, Self::Attached, Self::Orphaned, Self::Forgotten];

    /// Its name in the database, where one that is forgotten has no row.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Attached => "attached",
            Self::Orphaned => "orphaned",
            Self::Forgotten => "forgotten",
        }
    }

    /// Where a step leads; `None` if it is not possible here.
    pub const fn after(self, step: ObjectStep) -> Option<Self> {
        match (self, step) {
            (Self::Staged | Self::Attached, ObjectStep::Attach) => Some(Self::Attached),
            (Self::Attached, ObjectStep::Remove) => Some(Self::Orphaned),
            (Self::Staged, ObjectStep::GiveUp) => Some(Self::Orphaned),
            (Self::Orphaned, ObjectStep::Forget) => Some(Self::Forgotten),
            (Self::Staged, ObjectStep::Remove | ObjectStep::Forget)
            | (Self::Attached, ObjectStep::GiveUp | ObjectStep::Forget)
            | (Self::Orphaned, ObjectStep::Attach | ObjectStep::Remove | ObjectStep::GiveUp)
            | (
                Self::Forgotten,
                ObjectStep::Attach | ObjectStep::Remove | ObjectStep::GiveUp | ObjectStep::Forget,
            ) => None,
        }
    }
}

impl ObjectStep {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Attach, Self::Remove, Self::GiveUp, Self::Forget];

    /// Its name in the diagram.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attach => "attach",
            Self::Remove => "remove",
            Self::GiveUp => "give_up",
            Self::Forget => "forget",
        }
    }
}

/// The lifecycle as a Mermaid diagram, for the docs.
pub fn object_lifecycle() -> String {
    let mut diagram = "stateDiagram-v2\n    [*] --> staged: stage\n".to_owned();
    for from in ObjectState::ALL {
        for step in ObjectStep::ALL {
            if let Some(to) = from.after(step) {
                let (from, to, step) = (from.name(), to.name(), step.name());
                writeln!(diagram, "    {from} --> {to}: {step}").expect("a text takes any text");
            }
        }
    }
    diagram.push_str("    forgotten --> [*]\n");
    diagram
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docs/lifecycles/media_object.md` shows what the code does.
    #[test]
    fn the_page_shows_the_lifecycle() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lifecycles/media_object.md");
        let page = format!(
            "# The lifecycle of a stored file

A test renders this page from `crates/catalog/src/media/lifecycle.rs` and refuses a stale one;
`UPDATE_DOCS=1 cargo test -p mercato-catalog lifecycle` writes it anew. The database refuses every
other step.

A file is noted (`staged`) in a transaction of its own before it is uploaded, so that none is ever
stored and not known. The transaction that stores its listing, or a change request that waits for a
moderator, attaches it: from that commit on it is served. What was staged and not attached for half
an hour, and what was removed, is orphaned, and every ten minutes a sweep deletes all orphans from
the object store and forgets them.

```mermaid
{}```
",
            object_lifecycle()
        );
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), page, "UPDATE_DOCS=1 rewrites the page");
    }

    #[test]
    fn every_state_but_the_last_has_a_way_out() {
        for state in ObjectState::ALL {
            let leaves = ObjectStep::ALL
                .into_iter()
                .filter_map(|step| state.after(step))
                .any(|next| next != state);
            assert_eq!(leaves, state != ObjectState::Forgotten, "{state:?}");
        }
    }
}
