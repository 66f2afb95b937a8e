//! Digits of three rows, by half blocks, for a code that is compared with a phone from arm's length.

/// Digits of a code, in two groups.
const DIGITS: usize = 6;

/// Columns of a digit, between two, and between the groups.
const COLUMNS: usize = 4;
const GAP: usize = 1;
const GROUP_GAP: usize = 3;

/// Columns of all.
pub const WIDTH: usize = DIGITS * COLUMNS + (DIGITS - 2) * GAP + GROUP_GAP;

/// Six rows of dots a digit, a bit a column, the leftmost the highest.
const DOTS: [[u8; 6]; 10] = [
    [0b0110, 0b1001, 0b1001, 0b1001, 0b1001, 0b0110],
    [0b0010, 0b0110, 0b0010, 0b0010, 0b0010, 0b0111],
    [0b0110, 0b1001, 0b0001, 0b0010, 0b0100, 0b1111],
    [0b1110, 0b0001, 0b0110, 0b0001, 0b0001, 0b1110],
    [0b1001, 0b1001, 0b1111, 0b0001, 0b0001, 0b0001],
    [0b1111, 0b1000, 0b1110, 0b0001, 0b0001, 0b1110],
    [0b0110, 0b1000, 0b1110, 0b1001, 0b1001, 0b0110],
    [0b1111, 0b0001, 0b0010, 0b0010, 0b0100, 0b0100],
    [0b0110, 0b1001, 0b0110, 0b1001, 0b1001, 0b0110],
    [0b0110, 0b1001, 0b1001, 0b0111, 0b0001, 0b0110],
];

/// The column at which a digit begins.
pub fn column(place: usize) -> usize {
    let group = if place >= DIGITS / 2 {
        GROUP_GAP - GAP
    } else {
        0
    };
    place * (COLUMNS + GAP) + group
}

/// The rows of a code of which these digits have been typed; a place that is still empty has a line.
pub fn rows(typed: &str) -> [String; 3] {
    let typed: Vec<_> = typed.chars().map(|c| c.to_digit(10)).collect();
    [0, 1, 2].map(|row| {
        let mut line = String::new();
        for place in 0..DIGITS {
            let at = column(place);
            let used = line.chars().count();
            line.push_str(&" ".repeat(at - used));
            match typed.get(place) {
                Some(Some(digit)) => line.extend(cells(*digit, row)),
                _ if row == 2 => line.push_str("▄▄▄▄"),
                _ => line.push_str("    "),
            }
        }
        line
    })
}

/// A row of a digit: two rows of dots in one of half blocks.
fn cells(digit: u32, row: usize) -> impl Iterator<Item = char> {
    let dots = DOTS[digit as usize % DOTS.len()];
    let (upper, lower) = (dots[2 * row], dots[2 * row + 1]);
    (0..COLUMNS).rev().map(move |column| {
        match (upper >> column & 1 == 1, lower >> column & 1 == 1) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_stands_in_two_groups_of_three_and_each_digit_looks_different() {
        let [_, _, last] = rows("");
        assert_eq!(last, "▄▄▄▄ ▄▄▄▄ ▄▄▄▄   ▄▄▄▄ ▄▄▄▄ ▄▄▄▄");
        for row in rows("123456") {
            assert_eq!(row.chars().count(), WIDTH);
        }
        let drawn = |digit: u32| [0, 1, 2].map(|row| cells(digit, row).collect::<String>());
        for one in 0..10 {
            for other in 0..one {
                assert_ne!(drawn(one), drawn(other), "{one} and {other}");
            }
        }
    }
}
