//! What the search for findings has kept, looked at once more by every target.
//!
//! One test alone, because targets measure the memory of the whole process.

use std::{fs, path::Path};

use mokka_decoders::TARGETS;

#[test]
fn no_input_of_the_corpus_fails_or_takes_much_memory() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for target in TARGETS {
        let folder = corpus.join(target.name);
        let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        let mut paths: Vec<_> = files.map(|file| file.expect("listed").path()).collect();
        paths.sort();
        let (mut refused, mut taken) = (0, 0);
        for path in &paths {
            let bytes = fs::read(path).expect("readable");
            println!("{}", path.display());
            match target.look(&bytes) {
                Some(()) => taken += 1,
                None => refused += 1,
            }
        }
        assert!(taken > 0 && refused > 0, "{}: {taken} taken, {refused} refused", target.name);
    }
}
