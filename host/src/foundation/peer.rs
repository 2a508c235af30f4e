//! Whose process may be talked to about a database, over its socket.

use rustix::process::Uid;

/// Whether a process of `own` talks to one of `peer` about a database whose file belongs to
/// `database_owner`, where it is known.
///
/// Users trust themselves and root, who could read all they have anyway. Root trusts beyond that
/// whoever owns the database file, and with it its content: that user's worker may be running, and
/// nobody else can open the file beside it. No other user is trusted.
pub fn may_talk_to(peer: Uid, own: Uid, database_owner: Option<Uid>) -> bool {
    peer == own || peer.is_root() || own.is_root() && database_owner == Some(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oneself_and_root_are_trusted_and_by_root_the_owner_of_the_file() {
        let [root, ann, bob] = [0, 1000, 1001].map(Uid::from_raw);
        for (peer, own, owner, may) in [
            (ann, ann, None, true),
            (ann, ann, Some(bob), true),
            (root, ann, None, true),
            (root, root, None, true),
            (bob, ann, None, false),
            (bob, ann, Some(bob), false),
            (ann, root, None, false),
            (ann, root, Some(bob), false),
            (ann, root, Some(root), false),
            (ann, root, Some(ann), true),
        ] {
            assert_eq!(
                may_talk_to(peer, own, owner),
                may,
                "{peer:?} {own:?} {owner:?}"
            );
        }
    }
}
