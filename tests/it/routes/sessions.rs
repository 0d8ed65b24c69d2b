mod linking;
mod manage;
