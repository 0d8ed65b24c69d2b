//! A real proxy, killed and started again.

use std::{
    fs::File,
    net::{Ipv4Addr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::harness::{app::DEADLINE, processes::free_port};

/// A proxy that wants the user `wharf` and the password `pass_word`.
pub(crate) struct Proxy {
    program: &'static str,
    pub(crate) port: u16,
    folder: tempfile::TempDir,
    running: Option<Child>,
}

impl Proxy {
    pub(crate) fn start(program: &'static str) -> Self {
        let mut proxy = Self {
            program,
            port: free_port(),
            folder: tempfile::tempdir().unwrap(),
            running: None,
        };
        proxy.again();
        proxy
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub(crate) fn again(&mut self) {
        let (port, log) = (self.port.to_string(), File::create(self.log()).unwrap());
        let mut command = Command::new(format!("/usr/bin/{}", self.program));
        if self.program == "tinyproxy" {
            let path = self.folder.path().join("conf");
            let conf = format!(
                "Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 600\nLogLevel Connect\nBasicAuth wharf pass_word\n"
            );
            std::fs::write(&path, conf).unwrap();
            command.arg("-d").arg("-c").arg(path);
        } else {
            command.args(["-i", "127.0.0.1", "-p", &port]);
            command.args(["-u", "wharf", "-P", "pass_word"]);
        }
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let running = command.stdin(Stdio::null()).spawn();
        self.running =
            Some(running.expect("`make test` installs the proxies (scripts/services.sh)"));
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(begun.elapsed() < DEADLINE, "{} is silent", self.program);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill().unwrap();
            running.wait().unwrap();
        }
    }

    pub(crate) fn url(&self, password: &str) -> String {
        let scheme = match self.program {
            "tinyproxy" => "http",
            _ => "socks5",
        };
        format!("{scheme}://wharf:{password}@127.0.0.1:{}", self.port)
    }

    /// How often it has connected somebody.
    pub(crate) fn connected(&self) -> usize {
        let log = std::fs::read_to_string(self.log()).unwrap();
        let word = match self.program {
            "tinyproxy" => "Established connection to host",
            _ => ": connected to",
        };
        log.matches(word).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.kill();
    }
}
