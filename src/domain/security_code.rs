//! The *Kode Keamanan*: six characters that a person reads from a picture, so that a script cannot send a form as fast
//! as it likes.
//!
//! It slows scripts down and stops nobody determined: the limits per account and per source do that. So wherever the
//! two disagree, the picture is easy to read rather than hard to recognise. The characters are in two places only: as
//! shapes in the [`Picture`] and as the answer in the [`Challenge`].

use std::{fmt, time::Duration};

use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// The characters of a code.
pub const LENGTH: usize = 6;

/// Random bytes that choose the characters.
const TEXT_BYTES: usize = size_of::<u128>();

/// Random bytes that place and bend them; a test sees to it that they suffice.
const DRAWING_BYTES: usize = 64;

/// What was drawn, and until when it counts. It cannot be cloned, so one picture is one guess.
pub struct Challenge {
    text: Zeroizing<[u8; LENGTH]>,
    until: Duration,
}

impl Challenge {
    /// How much randomness one challenge takes.
    pub const RANDOM_BYTES: usize = TEXT_BYTES + DRAWING_BYTES;

    /// How long an answer is accepted: enough to ask somebody else to read it.
    pub const GOOD_FOR: Duration = Duration::from_secs(120);

    /// A code and its picture, at `now` on a monotonic clock.
    pub fn new(random: &[u8; Self::RANDOM_BYTES], now: Duration) -> (Self, Picture) {
        let (for_text, for_drawing) = random.split_at(TEXT_BYTES);
        let characters = choose(for_text);
        let challenge = Self {
            text: Zeroizing::new(characters.map(|character| character.symbol)),
            until: now.saturating_add(Self::GOOD_FOR),
        };
        (
            challenge,
            Picture::draw(characters, &mut Chance(for_drawing.iter())),
        )
    }

    /// Whether `typed` is what was drawn, and in time. Uses the challenge up: a second guess needs a new picture.
    ///
    /// Spaces are dropped, small letters count as capitals and full-width ones as plain ones.
    pub fn accepts(self, typed: &str, now: Duration) -> bool {
        let Some(typed) = folded(typed) else {
            return false;
        };
        bool::from(typed.ct_eq(&*self.text)) && now < self.until
    }

    /// What a person would read from the picture.
    #[cfg(test)]
    pub fn answer_for_tests(&self) -> &str {
        std::str::from_utf8(&*self.text).unwrap()
    }
}

/// The answer is in the picture and nowhere else, so in no log either.
impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge")
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// Six characters from one large number. As 20^6 does not divide 2^128, some codes are likelier than others, by less
/// than one part in 2^100.
fn choose(random: &[u8]) -> [&'static Character; LENGTH] {
    let mut number = random
        .iter()
        .fold(0, |number: u128, byte| number << 8 | u128::from(*byte));
    let characters = ALPHABET.len() as u128;
    std::array::from_fn(|_| {
        let chosen = number % characters;
        number /= characters;
        &ALPHABET[chosen as usize]
    })
}

/// `typed` in the form in which codes are compared; `None` when it has another length than a code.
fn folded(typed: &str) -> Option<Zeroizing<[u8; LENGTH]>> {
    // Bounded before it is normalised, so that a pasted novel costs nothing.
    const LONGEST: usize = 16 * LENGTH;
    if typed.len() > LONGEST {
        return None;
    }
    let mut text = Zeroizing::new([0; LENGTH]);
    let mut length = 0;
    for c in typed.nfkc().filter(|c| !c.is_whitespace()) {
        // What is not ASCII is in no code, and neither is zero.
        *text.get_mut(length)? = u8::try_from(c).map_or(0, |c| c.to_ascii_uppercase());
        length += 1;
    }
    (length == LENGTH).then_some(text)
}

/// A character that codes are made of, and the strokes it is written with.
struct Character {
    symbol: u8,
    strokes: &'static [Stroke],
}

/// A stroke from corner to corner, each so far right of and below the upper left corner of a character that is
/// `WIDE` wide and `HIGH` high.
type Stroke = &'static [(u8, u8)];

const WIDE: u8 = 8;
const HIGH: u8 = 12;

