//! A client, packed from its sources and installed as somebody would who has got the package.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    TypeScript,
    Python,
}

/// A package as it is handed on.
struct Package {
    name: String,
    bytes: Vec<u8>,
}

impl Package {
    fn read(file: &Path) -> Self {
        Self {
            name: file.file_name().unwrap().to_str().unwrap().to_owned(),
            bytes: fs::read(file).unwrap(),
        }
    }

    /// Packed once for all tests: most of the time goes into that.
    fn of(language: Language) -> &'static Self {
        static TYPESCRIPT: OnceLock<Package> = OnceLock::new();
        static PYTHON: OnceLock<Package> = OnceLock::new();
        let source = || tempfile::tempdir().unwrap();
        match language {
            Language::TypeScript => TYPESCRIPT.get_or_init(|| pack_typescript(source().path())),
            Language::Python => PYTHON.get_or_init(|| pack_python(source().path())),
        }
    }

    fn lay(&self, folder: &Path) -> PathBuf {
        let file = folder.join(&self.name);
        fs::write(&file, &self.bytes).unwrap();
        file
    }
}

/// A project of its own that has installed the package and nothing else.
pub(super) struct Built {
    language: Language,
    app: PathBuf,
}

fn tools() -> PathBuf {
    let home = env::var_os("TEST_CLIENTS").expect(
        "TEST_CLIENTS is not set: `make test` installs the tools and sets it (scripts/clients.sh)",
    );
    home.into()
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}\n{complained}");
    said
}

/// Copies what is under version control; what a build leaves behind is not.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        if matches!(name.to_str(), Some("node_modules" | "dist" | "__pycache__")) {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn only_file(folder: &Path, ending: &str) -> PathBuf {
    let mut files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let found = files.find(|file| file.to_string_lossy().ends_with(ending));
    found.unwrap_or_else(|| panic!("no {ending} in {}", folder.display()))
}

impl Built {
    pub(super) fn from_its_package(language: Language, folder: &Path) -> Self {
        let app = folder.join("app");
        let package = Package::of(language).lay(folder);
        match language {
            Language::TypeScript => install_typescript(&package, &app),
            Language::Python => install_python(&package, &app),
        }
        Self { language, app }
    }

    /// The example of its README, type-checked against the package.
    pub(super) fn example(&self) -> Command {
        match self.language {
            Language::TypeScript => {
                let example = self.app.join("quickstart.ts");
                fs::copy(
                    sources().join("typescript/examples/quickstart.ts"),
                    &example,
                )
                .unwrap();
                run(Command::new("node")
                    .arg(tools().join("node/node_modules/typescript/bin/tsc"))
                    .args(["--strict", "--target", "es2022", "--module", "nodenext"])
                    .args(["--types", "node", "quickstart.ts"])
                    .current_dir(&self.app));
                self.node(&self.app.join("quickstart.js"))
            }
            Language::Python => {
                let example = sources().join("python/examples/quickstart.py");
                let package = only_file(&self.site_packages(), "wharf_client");
                run(Command::new("python3")
                    .args(["-m", "mypy", "--strict", "--python-executable"])
                    .arg(self.app.join("bin/python"))
                    .args(["--cache-dir", "mypy"])
                    .args([&example, &package])
                    .env("PYTHONPATH", tools().join("python"))
                    .current_dir(&self.app));
                self.python(&example)
            }
        }
    }

    /// One of `tests/clients`.
    pub(super) fn program(&self, name: &str) -> Command {
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
        match self.language {
            Language::TypeScript => {
                let name = format!("{name}.mjs");
                // From where the package is found.
                fs::copy(programs.join(&name), self.app.join(&name)).unwrap();
                self.node(&self.app.join(name))
            }
            Language::Python => self.python(&programs.join(format!("{name}.py"))),
        }
    }

    /// Node before 22 has a WebSocket only when it is told so.
    fn node(&self, script: &Path) -> Command {
        let mut command = Command::new("node");
        command.args(["--no-warnings", "--experimental-websocket"]);
        command.arg(script).current_dir(&self.app);
        command
    }

    fn python(&self, script: &Path) -> Command {
        let mut command = Command::new(self.app.join("bin/python"));
        command.arg(script).current_dir(&self.app);
        command
    }

    fn site_packages(&self) -> PathBuf {
        only_file(&self.app.join("lib"), "").join("site-packages")
    }
}

fn pack_typescript(source: &Path) -> Package {
    copy(&sources().join("typescript"), source);
    let modules = tools().join("node/node_modules");
    std::os::unix::fs::symlink(&modules, source.join("node_modules")).unwrap();
    run(Command::new("node")
        .arg(modules.join("typescript/bin/tsc"))
        .args(["-p", "."])
        .current_dir(source));
    run(Command::new("npm")
        .args(["pack", "--silent"])
        .current_dir(source));
    Package::read(&only_file(source, ".tgz"))
}

fn install_typescript(package: &Path, app: &Path) {
    fs::create_dir_all(app).unwrap();
    fs::write(
        app.join("package.json"),
        r#"{"private": true, "type": "module"}"#,
    )
    .unwrap();
    run(Command::new("npm")
        .args([
            "install",
            "--offline",
            "--no-audit",
            "--no-fund",
            "--silent",
        ])
        .arg(package)
        .current_dir(app));
    let modules = tools().join("node/node_modules");
    std::os::unix::fs::symlink(modules.join("@types"), app.join("node_modules/@types")).unwrap();
    std::os::unix::fs::symlink(
        modules.join("undici-types"),
        app.join("node_modules/undici-types"),
    )
    .unwrap();
}

fn pack_python(source: &Path) -> Package {
    copy(&sources().join("python"), source);
    run(Command::new("python3")
        .args(["-m", "build", "--no-isolation", "--outdir", "dist"])
        .env("PYTHONPATH", tools().join("python"))
        .current_dir(source));
    Package::read(&only_file(&source.join("dist"), ".whl"))
}

fn install_python(package: &Path, app: &Path) {
    run(Command::new("python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(app));
    let site_packages = only_file(&app.join("lib"), "").join("site-packages");
    let tools = tools().join("python");
    fs::write(site_packages.join("tools.pth"), tools.to_str().unwrap()).unwrap();
    // The interpreter itself: what a version manager puts before it looks for new programs after each install, and two that look at
    // once get into each other's way.
    let mut asked = Command::new("python3");
    let itself = run(asked.args(["-c", "import sys; print(sys.executable)"]));
    run(Command::new(itself.trim())
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--target",
        ])
        .arg(&site_packages)
        .arg(package));
}
