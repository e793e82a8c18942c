//! What the fuzz targets hold for their bytes, held here for the committed corpora and for random bytes and texts.

#[path = "../../fuzz/src/lib.rs"]
mod properties;

use proptest::prelude::*;

type Property = fn(&[u8]);

const TARGETS: [(&str, Property); 9] = [
    ("event", properties::event),
    ("api_body", properties::api_body),
    ("overrides", properties::overrides),
    ("annotation_paths", properties::annotation_paths),
    ("inputs", properties::inputs),
    ("history", properties::history),
    ("read_back", properties::read_back),
    ("escapers", properties::escapers),
    ("renderers", properties::renderers),
];

/// The committed inputs of a target.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn every_target_has_a_corpus_and_holds_for_it() {
    for (target, property) in TARGETS {
        let corpus = corpus(target);
        assert!(corpus.len() >= 2, "{target}");
        for bytes in corpus {
            property(&bytes);
        }
    }
}

#[test]
fn every_target_is_a_binary() {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/Cargo.toml")).unwrap();
    for (target, _) in TARGETS {
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")),
            "{target}"
        );
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
}

/// An input of the corpus with a few bytes changed, cut out or put in, as a fuzzer begins.
fn mutated() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let inputs: Vec<(usize, Vec<u8>)> = TARGETS
        .iter()
        .enumerate()
        .flat_map(|(index, (target, _))| corpus(target).into_iter().map(move |bytes| (index, bytes)))
        .collect();
    let piece = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        ".{0,8}".prop_map(String::into_bytes)
    ];
    let change = (any::<prop::sample::Index>(), 0_usize..8, piece);
    (prop::sample::select(inputs), proptest::collection::vec(change, 1..6)).prop_map(
        |((target, mut bytes), changes)| {
            for (place, removed, piece) in changes {
                let at = place.index(bytes.len() + 1);
                let end = (at + removed).min(bytes.len());
                bytes.splice(at..end, piece);
            }
            (target, bytes)
        },
    )
}

proptest! {
    // Each case renders a dozen documents.
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_a_property(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        for (_, property) in TARGETS {
            property(&data);
        }
    }

    #[test]
    fn no_text_breaks_a_property(text in "\\PC{0,100}") {
        for (_, property) in TARGETS {
            property(text.as_bytes());
        }
    }

}

proptest! {
    #[test]
    fn nothing_like_the_corpus_breaks_a_property((target, data) in mutated()) {
        TARGETS[target].1(&data);
    }
}
