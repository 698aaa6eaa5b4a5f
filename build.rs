//! Generates the messages, services and clients of `proto/` without protoc.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use protox::Compiler;

/// The files that hold services; what they import comes along.
const FILES: [&str; 3] = [
    "rapport/v1/recommendation.proto",
    "rapport/v1/churn.proto",
    "rapport/v1/model.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let mut compiler = Compiler::new(["proto"])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(FILES)?;
    // Reflection serves these bytes.
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(
        out.join("rapport_descriptors.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    tonic_prost_build::configure().compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
