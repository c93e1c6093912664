//! Rebuilds the crate when a catalogue file is added or removed; the files are embedded in it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for folder in ["../../queries", "../../queries/view", "../../queries/metric"] {
        println!("cargo:rerun-if-changed={folder}");
    }
}
