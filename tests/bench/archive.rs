//! A project of 1 GB: packed and read back against `tar | pigz -6`, unpacked and verified against `pigz -d | tar x`.
//!
//! Rounds alternate, so that both meet the same machine. Nothing is removed before the end: ext4 is slow to make
//! files for a minute after it lost as many, for whoever makes them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::client::Client;
use crate::host;
use crate::measure::{Row, Samples, mb};
use crate::process;
use crate::support::home::Home;

const ROUNDS: usize = 3;
const PACK: &str =
    "archive of 1 GB of mixed files, read-back included, against `tar \\| pigz -6` on the same cores";
const PACK_TARGET: &str = "time ≤ 0.7×, size ≤ 1.0×, memory ≤ 60 MB";
const UNPACK: &str = "restore of it, verification included, against `pigz -d \\| tar x`";
const UNPACK_TARGET: &str = "≤ 1.1×";

pub(crate) fn run() -> Vec<Row> {
    let pigz = Command::new("pigz").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if pigz.is_err() {
        let why = "there is no pigz";
        return vec![
            Row::not_measured(PACK, PACK_TARGET, why),
            Row::not_measured(UNPACK, UNPACK_TARGET, why),
        ];
    }
    let home = Home::new();
    let root = home.path().display().to_string();
    let project = home.mkdir("mixed");
    let made = make(&project);
    let lock = host::start(&home);
    let names = host::names("mixed", ROUNDS);
    host::create_sessions(&mut Client::connect(&lock), &names, "demo", &project);
    rustix::fs::sync();

    let (mut packed, mut tarred) = (Vec::new(), Vec::new());
    let mut archives = Vec::new();
    for name in &names {
        tarred.push(shell(&format!("tar -C {root} -c mixed | pigz -6 > {root}/theirs.tar.gz")));
        let began = Instant::now();
        let done = home.run(&["session", "archive", name, "--with-dir", "--all-files"]).expect_code(0);
        packed.push(began.elapsed().as_secs_f64());
        archives.push(done.stdout.trim().to_owned());
    }
    let memory = process::peak(lock.pid);
    let size = |file: &str| fs::metadata(file).map_or(0.0, |found| found.len() as f64);
    let (ours, theirs) = (size(&archives[0]), size(&format!("{root}/theirs.tar.gz")));

    let (mut restored, mut untarred, mut synced) = (Vec::new(), Vec::new(), Vec::new());
    for (archive, name) in archives.iter().zip(&names) {
        let theirs = home.mkdir(format!("theirs-{name}")).display().to_string();
        untarred.push(shell(&format!("pigz -dc {root}/theirs.tar.gz | tar -C {theirs} -x")));
        synced.push(untarred[untarred.len() - 1] + shell(&format!("sync -f {root}")));
        let began = Instant::now();
        home.run(&["session", "restore", archive, "--dir", &format!("{root}/ours-{name}")]).expect_code(0);
        restored.push(began.elapsed().as_secs_f64());
    }
    let [packed, tarred, restored, untarred, synced] =
        [packed, tarred, restored, untarred, synced].map(|samples| Samples::new(samples).median());
    let times = |ours: f64, theirs: f64| format!("{:.2}× ({ours:.1} s against {theirs:.1} s)", ours / theirs);
    let words = format!(
        "time {}, size {:.2}× ({} against {}), host at most {} (medians of {ROUNDS}; {made} files)",
        times(packed, tarred),
        ours / theirs,
        mb(ours),
        mb(theirs),
        mb(memory),
    );
    let holds = packed <= 0.7 * tarred && ours <= theirs && memory <= 60e6;
    vec![
        Row::new(PACK, PACK_TARGET, words, holds),
        Row::new(UNPACK, UNPACK_TARGET, times(restored, untarred), restored <= 1.1 * untarred),
        Row::shown(
            "· against the same and `sync`, after which theirs is on the disk as ours is",
            times(restored, synced),
        ),
    ]
}

/// How long a command of the shell takes, in seconds.
fn shell(command: &str) -> f64 {
    let began = Instant::now();
    let status = Command::new("bash").args(["-o", "pipefail", "-c", command]).status();
    assert!(status.is_ok_and(|status| status.success()), "{command}");
    began.elapsed().as_secs_f64()
}

/// Makes 1 GB: much source, some logs, programs and pictures. Gives the number of files.
fn make(dir: &Path) -> usize {
    // Sizes in bytes, and how many of them.
    let kinds: [(&str, usize, usize, fn(&mut Random, usize) -> Vec<u8>); 5] = [
        ("source", 30_000, 8_000, source),
        ("large-source", 400, 400_000, source),
        ("log", 20, 10_000_000, log),
        ("program", 20, 10_000_000, program),
        ("picture", 1_000, 200_000, noise),
    ];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut made = 0;
    for (kind, count, size, content) in kinds {
        for number in 0..count {
            let place = dir.join(kind).join(format!("{:03}", number / 100));
            fs::create_dir_all(&place).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
            let file = place.join(format!("{kind}-{number}"));
            // Between half and one and a half of it.
            let size = size / 2 + random.below(size);
            fs::write(&file, content(&mut random, size))
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            made += 1;
        }
    }
    made
}

/// xorshift64*: the same files every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Words of which a few are frequent and many are rare, in indented lines.
fn source(random: &mut Random, size: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(size + 64);
    while text.len() < size {
        text.extend(std::iter::repeat_n(b' ', 4 * random.below(5)));
        for _ in 0..2 + random.below(8) {
            let rank = 1 + random.below(60) * random.below(60) * random.below(3);
            let word = rank.wrapping_mul(2_654_435_761) % 4_000_037;
            text.extend_from_slice(
                format!("{}{word:x} ", ["let ", "", "self.", "(", "&"][rank % 5]).as_bytes(),
            );
        }
        text.extend_from_slice(b";\n");
    }
    text
}

fn log(random: &mut Random, size: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(size + 200);
    let mut at = 1_790_000_000_000_u64;
    while text.len() < size {
        at += random.next() % 3_000;
        let (level, number) = (["INFO", "WARN", "DEBUG"][random.below(3)], random.below(100_000));
        let line = format!(
            "{at} {level} worker-{} request {number} took {} us\n",
            number % 16,
            random.below(90_000)
        );
        text.extend_from_slice(line.as_bytes());
    }
    text
}

/// Numbers of which most are small, as instructions and tables are.
fn program(random: &mut Random, size: usize) -> Vec<u8> {
    let number = |random: &mut Random| (random.next() >> (20 + random.below(44))) as u32;
    (0..size / 4).flat_map(|_| number(random).to_le_bytes()).collect()
}

fn noise(random: &mut Random, size: usize) -> Vec<u8> {
    (0..size.div_ceil(8)).flat_map(|_| random.next().to_le_bytes()).collect()
}
