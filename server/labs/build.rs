//! Compiles the labs' `.proto` files with protox: no `protoc` on the machine.

use std::error::Error;
use std::path::PathBuf;

const PROTO: &str = "proto/wirebook/greeter/v1/greeter.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile([PROTO], ["proto"])?;
    // What the server tells to those who ask it by reflection.
    let encoded = protox::Compiler::new(["proto"])?.open_file(PROTO)?.encode_file_descriptor_set();
    std::fs::write(PathBuf::from(std::env::var("OUT_DIR")?).join("greeter.bin"), encoded)?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
