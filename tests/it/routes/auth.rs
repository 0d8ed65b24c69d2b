//! Signing in and out.

mod change_password;
mod login;
mod logout;
mod refresh;
mod tokens;
