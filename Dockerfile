# Two images from one file: `docker build .` is the live build, `docker build --target sandbox .` the sandbox build.
# scripts/dockerfile-check.sh runs the same steps in a plain folder, where there is no engine.

FROM node:22-bookworm-slim AS web
WORKDIR /src
# The tools first: they change less often than the sources.
COPY web/package.json web/package-lock.json web/
RUN npm --prefix web ci --no-audit --no-fund
COPY web web
RUN npm --prefix web run build

# As rust-toolchain.toml has it, or rustup would fetch a second one.
FROM rust:1.95.0-slim-bookworm AS sources
# make is for jemalloc.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# Everything but what .dockerignore names.
COPY . .
COPY --from=web /src/web/dist web/dist

FROM sources AS build-live
RUN cargo build --locked --release --bin wharf

FROM sources AS build-sandbox
RUN cargo build --locked --release --bin wharf --features sandbox

FROM debian:bookworm-slim AS base
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 wharf \
    && useradd --system --uid 10001 --gid wharf --home-dir /data --shell /usr/sbin/nologin wharf \
    && install --directory --owner=wharf --group=wharf --mode=0700 /data
# Everything that is written goes to /data: run it with a read-only root.
ENV HOST=0.0.0.0 DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
# Longer than the service's own deadline for a stop (25 s): docker stop --time 30.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=6s --start-period=20s --retries=3 CMD ["wharf", "healthcheck"]
ENTRYPOINT ["wharf"]
CMD ["serve"]

FROM base AS sandbox
COPY --from=build-sandbox /src/target/release/wharf /usr/local/bin/wharf

FROM base AS live
COPY --from=build-live /src/target/release/wharf /usr/local/bin/wharf
