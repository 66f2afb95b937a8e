//! What a terminal shows, as a picture: grey pixels for an independent QR reader, SVG for people.

use std::{
    fmt::Write as _,
    io::Write as _,
    process::{Command, Stdio},
};

use vt100::{Cell, Color, Screen};

/// Pixels of a cell; a half block is then a square.
const WIDTH: usize = 8;
const HEIGHT: usize = 16;

/// The colours that a terminal uses where a cell sets none.
#[derive(Debug, Clone, Copy)]
pub struct Background {
    pub foreground: [u8; 3],
    pub background: [u8; 3],
}

pub const DARK: Background = Background {
    foreground: [0xd0, 0xd0, 0xd0],
    background: [0x16, 0x1b, 0x22],
};

pub const BRIGHT: Background = Background {
    foreground: [0x24, 0x29, 0x2f],
    background: [0xff, 0xff, 0xff],
};

const FIRST_SIXTEEN: [[u8; 3]; 16] = [
    [0x00, 0x00, 0x00],
    [0xcd, 0x31, 0x31],
    [0x0d, 0xbc, 0x79],
    [0xc5, 0xa3, 0x32],
    [0x24, 0x72, 0xc8],
    [0xbc, 0x3f, 0xbc],
    [0x11, 0xa8, 0xcd],
    [0xe5, 0xe5, 0xe5],
    [0x76, 0x76, 0x76],
    [0xf1, 0x4c, 0x4c],
    [0x23, 0xd1, 0x8b],
    [0xf5, 0xf5, 0x43],
    [0x3b, 0x8e, 0xea],
    [0xd6, 0x70, 0xd6],
    [0x29, 0xb8, 0xdb],
    [0xff, 0xff, 0xff],
];

fn rgb(color: Color, default: [u8; 3]) -> [u8; 3] {
    match color {
        Color::Default => default,
        Color::Rgb(r, g, b) => [r, g, b],
        Color::Idx(n @ 0..=15) => FIRST_SIXTEEN[usize::from(n)],
        Color::Idx(n @ 16..=231) => {
            let level = |n: u8| [0, 95, 135, 175, 215, 255][usize::from(n)];
            let n = n - 16;
            [level(n / 36), level(n / 6 % 6), level(n % 6)]
        }
        Color::Idx(n) => [8 + 10 * (n - 232); 3],
    }
}

fn size(screen: &Screen) -> (u16, u16) {
    let (rows, columns) = screen.size();
    (rows.get(), columns.get())
}

/// Ink and paper of a cell.
fn colours(cell: &Cell, default: Background) -> ([u8; 3], [u8; 3]) {
    let ink = rgb(cell.fgcolor(), default.foreground);
    let paper = rgb(cell.bgcolor(), default.background);
    if cell.inverse() {
        (paper, ink)
    } else {
        (ink, paper)
    }
}

/// Whether the upper and the lower half of a cell are ink.
fn halves(cell: &Cell) -> Option<(bool, bool)> {
    match cell.contents() {
        "█" => Some((true, true)),
        "▀" => Some((true, false)),
        "▄" => Some((false, true)),
        " " | "" => Some((false, false)),
        _ => None,
    }
}

/// The screen as a grey PGM picture; letters are left out.
pub fn pgm(screen: &Screen, default: Background) -> Vec<u8> {
    let (rows, columns) = size(screen);
    let (width, height) = (usize::from(columns) * WIDTH, usize::from(rows) * HEIGHT);
    let mut picture = format!("P5\n{width} {height}\n255\n").into_bytes();
    for y in 0..height {
        for x in 0..width {
            let row = u16::try_from(y / HEIGHT).unwrap();
            let column = u16::try_from(x / WIDTH).unwrap();
            let cell = screen.cell(row, column).unwrap();
            let (ink, paper) = colours(cell, default);
            let (upper, lower) = halves(cell).unwrap_or((false, false));
            let [r, g, b] =
                if (y % HEIGHT < HEIGHT / 2 && upper) || (y % HEIGHT >= HEIGHT / 2 && lower) {
                    ink
                } else {
                    paper
                };
            let grey = (u16::from(r) + u16::from(g) + u16::from(b)) / 3;
            picture.push(u8::try_from(grey).unwrap());
        }
    }
    picture
}

