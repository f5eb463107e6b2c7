//! §2: how many votes are enough.

use mokka_types::{CrashModel, Quorum};

/// §2: `q = ⌈(n + b + 1) / 2⌉`, written out by hand for the sizes people run.
#[test]
fn quorums_are_those_of_the_table() {
    let cft = [1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7];
    let bft = [1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 8, 9];
    for (at, (cft, bft)) in cft.into_iter().zip(bft).enumerate() {
        let n = at + 1;
        assert_eq!(Quorum::new(CrashModel::Cft, n).votes(), cft, "cft {n}");
        assert_eq!(Quorum::new(CrashModel::Bft, n).votes(), bft, "bft {n}");
    }
}

/// §2: two quorums share an honest validator, one more vote than needed is never asked, and the
/// honest ones are enough, for n = 1..31 in both models.
#[test]
fn two_quorums_share_more_than_the_liars_and_the_honest_suffice() {
    for n in 1..=31 {
        for model in [CrashModel::Cft, CrashModel::Bft] {
            let quorum = Quorum::new(model, n);
            let (q, b) = (quorum.votes(), quorum.byzantine());
            assert_eq!(b, if model == CrashModel::Bft { (n - 1) / 3 } else { 0 });
            let shared = |q: usize| (2 * q).saturating_sub(n);
            assert!(shared(q) > b, "{model} {n}: two quorums may share only liars");
            assert!(shared(q - 1) <= b, "{model} {n}: {q} is more than needed");
            assert!(n - b >= q, "{model} {n}: the honest are no quorum");
            assert_eq!(quorum.crashes(), n - q);
            assert!(quorum.is_reached_by(q) && !quorum.is_reached_by(q - 1));
        }
    }
}
