//! A proposal, and a gap of its lists, as each contract takes them.
//!
//! Invariant: every contract is handed the same fields, so what one of them judges is what another keeps.

macro_rules! mirror {
    ($($types:path),*) => {$(
        const _: () = {
            use $types as types;

            impl From<&crate::Draft> for types::Draft {
                fn from(draft: &crate::Draft) -> Self {
                    Self {
                        epoch: draft.epoch.0,
                        entriesTop: draft.entries_top.0,
                        receiptsTop: draft.receipts.top,
                        receiptsCount: draft.receipts.count,
                        edgesTop: draft.edges.top,
                        edgesCount: draft.edges.count,
                        workNano: draft.work_nano.0,
                        forcedHash: draft.forced_hash,
                        manifestHash: draft.manifest_hash,
                    }
                }
            }

            impl From<&crate::Proposal> for types::Proposal {
                fn from(proposal: &crate::Proposal) -> Self {
                    let assent = proposal.assent.unwrap_or_default();
                    Self {
                        draft: (&proposal.draft).into(),
                        counter: proposal.counter,
                        proposer: proposal.proposer,
                        time: proposal.time_s,
                        oldRoot: proposal.old_root.0,
                        availableNano: proposal.available_nano.0,
                        assentRound: assent.round,
                        assentTop: assent.list.top,
                        assentCount: assent.list.count,
                        uriHash: proposal.uri_hash,
                    }
                }
            }
        };
    )*};
}

macro_rules! mirror_gap {
    ($($types:path),*) => {$(
        const _: () = {
            use $types as types;

            impl From<tatum_merkle::Gap> for types::Gap {
                fn from(gap: tatum_merkle::Gap) -> Self {
                    let left = gap.left.unwrap_or_default();
                    let right = gap.right.unwrap_or_default();
                    Self {
                        index: gap.place,
                        left: left.leaf.into(),
                        leftPath: left.path,
                        right: right.leaf.into(),
                        rightPath: right.path,
                    }
                }
            }
        };
    )*};
}

mirror!(
    crate::bindings::ISettlement,
    crate::bindings::disproofs::ISettlement,
    crate::bindings::demands::ISettlement
);
mirror_gap!(crate::bindings::disproofs::ISettlement, crate::bindings::overage::ISettlement);
