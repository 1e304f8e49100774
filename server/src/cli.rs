//! The command line: `serve`, `run`, `open`, `labs`, `check`, and the hidden `runner`.

mod check;
mod labs;
mod lines;
mod open;
mod params;
mod run;
mod text;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;

/// Exit status after bad parameters, as clap itself uses it.
const MISUSE: u8 = 2;

/// 线上：在真实的虚拟网络里学 Rust 网络编程
#[derive(Parser)]
#[command(name = "wirebook", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// 启动网站
    Serve(Box<Config>),
    /// 在命令行运行一个实验
    Run(Box<run::Args>),
    /// 把一个实验的服务器开在本机的端口上，供别的程序连接
    Open(open::Args),
    /// 列出所有实验和它们的参数
    Labs(labs::Args),
    /// 检查书稿：实验、代码锚点、参数、链接、图片、标题
    Check(check::Args),
    /// The process that forks runs; started by the others, never by hand.
    #[command(hide = true)]
    Runner,
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let by_leptos = std::env::var_os("LEPTOS_BIN_DIR").is_some();
    let cli = Cli::parse_from(arguments(std::env::args_os(), by_leptos));
    let done = match cli.command {
        // Before anything starts a thread: the runner must be single-threaded to enter its namespaces.
        Command::Runner => return runner(),
        Command::Serve(config) => {
            // What readers send to the labs' own routers is no news for the operator.
            log("info,labs=warn");
            serve(*config)
        }
        Command::Run(args) => {
            log("warn");
            run::run(*args)
        }
        Command::Open(args) => {
            log("warn,labs=info");
            open::open(&args)
        }
        Command::Labs(args) => labs::list(&args).map_err(reader_left),
        Command::Check(args) => check::check(&args).map_err(reader_left),
    };
    done.unwrap_or_else(|error| {
        if error.is::<ReaderLeft>() {
            return ExitCode::SUCCESS;
        }
        complain(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

/// `cargo leptos watch` starts its program without arguments and means `serve`.
fn arguments(given: impl IntoIterator<Item = OsString>, by_leptos: bool) -> Vec<OsString> {
    let mut arguments: Vec<_> = given.into_iter().collect();
    if by_leptos && arguments.len() == 1 {
        arguments.push("serve".into());
    }
    arguments
}

/// Nobody reads our standard output any more, as after `wirebook labs | head`: no mistake, only the end.
#[derive(Debug, thiserror::Error)]
#[error("没有人再读标准输出")]
struct ReaderLeft;

/// The error of a write to standard output: [`ReaderLeft`] if that is all there is to it.
fn reader_left(error: impl Into<anyhow::Error>) -> anyhow::Error {
    let error = error.into();
    let kind = error.downcast_ref().map(std::io::Error::kind);
    if kind == Some(std::io::ErrorKind::BrokenPipe) { ReaderLeft.into() } else { error }
}

fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(crate::serve::serve(config));
    // Blocking work that is still going on (a compression) is of no use to anyone.
    runtime.shutdown_background();
    done.map(|()| ExitCode::SUCCESS)
}

fn runner() -> ExitCode {
    match runner::serve(::labs::all()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("runner: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Logs go to stderr; `RUST_LOG` chooses which.
fn log(default: &str) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

#[expect(clippy::print_stderr, reason = "this is what a command line is for")]
fn complain(message: &str) {
    eprintln!("错误：{message}");
}

/// What is good to know and no mistake.
#[expect(clippy::print_stderr, reason = "this is what a command line is for")]
fn remark(message: &str) {
    eprintln!("注意：{message}");
}

/// A mistake in the arguments: one sentence, and the exit status for misuse.
fn misuse(message: &str) -> ExitCode {
    complain(message);
    ExitCode::from(MISUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_leptos_serves_without_saying_so() {
        let told = |given: &[&str], by_leptos| arguments(given.iter().map(OsString::from), by_leptos);
        let command =
            |given: &[&str], by_leptos| Cli::try_parse_from(told(given, by_leptos)).map(|cli| cli.command);
        assert!(matches!(command(&["wirebook"], true), Ok(Command::Serve(_))));
        assert!(matches!(command(&["wirebook", "labs"], true), Ok(Command::Labs(_))));
        assert!(command(&["wirebook"], false).is_err());
    }
}
