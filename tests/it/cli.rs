//! The program from the outside: what it prints, and how it ends.

use std::process::{Command, Output};

/// `wharf` with `args`, in a folder of its own and without the environment of this process.
fn wharf(folder: &tempfile::TempDir, args: &[&str], env: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wharf"))
        .args(args)
        .current_dir(folder.path())
        .env_clear()
        .envs(env.iter().copied())
        .output()
        .unwrap()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_wrong_configuration_ends_with_2_and_every_fault_once() {
    let output = wharf(
        &folder(),
        &["config", "check"],
        &[("PORT", "many"), ("WHARF_HTPP__PORT", "1")],
    );
    let told = told(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert_eq!(told.matches("expected a whole number").count(), 1, "{told}");
    assert!(told.contains("did you mean WHARF_HTTP__PORT?"), "{told}");
}

#[test]
fn a_sample_password_on_a_public_address_ends_with_3() {
    let env = [("HOST", "0.0.0.0"), ("ADMIN_PASSWORD", "admin123")];
    let output = wharf(&folder(), &["config", "check"], &env);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("not loopback"), "{told}");
    assert!(!told.contains("admin123"), "{told}");
}

#[test]
fn config_check_prints_what_is_in_effect_without_a_secret() {
    let env = [("JWT_SECRET", "hunter2"), ("PORT", "9000")];
    let output = wharf(&folder(), &["config", "check"], &env);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(shown.contains("port = 9000  # PORT"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn migrate_twice_has_nothing_to_do_the_second_time() {
    let folder = folder();
    let first = wharf(&folder, &["migrate"], &[]);
    assert!(first.status.success(), "{}", told(&first));
    assert!(
        String::from_utf8(first.stdout)
            .unwrap()
            .starts_with("applied ")
    );
    let second = wharf(&folder, &["migrate"], &[]);
    assert!(
        String::from_utf8(second.stdout)
            .unwrap()
            .starts_with("nothing to do")
    );
}

#[test]
fn a_database_of_a_newer_version_is_refused_with_3() {
    let folder = folder();
    assert!(wharf(&folder, &["migrate"], &[]).status.success());
    let url = format!("sqlite://{}", folder.path().join("data/wharf.db").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        use sea_orm::ConnectionTrait;
        let db = wharf::db::connect(&url, 1).await.unwrap();
        db.execute_unprepared("INSERT INTO seaql_migrations VALUES ('m29990101_000001_later', 0)")
            .await
            .unwrap();
        db.close().await.unwrap();
    });
    let output = wharf(&folder, &["migrate"], &[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(told(&output).contains("m29990101_000001_later"));
}

#[test]
fn healthcheck_fails_when_nobody_listens() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let output = wharf(&folder(), &["healthcheck"], &[("PORT", port.as_str())]);
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("nobody listens"));
}

#[test]
fn a_user_is_added_and_a_key_made_beside_the_service() {
    let folder = folder();
    assert!(wharf(&folder, &["migrate"], &[]).status.success());
    let added = wharf(&folder, &["user", "add", "ada"], &[]);
    assert!(added.status.success(), "{}", told(&added));
    assert!(String::from_utf8_lossy(&added.stdout).contains("password: "));

    let again = wharf(&folder, &["user", "add", "ada"], &[]);
    assert_eq!(again.status.code(), Some(1));

    let key = wharf(
        &folder,
        &["key", "create", "--user", "ada", "--name", "ci"],
        &[],
    );
    assert!(key.status.success(), "{}", told(&key));
    assert!(String::from_utf8_lossy(&key.stdout).starts_with("wk_"));

    let args = [
        "key",
        "create",
        "--user",
        "ada",
        "--name",
        "ci",
        "--scope",
        "users:admin",
    ];
    let more = wharf(&folder, &args, &[]);
    assert_eq!(more.status.code(), Some(1));
    assert!(told(&more).contains("more than you may do yourself"));
}

#[test]
fn a_password_comes_from_a_file_and_never_from_the_arguments() {
    let folder = folder();
    assert!(wharf(&folder, &["migrate"], &[]).status.success());
    std::fs::write(folder.path().join("password"), "correct horse battery\n").unwrap();
    let args = [
        "user",
        "add",
        "ada",
        "--admin",
        "--password-file",
        "password",
    ];
    let added = wharf(&folder, &args, &[]);
    assert!(added.status.success(), "{}", told(&added));
    assert!(!String::from_utf8_lossy(&added.stdout).contains("correct horse"));
    std::fs::write(folder.path().join("password"), "short\n").unwrap();
    let args = ["user", "add", "eve", "--password-file", "password"];
    assert!(told(&wharf(&folder, &args, &[])).contains("password must have"));
}

#[test]
fn a_database_that_was_never_migrated_is_named_with_the_remedy() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let output = wharf(&folder, &["user", "add", "ada"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told(&output).contains("run `wharf migrate`"),
        "{}",
        told(&output)
    );
}