/// Capitals and digits of which no two look alike, however they lean: none of 0 O Q D, 1 I L, 2 Z, 5 S, 8 B, G (a 6)
/// and U V.
///
/// They are written with strokes and not taken from a bitmap font, because a stroke stays two pixels thick however the
/// character is bent; the M and the W of an 8x8 font clog into blots at this size.
#[rustfmt::skip] // A character a line reads like the table it is.
const ALPHABET: [Character; 20] = [
    character(b'A', &[&[(0, 12), (3, 0), (5, 0), (8, 12)], &[(1, 8), (7, 8)]]),
    character(b'C', &[&[(8, 2), (6, 0), (2, 0), (0, 3), (0, 9), (2, 12), (6, 12), (8, 10)]]),
    character(b'E', &[&[(8, 0), (0, 0), (0, 12), (8, 12)], &[(0, 6), (6, 6)]]),
    character(b'F', &[&[(8, 0), (0, 0), (0, 12)], &[(0, 6), (5, 6)]]),
    character(b'H', &[&[(0, 0), (0, 12)], &[(8, 0), (8, 12)], &[(0, 6), (8, 6)]]),
    character(b'J', &[&[(7, 0), (7, 9), (5, 12), (2, 12), (0, 9)]]),
    character(b'K', &[&[(0, 0), (0, 12)], &[(8, 0), (0, 7)], &[(2, 5), (8, 12)]]),
    character(b'M', &[&[(0, 12), (0, 0), (4, 7), (8, 0), (8, 12)]]),
    character(b'N', &[&[(0, 12), (0, 0), (8, 12), (8, 0)]]),
    character(b'P', &[&[(0, 12), (0, 0), (6, 0), (8, 2), (8, 5), (6, 7), (0, 7)]]),
    character(b'R', &[&[(0, 12), (0, 0), (6, 0), (8, 2), (8, 4), (6, 6), (0, 6)], &[(4, 6), (8, 12)]]),
    character(b'T', &[&[(0, 0), (8, 0)], &[(4, 0), (4, 12)]]),
    character(b'W', &[&[(0, 0), (0, 12), (4, 5), (8, 12), (8, 0)]]),
    character(b'X', &[&[(0, 0), (8, 12)], &[(8, 0), (0, 12)]]),
    character(b'Y', &[&[(0, 0), (4, 6), (8, 0)], &[(4, 6), (4, 12)]]),
    character(b'3', &[
        &[(0, 1), (2, 0), (6, 0), (8, 2), (8, 4), (6, 6), (3, 6)],
        &[(6, 6), (8, 8), (8, 10), (6, 12), (2, 12), (0, 11)],
    ]),
    character(b'4', &[&[(6, 12), (6, 0), (0, 8), (8, 8)]]),
    character(b'6', &[
        &[(7, 0), (3, 0), (0, 5), (0, 10), (2, 12), (6, 12), (8, 10), (8, 8), (6, 6), (2, 6), (0, 8)],
    ]),
    character(b'7', &[&[(0, 0), (8, 0), (2, 12)]]),
    character(b'9', &[
        &[(1, 12), (5, 12), (8, 7), (8, 2), (6, 0), (2, 0), (0, 2), (0, 4), (2, 6), (6, 6), (8, 4)],
    ]),
];

const fn character(symbol: u8, strokes: &'static [Stroke]) -> Character {
    Character { symbol, strokes }
}

/// A picture of lit and unlit pixels: the characters of a code, each bent in its own way, with scratches between them.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub struct Picture {
    /// From top to bottom; the lowest bit of each is the leftmost pixel.
    rows: [u64; Self::HEIGHT as usize],
    middle: u16,
}

impl Picture {
    /// In pixels, of which two, one above the other, make a terminal cell.
    pub const WIDTH: u16 = 60;
    pub const HEIGHT: u16 = 14;

    /// The most pixels that either half is wide.
    pub const WIDEST_HALF: u16 = 36;

    /// Scratches, each across a gap between two characters: so neighbours touch, and cutting the picture into
    /// characters takes more than looking for empty columns. Further in they would be taken for strokes.
    const SCRATCHES: usize = 2;

