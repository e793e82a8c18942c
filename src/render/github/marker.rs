//! The hidden marker that opens our pull-request comment, by which a later run finds and judges it, and the summary of
//! our check run, by which a re-run of the job identifies it.

use std::fmt::{self, Write};

use crate::text::ShortId;

/// What opens the hidden comment.
const START: &str = "<!-- ";
/// What its fields begin with; the number is their version.
const NAME: &str = "qatech-run:";
const VERSION: &str = "2";
/// How it ends.
const END: &str = " -->";
/// What stands between the fields and their MAC.
const MAC: &str = " mac=";
/// Bytes of a marker that names ids. One that would be longer names none.
pub const LONGEST: usize = 8 * 1024;

/// What a comment or a check run remembers of the run that wrote it.
///
/// Anyone can write a marker, so it is written with a MAC over all its fields and counts only where that is ours; see
/// `MarkerKey`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Hash of the comment's key.
    pub key: String,
    /// The head commit of the comment or check run; empty if it is not known.
    pub head_sha: String,
    /// `GITHUB_RUN_ID`.
    pub run_id: u64,
    /// `GITHUB_RUN_ATTEMPT`.
    pub attempt: u64,
    /// Hash of what was tested, which distinguishes legs with the same key; empty if it is not known.
    pub target: String,
    /// The latest attempt's short id for each plan, in the order of the input; `None` where there is none. Never empty
    /// when read back.
    pub short_ids: Vec<Option<ShortId>>,
}

impl Marker {
    /// All fields in their one form: what the MAC covers.
    pub fn fields(&self) -> String {
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
        format!(
            "{NAME}{VERSION} key={} sha={} run={run_id} attempt={attempt} target={} runs={}",
            encode(key),
            encode(head_sha),
            encode(target),
            ids.join(",")
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let fields = text.strip_prefix(NAME)?.strip_prefix(VERSION)?;
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
                        ShortId::new(decode(id)?).ok().map(Some)
                    }
                })
                .collect::<Option<_>>()?,
        };
        // What we would not have written so (`run=+1`, `%41`, a field too many) is not ours.
        (marker.fields() == text).then_some(marker)
    }

    /// The key in the marker at the start of a text, whatever its version and author. It can be used only to find out what the text
    /// was written for.
    pub fn unverified_key(text: &str) -> Option<String> {
        let (_version, fields) = text.strip_prefix(START)?.strip_prefix(NAME)?.split_once(' ')?;
        let key = fields.strip_prefix("key=")?;
        decode(key.split([' ', '\n']).next()?)
    }
}

/// A marker as it is written: its fields with their MAC, hidden in an HTML comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedMarker(String);

impl SignedMarker {
    /// Of a marker and the MAC over its [fields](Marker::fields), in hexadecimal digits.
    pub fn new(marker: &Marker, mac: &str) -> Self {
        Self(format!("{START}{}{MAC}{mac}{END}", marker.fields()))
    }

    /// Bytes of its text.
    pub fn length(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for SignedMarker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The marker that opens a text, before its MAC is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unverified<'a> {
    /// What the MAC must cover.
    pub fields: &'a str,
    /// The MAC as it was written.
    pub mac: &'a str,
}

impl<'a> Unverified<'a> {
    /// Reads the marker at the start of a text.
    pub fn opening(text: &'a str) -> Option<Self> {
        let start = text.get(..text.floor_char_boundary(LONGEST))?;
        let (inner, _) = start.strip_prefix(START)?.split_once(END)?;
        let (fields, mac) = inner.rsplit_once(MAC)?;
        Some(Self { fields, mac })
    }

    /// The fields, for use after the MAC was verified. `None` if the form is not exactly the one that this program writes.
    pub fn marker(self) -> Option<Marker> {
        Marker::parse(self.fields)
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

    fn short_id(text: &str) -> Option<ShortId> {
        ShortId::new(text).ok()
    }

    fn marker() -> Marker {
        Marker {
            key: "9f86d081884c7d65".into(),
            head_sha: "3f2a9c1d".into(),
            run_id: 4711,
            attempt: 2,
            target: "60303ae22b998861".into(),
            short_ids: vec![short_id("abc123"), None, short_id("run-x_1")],
        }
    }

    fn read(text: &str) -> Option<Marker> {
        Unverified::opening(text)?.marker()
    }

    #[test]
    fn a_marker_reads_as_it_was_written() {
        let text = SignedMarker::new(&marker(), "00ff").to_string();
        assert_eq!(
            text,
            "<!-- qatech-run:2 key=9f86d081884c7d65 sha=3f2a9c1d run=4711 attempt=2 target=60303ae22b998861 \
             runs=abc123,,run%2Dx_1 mac=00ff -->"
        );
        let body = format!("{text}\n## Body <!-- x mac=1 -->");
        assert_eq!(read(&body), Some(marker()));
        assert_eq!(Unverified::opening(&body).map(|read| read.mac), Some("00ff"));
    }

    #[test]
    fn what_we_would_not_have_written_is_none() {
        let good = SignedMarker::new(&marker(), "00ff").to_string();
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
            good.replace(":2", ":1"),
            good.replace(" mac=00ff", ""),
            good.replace(" -->", "-->"),
            good.replace("key=", "KEY="),
            String::new(),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }

    #[test]
    fn the_key_is_read_from_what_is_left_of_a_marker() {
        let good = SignedMarker::new(&marker(), "00ff").to_string();
        for left in [
            good.clone(),
            good.replace(":2", ":1"),
            good.replace(" sha=", "\n"),
            good.replace("mac=", ""),
        ] {
            assert_eq!(Marker::unverified_key(&left), Some(marker().key), "{left}");
        }
        for other in [
            format!(" {good}"),
            good.replace("key=", "run="),
            "<!-- qatech-run".to_owned(),
            String::new(),
        ] {
            assert_eq!(Marker::unverified_key(&other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_marker_survives_and_stays_hidden(
            key in hostile(), sha in hostile(), target in hostile(), run_id in any::<u64>(), attempt in any::<u64>(),
            ids in prop::collection::vec(prop::option::of("(?s).{1,8}"), 1..4),
        ) {
            let short_ids = ids.into_iter().map(|id| short_id(&id?)).collect();
            let marker = Marker { key, head_sha: sha, run_id, attempt, target, short_ids };
            let signed = SignedMarker::new(&marker, "00ff");
            let text = signed.to_string();
            if signed.length() <= LONGEST {
                prop_assert_eq!(read(&text), Some(marker.clone()));
            }
            prop_assert_eq!(Marker::unverified_key(&text), Some(marker.key));
            let found = parse(&format!("{text}\n\nafter"));
            prop_assert_eq!(found.text, ["after"]);
            prop_assert_eq!(tags(&found.html).len(), 1);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in hostile()) {
            for text in [format!("{START}{NAME}{VERSION} key={text}"), text] {
                let _ = read(&text);
                let _ = Marker::unverified_key(&text);
            }
        }
    }
}
