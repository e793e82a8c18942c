//! The hidden marker that opens our pull-request comment, by which a later run finds and judges it, and the summary of
//! our check run, by which a re-run of the job knows what it was of.

use std::fmt::{self, Write};

/// How a marker begins; the number is its version.
const START: &str = "<!-- qatech-run:1";
/// How it ends.
const END: &str = " -->";
/// No marker of ours is longer: text beyond is not looked at.
const LONGEST: usize = 32 * 1024;

/// What a comment or a check run remembers of the run that wrote it.
///
/// Anyone can write a marker, so what is read counts only in a comment of our own author (see the contract).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Hash of the comment's key.
    pub key: String,
    /// The head commit that the comment speaks of; empty in a check run, which stands on it.
    pub head_sha: String,
    /// `GITHUB_RUN_ID`.
    pub run_id: u64,
    /// `GITHUB_RUN_ATTEMPT`.
    pub attempt: u64,
    /// Hash of what was tested, which tells legs apart that share the key; empty where it is not known.
    pub target: String,
    /// The latest attempt's short id for each plan, in the order of the input; `None` where there is none. Never empty
    /// when read back.
    pub short_ids: Vec<Option<String>>,
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            head_sha,
            run_id,
            attempt,
            target,
            short_ids,
        } = self;
        let ids: Vec<_> = short_ids
            .iter()
            .map(|id| encode(id.as_deref().unwrap_or_default()))
            .collect();
        write!(
            f,
            "{START} key={} sha={} run={run_id} attempt={attempt} target={} runs={}{END}",
            encode(key),
            encode(head_sha),
            encode(target),
            ids.join(",")
        )
    }
}

impl Marker {
    /// The marker that opens a comment's body. Anything but the very form that we write is none.
    pub fn parse(body: &str) -> Option<Self> {
        let start = body.get(..body.floor_char_boundary(LONGEST))?;
        let (fields, _) = start.strip_prefix(START)?.split_once(END)?;
        let mut fields = fields.strip_prefix(' ')?.split(' ');
        let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
        let marker = Self {
            key: decode(field("key")?)?,
            head_sha: decode(field("sha")?)?,
            run_id: field("run")?.parse().ok()?,
            attempt: field("attempt")?.parse().ok()?,
            target: decode(field("target")?)?,
            short_ids: field("runs")?
                .split(',')
                .map(|id| {
                    if id.is_empty() {
                        Some(None)
                    } else {
                        decode(id).map(Some)
                    }
                })
                .collect::<Option<_>>()?,
        };
        // What we would not have written so (`run=+1`, `%41`, a field too many) is not ours.
        body.starts_with(&marker.to_string()).then_some(marker)
    }
}

/// Percent-encodes all but letters, digits, `_` and `.`: nothing can end the comment or a field.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' {
            out.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::gfm_check::{hostile, parse, tags};
    use proptest::prelude::*;

    fn marker() -> Marker {
        Marker {
            key: "9f86d081884c7d65".into(),
            head_sha: "3f2a9c1d".into(),
            run_id: 4711,
            attempt: 2,
            target: "60303ae22b998861".into(),
            short_ids: vec![Some("abc123".into()), None, Some("run-x_1".into())],
        }
    }

    #[test]
    fn a_marker_reads_as_it_was_written() {
        let text = marker().to_string();
        assert_eq!(
            text,
            "<!-- qatech-run:1 key=9f86d081884c7d65 sha=3f2a9c1d run=4711 attempt=2 target=60303ae22b998861 \
             runs=abc123,,run%2Dx_1 -->"
        );
        assert_eq!(Marker::parse(&format!("{text}\n## Body <!-- x -->")), Some(marker()));
    }

    #[test]
    fn what_we_would_not_have_written_is_none() {
        let good = marker().to_string();
        for bad in [
            format!(" {good}"),
            format!("\n{good}"),
            good.replace("run=4711", "run=+4711"),
            good.replace("run=4711", "run=04711"),
            good.replace("attempt=2", "attempt=2 attempt=3"),
            good.replace("attempt=2", "attempt=two"),
            good.replace("abc123", "%61bc123"),
            good.replace("abc123", "abc%"),
            good.replace("%2D", "%2d"),
            good.replace(":1", ":2"),
            good.replace(" -->", "-->"),
            good.replace("key=", "KEY="),
            String::new(),
        ] {
            assert_eq!(Marker::parse(&bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_marker_survives_and_stays_hidden(
            key in hostile(), sha in hostile(), target in hostile(), run_id in any::<u64>(), attempt in any::<u64>(),
            ids in prop::collection::vec(prop::option::of("(?s).{1,8}"), 1..4),
        ) {
            let marker = Marker { key, head_sha: sha, run_id, attempt, target, short_ids: ids };
            let text = marker.to_string();
            prop_assert_eq!(Marker::parse(&text), Some(marker));
            let found = parse(&format!("{text}\n\nafter"));
            prop_assert_eq!(found.text, ["after"]);
            prop_assert_eq!(tags(&found.html).len(), 1);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in hostile()) {
            let _ = Marker::parse(&format!("{START} key={text}"));
            let _ = Marker::parse(&text);
        }
    }
}
