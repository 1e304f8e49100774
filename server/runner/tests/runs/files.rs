//! What a run can read and write.

use lan::Lan;
use libtest_mimic::Trial;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::in_modes;
use crate::setup::{EVERY, Mode, measure};

pub(crate) fn trials() -> Vec<Trial> {
    in_modes("files", &EVERY, files)
}

/// Labels begin with what is expected: `may` or `not`.
pub(crate) fn attempt_all(lan: &Lan, folder: &str) -> anyhow::Result<()> {
    let tell = |label: &str, result: io::Result<()>| {
        let errno = result.err().map_or(0, |error| error.raw_os_error().unwrap_or(-1));
        lan.measured(None, label, errno.into(), "");
    };
    let read = |path: &str| fs::read(path).map(drop);
    let open_for_writing = |path: &str| OpenOptions::new().write(true).open(path).map(drop);
    let create = |path: &str| File::create(path).and_then(|mut file| file.write_all(b"x"));
    let in_folder = |name: &str| format!("{folder}/{name}");

    tell("may read /etc/hosts", read("/etc/hosts"));
    tell("may read itself", read("/proc/self/status"));
    tell(
        "may discard",
        OpenOptions::new().write(true).open("/dev/null").and_then(|mut null| null.write_all(b"x")),
    );

    tell("not read a public file", read(&in_folder("public")));
    tell("not list a folder", fs::read_dir(folder).map(drop));
    tell("not write a public file", open_for_writing(&in_folder("public")));
    tell("not append to a public file", OpenOptions::new().append(true).open(in_folder("public")).map(drop));
    tell("not create", create(&in_folder("new")));
    tell("not create in /tmp", create("/tmp/wirebook-mischief"));
    tell("not create in /dev/shm", create("/dev/shm/wirebook-mischief"));
    tell("not remove", fs::remove_file(in_folder("public")));
    tell("not rename", fs::rename(in_folder("public"), in_folder("renamed")));
    tell("not make a folder", fs::create_dir(in_folder("folder")));
    tell("not make a link", std::os::unix::fs::symlink("/etc/passwd", in_folder("link")));
    tell("not read /etc/passwd", read("/etc/passwd"));
    tell("not read its supervisor's environment", read(&format!("/proc/{}/environ", nix::unistd::getppid())));
    tell(
        "not read its supervisor's memory",
        File::open(format!("/proc/{}/mem", nix::unistd::getppid())).map(drop),
    );
    for namespace in ["net", "user", "mnt"] {
        let path = format!("/proc/{}/ns/{namespace}", nix::unistd::getppid());
        tell(&format!("not get hold of its supervisor's {namespace} namespace"), File::open(path).map(drop));
    }
    tell("not set the machine's core pattern", open_for_writing("/proc/sys/kernel/core_pattern"));
    tell("not set the machine's memory policy", open_for_writing("/proc/sys/vm/overcommit_memory"));
    tell("not trigger anything", open_for_writing("/proc/sysrq-trigger"));
    Ok(())
}

fn files(mode: Mode) {
    let folder = std::env::temp_dir().join(format!("wirebook-files-{}-{mode}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let public = folder.join("public");
    fs::write(&public, "text").unwrap();
    fs::set_permissions(&public, fs::Permissions::from_mode(0o666)).unwrap();

    let measured = measure(mode, "files", folder.to_str().unwrap());
    assert_eq!(measured.len(), 23);
    for (label, errno) in measured {
        // A refusal is EACCES or EPERM; /proc/sysrq-trigger may not be there at all.
        let refused = [libc::EACCES, libc::EPERM, libc::ENOENT, libc::EROFS].map(f64::from).contains(&errno);
        assert!(if label.starts_with("may") { errno == 0.0 } else { refused }, "{label}: {errno}");
    }
    assert_eq!(fs::read_to_string(&public).unwrap(), "text");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    assert!(
        !Path::new("/tmp/wirebook-mischief").exists() && !Path::new("/dev/shm/wirebook-mischief").exists()
    );
    fs::remove_dir_all(&folder).unwrap();
}