/// What an independent reader (zbar) reads in the picture of the screen.
pub fn read_qr(screen: &Screen, default: Background) -> Option<String> {
    let mut reader = Command::new("zbarimg")
        .args([
            "--quiet",
            "--raw",
            "--nodbus",
            "-Sdisable",
            "-Sqrcode.enable",
            "pgm:-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("zbarimg is installed (Debian package zbar-tools)");
    let picture = pgm(screen, default);
    reader.stdin.take().unwrap().write_all(&picture).unwrap();
    let output = reader.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let text = text.trim_end_matches('\n');
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}

/// Cells in a row that are drawn alike: the first of them, how many, and what they have in common.
type Run<T> = (u16, u16, T);

/// The cells of a row in runs of what `look` says of each.
fn runs<T: PartialEq>(screen: &Screen, row: u16, look: impl Fn(&Cell) -> T) -> Vec<Run<T>> {
    let (_, columns) = size(screen);
    let mut runs: Vec<Run<T>> = Vec::new();
    for column in 0..columns {
        let look = look(screen.cell(row, column).unwrap());
        match runs.last_mut() {
            Some((_, cells, last)) if *last == look => *cells += 1,
            _ => runs.push((column, 1, look)),
        }
    }
    runs
}

/// Pixels of a cell in a picture for people.
const W: u16 = 9;
const H: u16 = 18;

fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn rectangle(svg: &mut String, [x, y, width, height]: [u16; 4], fill: [u8; 3]) {
    let fill = hex(fill);
    let _ = write!(
        svg,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\" shape-rendering=\"crispEdges\"/>"
    );
}

/// The screen as an SVG picture, each cell exactly where the terminal has it.
pub fn svg(screen: &Screen, default: Background) -> String {
    format!("{}\n", placed(screen, default, (0, 0)))
}

/// Pixels of the picture of a screen: its width and its height.
fn extent(screen: &Screen) -> (u16, u16) {
    let (rows, columns) = size(screen);
    (columns * W, rows * H)
}

/// The same, at a place of a larger picture.
fn placed(screen: &Screen, default: Background, (x, y): (u16, u16)) -> String {
    let (rows, _) = size(screen);
    let (width, height) = extent(screen);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" x=\"{x}\" y=\"{y}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"'DejaVu Sans Mono','Liberation Mono',Consolas,monospace\" font-size=\"15\" \
         xml:space=\"preserve\">"
    );
    rectangle(&mut svg, [0, 0, width, height], default.background);
    for row in 0..rows {
        let y = row * H;
        for (first, cells, paper) in runs(screen, row, |cell| colours(cell, default).1) {
            if paper != default.background {
                rectangle(&mut svg, [first * W, y, cells * W, H], paper);
            }
        }
        let look = |cell: &Cell| {
            let ink = colours(cell, default).0;
            (ink, halves(cell), cell.bold(), cell.underline())
        };
        for (first, cells, (ink, halves, is_bold, is_underlined)) in runs(screen, row, look) {
            let (x, width) = (first * W, cells * W);
            match halves {
                Some((true, true)) => rectangle(&mut svg, [x, y, width, H], ink),
                Some((true, false)) => rectangle(&mut svg, [x, y, width, H / 2], ink),
                Some((false, true)) => rectangle(&mut svg, [x, y + H / 2, width, H / 2], ink),
                Some((false, false)) => {}
                None => {
                    let text: String = (first..first + cells)
                        .map(|column| screen.cell(row, column).unwrap().contents())
                        .collect();
                    let text = text.replace('&', "&amp;").replace('<', "&lt;");
                    let weight = match is_bold {
                        true => " font-weight=\"bold\"",
                        false => "",
                    };
                    let (y, fill) = (y + 14, hex(ink));
                    let _ = write!(
                        svg,
                        "<text x=\"{x}\" y=\"{y}\" textLength=\"{width}\" fill=\"{fill}\"{weight}>{text}</text>"
                    );
                }
            }
            if is_underlined {
                rectangle(&mut svg, [x, y + 16, width, 1], ink);
            }
        }
        svg.push('\n');
    }
    svg.push_str("</svg>");
    svg
}

/// Many screens of one size on a sheet, so many beside each other, each with its name.
pub fn sheet(screens: &[(&str, Screen)], beside: u16, default: Background) -> String {
    const GAP: u16 = 16;
    const CAPTION: u16 = 28;
    let (width, height) = extent(&screens.first().expect("a screen").1);
    let (step, drop) = (width + GAP, height + CAPTION + GAP);
    let below = u16::try_from(screens.len()).unwrap().div_ceil(beside);
    let (whole, high) = (beside * step + GAP, below * drop + GAP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole} {high}\" width=\"{whole}\" height=\"{high}\" \
         font-family=\"sans-serif\" font-size=\"18\">"
    );
    rectangle(&mut svg, [0, 0, whole, high], BRIGHT.background);
    for (place, (name, screen)) in (0..).zip(screens) {
        let (x, y) = (GAP + place % beside * step, GAP + place / beside * drop);
        let (caption, ink) = (y + CAPTION - 10, hex(BRIGHT.foreground));
        let _ = write!(
            svg,
            "<text x=\"{x}\" y=\"{caption}\" fill=\"{ink}\">{name}</text>"
        );
        svg.push_str(&placed(screen, default, (x, y + CAPTION)));
    }
    svg.push_str("</svg>\n");
    svg
}
