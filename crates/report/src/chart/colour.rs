//! The colours of charts, by what they are for.
//!
//! On pages a tone is a CSS variable, so that one SVG is right in light and dark; in mails and prints it is the light
//! value. The series' colours stay apart for the common colour blindnesses; the tests hold it.

/// Whether colours follow the page's theme or are the light ones, for mails and prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    Theme,
    Fixed,
}

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

impl Tone {
    fn colour(self) -> Colour {
        let [ink, soft, grid, paper, alarm] = PLAIN;
        match self {
            Self::Ink => ink,
            Self::Soft => soft,
            Self::Grid => grid,
            Self::Paper => paper,
            Self::Alarm => alarm,
            Self::Series(n) => SERIES[n % SERIES.len()],
        }
    }

    /// The value of an attribute that takes a colour.
    pub fn value(self, paint: Paint) -> String {
        let (name, light, _) = self.colour();
        match paint {
            Paint::Theme => format!("var(--chart-{name})"),
            Paint::Fixed => light.to_owned(),
        }
    }
}

/// The variables that charts on a page need, for a style sheet that sets `color-scheme`.
pub fn css() -> String {
    let variables: String = PLAIN
        .iter()
        .chain(&SERIES)
        .map(|(name, light, dark)| format!("--chart-{name}:light-dark({light},{dark});"))
        .collect();
    format!(":root{{{variables}}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tones_are_variables_or_values() {
        let check = |tone: Tone, name: &str, light: &str| {
            assert_eq!(tone.value(Paint::Theme), format!("var(--chart-{name})"));
            assert_eq!(tone.value(Paint::Fixed), light);
            assert!(css().contains(&format!("--chart-{name}:light-dark({light},")), "{name}");
        };
        check(Tone::Ink, "ink", "#1b242d");
        check(Tone::Alarm, "alarm", "#b3261e");
        check(Tone::Series(0), "1", "#0b5fb0");
        check(Tone::Series(SERIES.len() + 6), "7", "#6a1730");
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
