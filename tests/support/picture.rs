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

/// The papers of a row: the first cell of each run, how many cells it has, its colour.
fn papers(screen: &Screen, row: u16, default: Background) -> Vec<(usize, usize, [u8; 3])> {
    let (_, columns) = size(screen);
    let mut papers: Vec<(usize, usize, [u8; 3])> = Vec::new();
    for column in 0..columns {
        let (_, paper) = colours(screen.cell(row, column).unwrap(), default);
        match papers.last_mut() {
            Some((_, cells, last)) if *last == paper => *cells += 1,
            _ => papers.push((column.into(), 1, paper)),
        }
    }
    papers
}

/// The screen as an SVG picture, each cell exactly where the terminal has it.
pub fn svg(screen: &Screen, default: Background) -> String {
    const W: usize = 9;
    const H: usize = 18;
    let (rows, columns) = size(screen);
    let hex = |[r, g, b]: [u8; 3]| format!("#{r:02x}{g:02x}{b:02x}");
    let (width, height) = (usize::from(columns) * W, usize::from(rows) * H);
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"'DejaVu Sans Mono','Liberation Mono',Consolas,monospace\" font-size=\"15\">\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>",
        hex(default.background)
    );
    for row in 0..rows {
        for (first, cells, paper) in papers(screen, row, default) {
            if paper != default.background {
                let (x, y) = (first * W, usize::from(row) * H);
                let _ = write!(
                    svg,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{H}\" fill=\"{}\" shape-rendering=\"crispEdges\"/>",
                    cells * W,
                    hex(paper)
                );
            }
        }
        for column in 0..columns {
            let cell = screen.cell(row, column).unwrap();
            let (x, y) = (usize::from(column) * W, usize::from(row) * H);
            let (ink, _) = colours(cell, default);
            let mut rectangle = |y: usize, height: usize, fill: [u8; 3]| {
                let _ = write!(
                    svg,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{W}\" height=\"{height}\" fill=\"{}\" shape-rendering=\"crispEdges\"/>",
                    hex(fill)
                );
            };
            match halves(cell) {
                Some((true, true)) => rectangle(y, H, ink),
                Some((true, false)) => rectangle(y, H / 2, ink),
                Some((false, true)) => rectangle(y + H / 2, H / 2, ink),
                Some((false, false)) => {}
                None => {
                    let weight = if cell.bold() {
                        " font-weight=\"bold\""
                    } else {
                        ""
                    };
                    let text = cell.contents().replace('&', "&amp;").replace('<', "&lt;");
                    let _ = write!(
                        svg,
                        "<text x=\"{x}\" y=\"{}\" fill=\"{}\"{weight}>{text}</text>",
                        y + 14,
                        hex(ink)
                    );
                }
            }
            if cell.underline() {
                let _ = write!(
                    svg,
                    "<rect x=\"{x}\" y=\"{}\" width=\"{W}\" height=\"1\" fill=\"{}\"/>",
                    y + 16,
                    hex(ink)
                );
            }
        }
        svg.push('\n');
    }
    svg.push_str("</svg>\n");
    svg
}
