//! The screens, drawn without a terminal: what they show, and that a camera reads what they draw.

mod desk;
mod people;
mod qr;
