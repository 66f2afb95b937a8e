//! Damage that spreadsheets do to text on its way into a file: the marks they put around it, and what they make of text
//! that looks like a number or a date.

/// What a cell means, as its column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The text stands there as it is.
    None,
    /// `="0012345"`: a formula whose value is the text.
    Formula,
    /// `'0012345`: the sign for text, as it is typed into a cell.
    Apostrophe,
}

/// The text of a cell without the mark around it, and which mark that was.
pub fn unmarked(text: &str) -> (&str, Mark) {
    let formula = text
        .strip_prefix("=\"")
        .and_then(|rest| rest.strip_suffix('"'));
    match (formula, text.strip_prefix('\'')) {
        (Some(inner), _) if !inner.contains('"') => (inner, Mark::Formula),
        (_, Some(inner)) => (inner, Mark::Apostrophe),
        _ => (text, Mark::None),
    }
}

/// Why nobody can tell any more what stood in a cell.
pub fn ruined(text: &str) -> Option<&'static str> {
    const ERRORS: [&str; 8] = [
        "#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!",
    ];
    let is_error = ERRORS.iter().any(|error| error.eq_ignore_ascii_case(text))
        || (text.len() >= 2 && text.bytes().all(|byte| byte == b'#'));
    if is_error {
        return Some(
            "the spreadsheet has put its sign for an error there, or for a column that is too narrow",
        );
    }
    is_shortened(text).then_some(
        "the spreadsheet has shortened a long number, and its last digits are lost; format the column as text and enter \
         them again",
    )
}

/// `3,17503E+15`: a long number as spreadsheets show it.
fn is_shortened(text: &str) -> bool {
    let Some((number, exponent)) = text.split_once("E+").or(text.split_once("e+")) else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    digits(whole) && digits(part) && digits(exponent)
}

/// What a text that could be meant as it stands looks like all the same.
pub fn suspicion(text: &str) -> Option<&'static str> {
    if is_rounded(text) {
        Some(
            "spreadsheets keep 15 digits of a number and make the others zero, which two people may then share; if this \
             is not how it was given out, format the column as text and enter it again",
        )
    } else if is_date(text) {
        Some("it looks like a date that a spreadsheet has made of something else")
    } else if is_fraction(text) {
        Some("it looks like a number whose .0 a program has added")
    } else {
        None
    }
}

/// Digits that a spreadsheet keeps of a number.
const KEPT_DIGITS: usize = 15;

/// Whether only zeros come after the digits that a spreadsheet keeps.
pub fn is_rounded(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > KEPT_DIGITS
        && bytes[..KEPT_DIGITS].iter().all(u8::is_ascii_digit)
        && bytes[KEPT_DIGITS..].iter().all(|byte| *byte == b'0')
}

fn is_fraction(text: &str) -> bool {
    let digits = text.strip_suffix(".0").or(text.strip_suffix(",0"));
    digits.is_some_and(|text| text.len() >= 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `1-Mar`, `Mar-24`, `01/03/2024`, `2024-03-01`.
pub fn is_date(text: &str) -> bool {
    // English and Indonesian, as both write them short.
    const MONTHS: [&str; 17] = [
        "jan", "feb", "mar", "apr", "mei", "may", "jun", "jul", "agu", "agt", "aug", "sep", "okt",
        "oct", "nov", "des", "dec",
    ];
    let parts: Vec<&str> = text.split(['-', '/', '.', ' ']).collect();
    let number = |text: &str| match text.len() {
        1 | 2 | 4 => text.parse::<u32>().ok(),
        _ => None,
    };
    let is_month = |text: &&str| MONTHS.iter().any(|month| month.eq_ignore_ascii_case(text));
    let named = parts.iter().filter(|part| is_month(part)).count();
    let numbers: Vec<u32> = parts.iter().filter_map(|part| number(part)).collect();
    if !(2..=3).contains(&parts.len()) || named + numbers.len() != parts.len() {
        return false;
    }
    let either = |first, second| is_day_of(first, second) || is_day_of(second, first);
    match (named, numbers.as_slice()) {
        (1, _) => true,
        (0, [1900..=2199, month, day]) => is_day_of(*day, *month),
        (0, [first, second, _]) => parts[2].len() != 1 && either(*first, *second),
        // Two numbers are a date only with the stroke that no User ID has.
        (0, [first, second]) => text.contains('/') && either(*first, *second),
        _ => false,
    }
}

fn is_day_of(day: u32, month: u32) -> bool {
    (1..=31).contains(&day) && (1..=12).contains(&month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_off_whole_or_not_at_all() {
        for (text, meant) in [
            ("=\"0012345\"", ("0012345", Mark::Formula)),
            ("'0012345", ("0012345", Mark::Apostrophe)),
            ("0012345", ("0012345", Mark::None)),
            ("=0012345", ("=0012345", Mark::None)),
            ("=\"a\"&\"b\"", ("=\"a\"&\"b\"", Mark::None)),
            ("=\"", ("=\"", Mark::None)),
            ("=\"\"", ("", Mark::Formula)),
            ("'", ("", Mark::Apostrophe)),
            ("", ("", Mark::None)),
        ] {
            assert_eq!(unmarked(text), meant, "{text}");
        }
    }

    #[test]
    fn what_is_lost_is_known_by_its_form() {
        for text in [
            "3,17503E+15",
            "1.97503e+17",
            "2E+17",
            "#N/A",
            "#ref!",
            "########",
        ] {
            assert!(ruined(text).is_some(), "{text}");
        }
        for text in [
            "3175031234567890",
            "PPK30",
            "12E5",
            "A1,5E+17",
            "E+",
            "1,E+5",
            "1.5E+",
            "#1",
            "#",
            "CV #REF",
        ] {
            assert!(ruined(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_looks_rounded_a_date_or_a_fraction_is_suspicious() {
        for text in [
            "3175031234567890",
            "197503121998031000",
            "1-MAR",
            "01-Mar-2024",
            "MAR-24",
            "Agu-20",
            "2024-03-01",
            "01-03-2024",
            "3/1/24",
            "1/3",
            "01.03.2024",
            "12345.0",
        ] {
            assert!(suspicion(text).is_some(), "{text}");
        }
        for text in [
            "3175031234567891",
            "317503123456000",
            "197503121998031001",
            "PPK30",
            "MARET",
            "1-MARET",
            "PPK-MAR-24",
            "01-03",
            "12.5",
            "2024",
            "99-99-9999",
            "123-45-67",
            "1.0",
            "A.0",
            "2024-03-01-1",
            "",
        ] {
            assert!(suspicion(text).is_none(), "{text}");
        }
    }
}
