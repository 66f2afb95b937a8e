//! The two text formats of an exposition, and which of them a request asks for.

use std::collections::HashSet;

/// How an exposition is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// OpenMetrics 1.0, for whoever asks for nothing else.
    OpenMetrics,
    /// The text format 0.0.4 of Prometheus, which all of its relatives read.
    Classic,
}

impl Form {
    /// What the values of a request's `Accept` prefer. A type by its own name counts more than one of a range that is
    /// wanted as much; of two that are wanted alike, it is OpenMetrics.
    pub fn preferred<'a>(accept: impl Iterator<Item = &'a str>) -> Self {
        let ranges: Vec<Range<'_>> = accept
            .flat_map(|value| value.split(','))
            .map(Range::read)
            .collect();
        let wish = |media_type| {
            let wishes = ranges.iter().filter_map(|range| range.wish_for(media_type));
            // The narrowest range says how much (RFC 9110 section 12.5.1).
            let narrowest = wishes.max_by_key(|wish| (wish.precision, wish.thousandths));
            let wanted = narrowest.filter(|wish| wish.thousandths > 0);
            wanted.map(|wish| (wish.thousandths, wish.precision))
        };
        match wish("text/plain") > wish("application/openmetrics-text") {
            true => Self::Classic,
            false => Self::OpenMetrics,
        }
    }

    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// An OpenMetrics exposition in this form.
    pub fn write(self, exposition: String) -> String {
        match self {
            Self::OpenMetrics => exposition,
            Self::Classic => classic(&exposition),
        }
    }
}

/// One media range of an `Accept`.
struct Range<'a> {
    media_type: &'a str,
    thousandths: u16,
}

/// How much a media type is wanted, by a range that names it more or less precisely.
struct Wish {
    precision: u8,
    thousandths: u16,
}

impl<'a> Range<'a> {
    fn read(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        let quality = quality.map_or(Some(1.0), |quality| quality.parse::<f32>().ok());
        // What cannot be read is not wanted. The cast keeps to its range.
        let thousandths = (quality.unwrap_or(0.0).clamp(0.0, 1.0) * 1000.0).round() as u16;
        Self {
            media_type,
            thousandths,
        }
    }

    fn wish_for(&self, media_type: &str) -> Option<Wish> {
        let (kind, _) = media_type.split_once('/')?;
        let of_kind = self.media_type.strip_suffix("/*");
        let precision = match of_kind {
            None if self.media_type.eq_ignore_ascii_case(media_type) => 2,
            Some(wanted) if wanted.eq_ignore_ascii_case(kind) => 1,
            Some("*") => 0,
            _ => return None,
        };
        Some(Wish {
            precision,
            thousandths: self.thousandths,
        })
    }
}

/// OpenMetrics as the classic format has it: a counter is described by the name of its samples, and there are neither
/// units nor a mark of the end.
fn classic(exposition: &str) -> String {
    let described = |line| str::strip_prefix(line, "# TYPE ");
    let counters: HashSet<&str> = (exposition.lines().filter_map(described))
        .filter_map(|described| described.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(exposition.len());
    for line in exposition.lines() {
        match line.splitn(4, ' ').collect::<Vec<_>>()[..] {
            ["#", "EOF"] | ["#", "UNIT", ..] => continue,
            ["#", what, name, rest] if counters.contains(name) => {
                text.extend(["# ", what, " ", name, "_total ", rest]);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_the_one_that_is_wanted_more() {
        let prometheus = "application/openmetrics-text;version=1.0.0,\
            application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let protobuf_first = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;q=0.7,\
            text/plain;version=0.0.4;q=0.3, */*;q=0.1";
        for (accept, form) in [
            (&[][..], Form::OpenMetrics),
            (&["*/*"], Form::OpenMetrics),
            (&[prometheus], Form::OpenMetrics),
            (&[protobuf_first], Form::Classic),
            (&["text/plain"], Form::Classic),
            (&["Text/Plain; version=0.0.4"], Form::Classic),
            (&["application/json, text/plain, */*"], Form::Classic),
            (&["text/*;q=0.9", "*/*;q=0.1"], Form::Classic),
            (&["text/html", "*/*;q=0.8"], Form::OpenMetrics),
            (
                &["text/plain, application/openmetrics-text"],
                Form::OpenMetrics,
            ),
            (&["text/plain;q=0", "*/*"], Form::OpenMetrics),
            (&["text/plain;q=0"], Form::OpenMetrics),
            (
                &["application/openmetrics-text;q=0", "text/plain;q=0.1"],
                Form::Classic,
            ),
            (&["text/plain;q=much", "*/*;q=0.1"], Form::OpenMetrics),
            (&["", ";q=1", "text"], Form::OpenMetrics),
        ] {
            assert_eq!(Form::preferred(accept.iter().copied()), form, "{accept:?}");
        }
    }

    #[test]
    fn the_classic_form_names_counters_by_their_samples() {
        let open_metrics = "# HELP a_room_bytes Room.\n# TYPE a_room_bytes gauge\n# UNIT a_room_bytes bytes\n\
            a_room_bytes 3\n# HELP a_acts What was done.\n# TYPE a_acts counter\na_acts_total{act=\"x\"} 1\n# EOF\n";
        let classic = "# HELP a_room_bytes Room.\n# TYPE a_room_bytes gauge\na_room_bytes 3\n\
            # HELP a_acts_total What was done.\n# TYPE a_acts_total counter\na_acts_total{act=\"x\"} 1\n";
        assert_eq!(Form::Classic.write(open_metrics.into()), classic);
        assert_eq!(Form::OpenMetrics.write(open_metrics.into()), open_metrics);
    }
}