    /// Single pixels, anywhere.
    const SPECKS: usize = 4;

    /// Whether a pixel is lit. None is outside the picture.
    pub fn is_lit(&self, x: u16, y: u16) -> bool {
        let row = self.rows.get(usize::from(y));
        x < Self::WIDTH && row.is_some_and(|row| row >> x & 1 == 1)
    }

    /// Where the second half begins, if the picture is cut in two between its third and its fourth character. It tells a
    /// script one gap of five.
    pub fn middle(&self) -> u16 {
        self.middle
    }

    fn draw(characters: [&Character; LENGTH], chance: &mut Chance<'_>) -> Self {
        let written = Written::side_by_side(characters, chance);
        let mut picture = Self {
            rows: [0; Self::HEIGHT as usize],
            middle: middle(&written),
        };
        for character in &written {
            picture.ink(|at| character.covers(at));
        }
        for _ in 0..Self::SCRATCHES {
            let (from, to) = scratch(&written, chance);
            picture.ink(|at| distance(at, from, to) <= 0.5);
        }
        for _ in 0..Self::SPECKS {
            let speck = Point {
                x: chance.between(0.0, f32::from(Self::WIDTH)),
                y: chance.between(0.0, f32::from(Self::HEIGHT)),
            };
            picture.ink(|at| (at.x - speck.x).abs() < 0.5 && (at.y - speck.y).abs() < 0.5);
        }
        picture
    }

    /// Lights every pixel whose middle is covered.
    fn ink(&mut self, is_covered: impl Fn(Point) -> bool) {
        for (y, row) in (0..Self::HEIGHT).zip(&mut self.rows) {
            for x in 0..Self::WIDTH {
                let middle = Point {
                    x: f32::from(x) + 0.5,
                    y: f32::from(y) + 0.5,
                };
                if is_covered(middle) {
                    *row |= 1 << x;
                }
            }
        }
    }
}

/// Pixels are the answer in another spelling.
impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}x{})", Self::WIDTH, Self::HEIGHT)
    }
}

/// A place in the picture, in pixels from its upper left corner.
#[derive(Clone, Copy)]
struct Point {
    x: f32,
    y: f32,
}

/// Random bytes as numbers in a range.
struct Chance<'a>(std::slice::Iter<'a, u8>);

impl Chance<'_> {
    fn between(&mut self, least: f32, most: f32) -> f32 {
        let byte = self.0.next().copied().unwrap_or_default();
        least + (most - least) * f32::from(byte) / f32::from(u8::MAX)
    }
}

/// A character as it stands in the picture: moved, stretched, leaning, tilted and bent, each by chance.
struct Written {
    strokes: &'static [Stroke],
    middle: Point,
    /// Pixels for one step from corner to corner, to the right and downwards.
    stretch: (f32, f32),
    /// Pixels to the right for every pixel upwards.
    lean: f32,
    /// Pixels downwards for every pixel to the right.
    tilt: f32,
    /// How far the waist stands out to the right of head and foot, in pixels.
    bend: f32,
}

impl Written {
    /// Half the thickness of a stroke, in pixels.
    const PEN: f32 = 1.0;

    /// Characters of chance widths with chance gaps between them, so that no column is always the middle of one.
    fn side_by_side(characters: [&Character; LENGTH], chance: &mut Chance<'_>) -> [Self; LENGTH] {
        let mut written = characters.map(|character| Self::new(character, chance));
        let gaps: [f32; LENGTH + 1] = std::array::from_fn(|_| chance.between(0.35, 1.0));
        let ink: f32 = written.iter().map(Self::width).sum();
        let share = (f32::from(Picture::WIDTH) - ink) / gaps.iter().sum::<f32>();
        let mut right = 0.0;
        for (character, gap) in written.iter_mut().zip(gaps) {
            let left = right + share * gap;
            right = left + character.width();
            character.middle.x = (left + right) / 2.0;
        }
        written
    }

