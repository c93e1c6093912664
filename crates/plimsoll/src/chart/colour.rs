//! The colours of charts: names while drawing, CSS variables or fixed values in the end.
//!
//! Plotters knows colours by their red, green and blue only. Each tone is therefore drawn as a sentinel colour that
//! [`resolve`] replaces: on pages by a variable, so that one SVG is right in light and dark; in mails and prints by the
//! light value. The series' colours stay apart for the common colour blindnesses; the tests hold it.

use plotters::style::RGBColor;

use super::frame::Paint;

/// What a colour is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Ink,
    Soft,
    Grid,
    Paper,
    /// Something that needs somebody.
    Alarm,
    /// One of [`SERIES`], by its number; they begin again after the last.
    Series(usize),
}

/// Name, on a light ground, on a dark ground.
type Colour = (&'static str, &'static str, &'static str);

const PLAIN: [Colour; 5] = [
    ("ink", "#1b242d", "#e8edf2"),
    ("soft", "#5a6672", "#9fabb7"),
    ("grid", "#dfe4e9", "#303a44"),
    ("paper", "#ffffff", "#161c22"),
    ("alarm", "#b3261e", "#ff8a80"),
];
const SERIES: [Colour; 7] = [
    ("1", "#0b5fb0", "#6c9bfa"),
    ("2", "#d27d2b", "#ff9963"),
    ("3", "#129f73", "#2fd0a5"),
    ("4", "#915694", "#e6a3de"),
    ("5", "#6e4900", "#f0d74a"),
    ("6", "#3a214a", "#d5dfe3"),
    ("7", "#6a1730", "#e35b72"),
];
/// Red 1 and green 0 are in no other colour that is drawn; blue is the tone's number.
const SENTINEL: &str = "\"#0100";

impl Tone {
    fn number(self) -> usize {
        match self {
            Self::Ink => 0,
            Self::Soft => 1,
            Self::Grid => 2,
            Self::Paper => 3,
            Self::Alarm => 4,
            Self::Series(n) => PLAIN.len() + n % SERIES.len(),
        }
    }

    pub(super) fn sentinel(self) -> RGBColor {
        RGBColor(1, 0, u8::try_from(self.number()).expect("there are few tones"))
    }

    /// The value of an attribute that takes a colour.
    pub fn value(self, paint: Paint) -> String {
        let (name, light, _) = colours()[self.number()];
        match paint {
            Paint::Theme => format!("var(--chart-{name})"),
            Paint::Fixed => light.to_owned(),
        }
    }
}

fn colours() -> Vec<Colour> {
    PLAIN.into_iter().chain(SERIES).collect()
}

/// The variables that charts on a page need, for a style sheet that sets `color-scheme`.
pub fn css() -> String {
    let variables: String = colours()
        .iter()
        .map(|(name, light, dark)| format!("--chart-{name}:light-dark({light},{dark});"))
        .collect();
    format!(":root{{{variables}}}\n")
}

/// The drawing with its tones as colours.
pub(super) fn resolve(svg: &str, paint: Paint) -> String {
    let tones: Vec<Tone> = [Tone::Ink, Tone::Soft, Tone::Grid, Tone::Paper, Tone::Alarm]
        .into_iter()
        .chain((0..SERIES.len()).map(Tone::Series))
        .collect();
    let mut parts = svg.split(SENTINEL);
    let mut resolved = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_at(2);
        let number = usize::from_str_radix(number, 16).expect("a sentinel ends in its tone's number");
        resolved.push('"');
        resolved.push_str(&tones[number].value(paint));
        resolved.push_str(rest);
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentinels_become_variables_or_values() {
        let drawn = r##"<path stroke="#010005" fill="none"/><text fill="#010000">#010000</text>"##;
        assert_eq!(
            resolve(drawn, Paint::Theme),
            r##"<path stroke="var(--chart-1)" fill="none"/><text fill="var(--chart-ink)">#010000</text>"##
        );
        assert_eq!(
            resolve(drawn, Paint::Fixed),
            r##"<path stroke="#0b5fb0" fill="none"/><text fill="#1b242d">#010000</text>"##
        );
        assert!(css().contains("--chart-7:light-dark(#6a1730,#e35b72);"));
    }

    fn linear(hex: &str) -> [f64; 3] {
        [1, 3, 5].map(|at| {
            let part = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let luminance = |hex| {
            let [r, g, b] = linear(hex);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn colours_stand_out_from_their_ground() {
        let [ink, soft, _, paper, alarm] = PLAIN;
        for (name, light, dark) in SERIES {
            assert!(contrast(light, paper.1) >= 3.0 && contrast(dark, paper.2) >= 3.0, "series {name}");
        }
        for (name, light, dark) in [ink, soft, alarm] {
            assert!(contrast(light, paper.1) >= 4.5 && contrast(dark, paper.2) >= 4.5, "{name}");
        }
    }

    /// Distance in CIE Lab, as somebody sees it to whom `seen` turns linear light.
    fn distance(a: &str, b: &str, seen: [[f64; 3]; 3]) -> f64 {
        let lab = |hex| {
            let light = linear(hex);
            let [r, g, b] = seen.map(|row| {
                row.iter().zip(light).map(|(weight, part)| weight * part).sum::<f64>().clamp(0.0, 1.0)
            });
            let f = |t: f64| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
            let x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
            let y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
            let z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
            [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
        };
        lab(a).iter().zip(lab(b)).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    /// Machado, Oliveira and Fernandes 2009: total protanopia, deuteranopia and tritanopia.
    const SIGHTS: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ];

    #[test]
    fn series_stay_apart_for_the_colour_blind() {
        for (n, a) in SERIES.iter().enumerate() {
            for b in &SERIES[n + 1..] {
                for sight in SIGHTS {
                    let (light, dark) = (distance(a.1, b.1, sight), distance(a.2, b.2, sight));
                    assert!(light >= 15.0 && dark >= 15.0, "{} and {}: {light:.1}, {dark:.1}", a.0, b.0);
                }
            }
        }
    }
}
