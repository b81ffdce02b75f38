//! The migrations are part of the program: a new file there makes a new program.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