    /// The ranges are as wide as they can be while every character is read at first sight.
    fn new(character: &Character, chance: &mut Chance<'_>) -> Self {
        Self {
            strokes: character.strokes,
            middle: Point {
                x: 0.0,
                y: f32::from(Picture::HEIGHT) / 2.0 + chance.between(-0.8, 0.8),
            },
            stretch: (chance.between(0.66, 0.84), chance.between(0.78, 0.95)),
            lean: chance.between(-0.12, 0.16),
            tilt: chance.between(-0.12, 0.12),
            bend: chance.between(-0.8, 0.8),
        }
    }

    /// The columns that it takes, in pixels.
    fn width(&self) -> f32 {
        let upright = f32::from(WIDE) * self.stretch.0 + 2.0 * Self::PEN;
        upright + self.lean.abs() * f32::from(HIGH) * self.stretch.1
    }

    fn covers(&self, at: Point) -> bool {
        // The place is taken back to where it would be if the character stood upright.
        let x = at.x - self.middle.x;
        let y = at.y - self.middle.y - self.tilt * x;
        let waist = 1.0 - (y / f32::from(HIGH / 2)).powi(2);
        let upright = Point {
            x: x + self.lean * y - self.bend * waist,
            y,
        };
        self.strokes
            .iter()
            .flat_map(|stroke| stroke.windows(2))
            .any(|ends| distance(upright, self.corner(ends[0]), self.corner(ends[1])) <= Self::PEN)
    }

    /// A corner of a stroke, seen from the middle of the character.
    fn corner(&self, (x, y): (u8, u8)) -> Point {
        Point {
            x: (f32::from(x) - f32::from(WIDE / 2)) * self.stretch.0,
            y: (f32::from(y) - f32::from(HIGH / 2)) * self.stretch.1,
        }
    }
}

/// The column in the middle of the gap between the two halves of a code.
fn middle(written: &[Written; LENGTH]) -> u16 {
    let [.., left, right, _, _] = written;
    let left = left.middle.x + left.width() / 2.0;
    let right = right.middle.x - right.width() / 2.0;
    let middle = ((left + right) / 2.0).round() as u16;
    middle.clamp(Picture::WIDTH - Picture::WIDEST_HALF, Picture::WIDEST_HALF)
}

/// The two ends of a short thin line across one of the gaps between characters.
fn scratch(written: &[Written; LENGTH], chance: &mut Chance<'_>) -> (Point, Point) {
    let gap = chance.between(0.0, (LENGTH - 1) as f32 - 0.01) as usize;
    let x = (written[gap].middle.x + written[gap + 1].middle.x) / 2.0 + chance.between(-0.5, 0.5);
    let y = chance.between(2.0, f32::from(Picture::HEIGHT) - 2.0);
    let run = chance.between(2.0, 3.0);
    // Steeper than any bar of a character.
    let steepness = chance.between(-0.8, 0.8);
    let rise = run * (steepness + 0.6_f32.copysign(steepness));
    let end = |side: f32| Point {
        x: x + side * run,
        y: y + side * rise,
    };
    (end(-1.0), end(1.0))
}

