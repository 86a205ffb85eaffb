use proptest::prelude::*;

use super::*;

fn leaf(index: u32) -> Vec<u8> {
    format!("leaf {index}").into_bytes()
}

fn leaves(count: u32) -> Vec<Vec<u8>> {
    (0..count).map(leaf).collect()
}

fn streamed(leaves: &[Vec<u8>]) -> ListBuilder {
    let mut builder = ListBuilder::default();
    leaves.iter().try_for_each(|leaf| builder.push(leaf)).unwrap();
    builder
}

fn opening(words: &ListWords, index: u32) -> Opening {
    Opening { leaf: leaf(index), path: words.path(index).unwrap() }
}

/// The definition, written down as plainly as it stands above.
fn top_by_definition(mut level: Vec<B256>) -> B256 {
    while level.len() > 1 {
        let above = level.chunks(2).map(|pair| match pair {
            [left, right] => parent(*left, *right),
            alone => alone[0],
        });
        level = above.collect();
    }
    level.first().copied().unwrap_or(B256::ZERO)
}

#[test]
fn every_leaf_of_lists_of_every_size_opens_at_its_place_and_at_no_other() {
    for count in 0..40 {
        let words = ListWords::of_leaves(leaves(count)).unwrap();
        let commitment = words.commitment();
        assert!(commitment.is_well_formed());
        for index in 0..count {
            for place in 0..count + 2 {
                let opened = commitment.open(place, &opening(&words, index));
                assert_eq!(opened.is_ok(), place == index, "{index} at {place} of {count}");
            }
        }
        assert_eq!(words.path(count), Err(Error::NoSuchLeaf { index: count, count }));
    }
}

#[test]
fn the_streamed_commitment_is_that_of_the_definition() {
    for count in (0..70).chain([127, 128, 129, 1000, 5000]) {
        let leaves = leaves(count);
        let top = top_by_definition(leaves.iter().map(keccak256).collect());
        let expected = ListCommitment { top, count };
        assert_eq!(streamed(&leaves).commitment(), expected, "{count} leaves");
        assert_eq!(ListWords::of_leaves(&leaves).unwrap().commitment(), expected, "{count} leaves");
    }
}

#[test]
fn a_word_without_right_neighbour_goes_up_unchanged() {
    let words = ListWords::of_leaves(leaves(5)).unwrap();
    assert_eq!(words.word(2, 1), Some(keccak256(leaf(4))));
    assert_eq!(words.path(4).unwrap(), [words.word(2, 0).unwrap()]);
}

#[test]
fn parts_of_a_power_of_two_append_to_the_whole_and_others_are_refused() {
    for count in 0..70 {
        let leaves = leaves(count);
        let mut whole = ListBuilder::default();
        for part in leaves.chunks(16) {
            whole.append(&streamed(part)).unwrap();
        }
        assert_eq!(whole.commitment(), streamed(&leaves).commitment(), "{count} leaves");
    }
    let mut three = streamed(&leaves(3));
    let refused = three.append(&streamed(&leaves(2)));
    assert_eq!(refused, Err(Error::PartsDoNotMeet { before: 3, next: 2 }));
    assert_eq!(three.commitment(), streamed(&leaves(3)).commitment());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn leaves_in_parts_of_any_size_are_the_leaves_one_by_one(
        parts in prop::collection::vec(0..3_000u32, 0..6),
    ) {
        let leaves = leaves(parts.iter().sum());
        let (mut list, mut rest) = (ListBuilder::default(), leaves.as_slice());
        for part in parts {
            let (next, behind) = rest.split_at(part as usize);
            list.push_all(next, Vec::clone).unwrap();
            rest = behind;
        }
        prop_assert_eq!(list.commitment(), streamed(&leaves).commitment());
    }
}

#[test]
fn an_inner_word_is_no_leaf_at_any_place_and_for_any_count() {
    let words = ListWords::of_leaves(leaves(7)).unwrap();
    let pair = [words.word(0, 0).unwrap(), words.word(0, 1).unwrap()].concat();
    let path = words.path(0).unwrap();
    for index in 0..9 {
        for from in 0..=path.len() {
            let inner = Opening { leaf: pair.clone(), path: path[from..].to_vec() };
            assert!(words.commitment().open(index, &inner).is_err(), "place {index}");
        }
    }
}

#[test]
fn no_leaves_and_the_zero_top_go_together() {
    assert_eq!(ListBuilder::default().commitment(), ListCommitment::default());
    assert!(!ListCommitment { top: B256::ZERO, count: 1 }.is_well_formed());
    assert!(!ListCommitment { top: B256::repeat_byte(1), count: 0 }.is_well_formed());
}

#[test]
fn a_gap_has_both_neighbours_but_at_the_ends() {
    for count in 0..9 {
        let words = ListWords::of_leaves(leaves(count)).unwrap();
        let list = words.commitment();
        for place in 0..=count {
            let left = place.checked_sub(1).map(|index| opening(&words, index));
            let right = (place < count).then(|| opening(&words, place));
            let gap = Gap { place, left: left.clone(), right: right.clone() };
            list.gap(&gap).unwrap();
            let ends = Err(Error::GapEnds { place, count });
            if left.is_some() {
                assert_eq!(list.gap(&Gap { left: None, ..gap.clone() }), ends);
            }
            if right.is_some() {
                assert_eq!(list.gap(&Gap { right: None, ..gap.clone() }), ends);
            }
            if left.is_some() && left != right {
                assert!(list.gap(&Gap { place, left: right, right: left }).is_err());
            }
        }
        let beyond = Gap { place: count + 1, ..Gap::default() };
        assert_eq!(list.gap(&beyond), Err(Error::NoSuchLeaf { index: count + 1, count }));
    }
}

proptest! {
    #[test]
    fn no_change_of_an_opening_opens(
        count in 1u32..200, at: prop::sample::Index, byte: prop::sample::Index, turn in 1u8..,
    ) {
        let words = ListWords::of_leaves(leaves(count)).unwrap();
        let index = u32::try_from(at.index(count as usize)).unwrap();
        let good = opening(&words, index);
        let list = words.commitment();
        prop_assert!(list.open(index, &good).is_ok());
        let mut leaf = good.clone();
        leaf.leaf[byte.index(good.leaf.len())] ^= turn;
        prop_assert!(list.open(index, &leaf).is_err());
        let mut longer = good.clone();
        longer.path.push(B256::ZERO);
        let needs = good.path.len();
        let refused = Err(Error::PathLength { expected: needs, got: needs + 1 });
        prop_assert_eq!(list.open(index, &longer), refused);
        if needs > 0 {
            let mut path = good.clone();
            path.path[at.index(needs)].0[byte.index(32)] ^= turn;
            prop_assert!(list.open(index, &path).is_err());
            let shorter = Opening { path: good.path[1..].to_vec(), ..good };
            prop_assert!(list.open(index, &shorter).is_err());
        }
    }

    #[test]
    fn any_cut_of_a_list_has_another_commitment(count in 1u32..200, drop: prop::sample::Index) {
        let mut cut = leaves(count);
        let whole = streamed(&cut).commitment();
        cut.remove(drop.index(cut.len()));
        prop_assert_ne!(streamed(&cut).commitment(), whole);
    }
}