/// How far a place is from the nearest point of the line between two different others.
fn distance(at: Point, from: Point, to: Point) -> f32 {
    let line = (to.x - from.x, to.y - from.y);
    let way = (at.x - from.x, at.y - from.y);
    let along = (way.0 * line.0 + way.1 * line.1) / (line.0 * line.0 + line.1 * line.1);
    let along = along.clamp(0.0, 1.0);
    (way.0 - along * line.0).hypot(way.1 - along * line.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many inputs as wanted, the same in every run: SplitMix64.
    fn random_inputs() -> impl Iterator<Item = [u8; Challenge::RANDOM_BYTES]> {
        let mut state = 0_u64;
        let mut next = move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ mixed >> 31
        };
        std::iter::repeat_with(move || std::array::from_fn(|_| (next() >> 56) as u8))
    }

    /// The same one every time.
    fn challenge() -> Challenge {
        let random = random_inputs().next().unwrap();
        Challenge::new(&random, Duration::from_secs(1_000)).0
    }

    const IN_TIME: Duration = Duration::from_secs(1_030);

    fn full_width(text: &str) -> String {
        let wide = |c: char| char::from_u32(u32::from(c) - 0x21 + 0xff01).unwrap();
        text.chars().map(wide).collect()
    }

    #[test]
    fn no_two_characters_look_alike() {
        let symbols = ALPHABET.map(|character| character.symbol);
        for symbol in b"0OQD1IL2Z5S8BGUV" {
            assert!(!symbols.contains(symbol), "{}", char::from(*symbol));
        }
        for (place, symbol) in symbols.iter().enumerate() {
            assert!(symbol.is_ascii_uppercase() || symbol.is_ascii_digit());
            assert!(!symbols[..place].contains(symbol));
        }
    }

    #[test]
    fn the_code_is_accepted_however_it_is_typed() {
        let answer = challenge().answer_for_tests().to_owned();
        let small = answer.to_lowercase();
        for typed in [
            answer.clone(),
            small.clone(),
            full_width(&answer),
            full_width(&small),
            format!(
                "  {} {}\u{3000}{} \n",
                &answer[..2],
                &small[2..3],
                &answer[3..]
            ),
        ] {
            assert!(challenge().accepts(&typed, IN_TIME), "typed {typed:?}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let answer = challenge().answer_for_tests().to_owned();
        let last_replaced = |by: &str| format!("{}{by}", &answer[..LENGTH - 1]);
        let other = if answer.ends_with('A') { "C" } else { "A" };
        for typed in [
            String::new(),
            "      ".to_owned(),
            last_replaced(""),
            last_replaced(other),
            last_replaced("\0"),
            last_replaced("é"),
            format!("{answer}{other}"),
            answer.repeat(2),
            answer.chars().rev().collect(),
            answer.repeat(100_000),
            format!("{answer}{}", " ".repeat(1_000_000)),
        ] {
            let shown: String = typed.chars().take(20).collect();
            assert!(!challenge().accepts(&typed, IN_TIME), "typed {shown:?}");
        }
    }

    #[test]
    fn an_answer_counts_for_two_minutes() {
        let answer = challenge().answer_for_tests().to_owned();
        let drawn = Duration::from_secs(1_000);
        let end = drawn + Challenge::GOOD_FOR;
        for (now, accepted) in [
            (drawn, true),
            (end - Duration::from_nanos(1), true),
            (end, false),
            (end + Duration::from_secs(1), false),
            (Duration::MAX, false),
        ] {
            assert_eq!(challenge().accepts(&answer, now), accepted, "{now:?}");
        }
    }

    #[test]
    fn every_character_is_as_likely_as_any_other_at_every_place() {
        const CODES: usize = 20_000;
        let mut counts = [[0_usize; ALPHABET.len()]; LENGTH];
        for random in random_inputs().take(CODES) {
            for (place, chosen) in choose(&random[..TEXT_BYTES]).into_iter().enumerate() {
                let known = |character: &Character| character.symbol == chosen.symbol;
                counts[place][ALPHABET.iter().position(known).unwrap()] += 1;
            }
        }
        // 1,000 are expected of each; five standard deviations are 154.
        for count in counts.into_iter().flatten() {
            assert!((846..=1_154).contains(&count), "{count} of {CODES}");
        }
    }

    #[test]
    fn the_random_bytes_decide_the_picture() {
        let mut inputs = random_inputs();
        let random = inputs.next().unwrap();
        let mut drawn_otherwise = inputs.next().unwrap();
        drawn_otherwise[..TEXT_BYTES].copy_from_slice(&random[..TEXT_BYTES]);

        let (one, picture) = Challenge::new(&random, Duration::ZERO);
        let (_, again) = Challenge::new(&random, Duration::from_secs(7));
        assert!(picture == again);
        let (other, otherwise) = Challenge::new(&drawn_otherwise, Duration::ZERO);
        assert_eq!(one.answer_for_tests(), other.answer_for_tests());
        assert!(picture != otherwise);
    }

    #[test]
    fn the_middle_lies_between_the_third_and_the_fourth_character() {
        for random in random_inputs().take(1_000) {
            let (text, drawing) = random.split_at(TEXT_BYTES);
            let mut chance = Chance(drawing.iter());
            let written = Written::side_by_side(choose(text), &mut chance);
            let middle = middle(&written);
            let has_ink = |character: &Written, columns: std::ops::Range<u16>| {
                let mut pixels = columns.flat_map(|x| (0..Picture::HEIGHT).map(move |y| (x, y)));
                pixels.any(|(x, y)| {
                    character.covers(Point {
                        x: f32::from(x) + 0.5,
                        y: f32::from(y) + 0.5,
                    })
                })
            };
            // A bend may reach a little further than the character's own columns.
            assert!(
                !has_ink(&written[2], middle + 2..Picture::WIDTH),
                "{middle}"
            );
            assert!(!has_ink(&written[3], 0..middle - 2), "{middle}");
        }
    }

    #[test]
    fn the_random_bytes_suffice() {
        let random = [0x55; Challenge::RANDOM_BYTES];
        let mut chance = Chance(random[TEXT_BYTES..].iter());
        Picture::draw(choose(&random[..TEXT_BYTES]), &mut chance);
        assert!(chance.0.len() > 0);
    }

    /// What a simple script would do: learn the look of every character once, then lay that over a sixth of a picture.
    #[test]
    fn a_list_of_how_characters_look_reads_few_codes() {
        const ROOM: u16 = Picture::WIDTH / LENGTH as u16;
        let sixths = |picture: &Picture| -> [Vec<bool>; LENGTH] {
            std::array::from_fn(|place| {
                let left = ROOM * place as u16;
                (left..left + ROOM)
                    .flat_map(|x| (0..Picture::HEIGHT).map(move |y| (x, y)))
                    .map(|(x, y)| picture.is_lit(x, y))
                    .collect()
            })
        };
        let seen = |random| {
            let (challenge, picture) = Challenge::new(&random, Duration::ZERO);
            (challenge.answer_for_tests().to_owned(), sixths(&picture))
        };
        let mut learnt = std::collections::BTreeMap::new();
        for (answer, looks) in random_inputs().take(100).map(seen) {
            learnt.extend(answer.chars().zip(looks));
        }
        assert_eq!(learnt.len(), ALPHABET.len());

        let unlike =
            |one: &[bool], other: &[bool]| one.iter().zip(other).filter(|(a, b)| a != b).count();
        let read = |look: &Vec<bool>| {
            learnt
                .iter()
                .min_by_key(|(_, known)| unlike(look, known))
                .unwrap()
                .0
        };
        let right = random_inputs()
            .skip(100)
            .take(300)
            .map(seen)
            .filter(|(answer, looks)| {
                looks
                    .iter()
                    .map(read)
                    .eq(answer.chars().collect::<Vec<_>>().iter())
            })
            .count();
        assert!(right < 15, "{right} of 300 codes");
    }

    #[test]
    fn a_picture_is_neither_empty_nor_full_and_ends_at_its_edges() {
        for random in random_inputs().take(200) {
            let (_, picture) = Challenge::new(&random, Duration::ZERO);
            let lit = (0..Picture::WIDTH)
                .flat_map(|x| (0..Picture::HEIGHT).map(move |y| (x, y)))
                .filter(|(x, y)| picture.is_lit(*x, *y))
                .count();
            assert!((200..=500).contains(&lit), "{lit} of 840 pixels");
            for outside in [Picture::WIDTH, 64, u16::MAX] {
                assert!((0..Picture::HEIGHT).all(|y| !picture.is_lit(outside, y)));
                assert!((0..Picture::WIDTH).all(|x| !picture.is_lit(x, outside)));
            }
        }
    }

    #[test]
    fn neither_the_code_nor_its_picture_is_printed() {
        let random = random_inputs().next().unwrap();
        let (challenge, picture) = Challenge::new(&random, Duration::from_secs(1_000));
        let answer = challenge.answer_for_tests().to_owned();
        let printed = format!("{challenge:?} {challenge:#?}");
        assert!(!printed.contains(&answer), "{printed}");
        assert_eq!(
            printed.lines().next().unwrap(),
            "Challenge { until: 1120s, .. } Challenge {"
        );
        assert_eq!(format!("{picture:?}"), "Picture(60x14)");
        assert_eq!(format!("{picture:#?}"), "Picture(60x14)");
    }
}
