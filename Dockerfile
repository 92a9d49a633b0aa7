# Two stages: a builder with the toolchain, and an image with nothing but the program and CA certificates.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
# As the benchmarks are built: slower to build, a tenth faster where it computes.
ENV CARGO_PROFILE_RELEASE_LTO=thin
COPY Cargo.toml Cargo.lock deploy/stubs.sh ./
# Dependencies alone, so that a change of our own code does not build them again.
RUN sh stubs.sh make && cargo build --release --locked --features otel && sh stubs.sh remove
COPY . .
RUN touch src/lib.rs src/main.rs && cargo build --release --locked --features otel \
    && strip --strip-debug target/release/empanel

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 empanel \
    && useradd --system --uid 10001 --gid 10001 --home-dir /data empanel \
    && install -d -o empanel -g empanel /data
COPY --from=build /src/target/release/empanel /usr/local/bin/empanel
USER 10001:10001
WORKDIR /data
VOLUME /data
ENV EMPANEL_SERVER__BIND=0.0.0.0:8787 \
    EMPANEL_STORE__URL=sled:/data \
    EMPANEL_FILES__URL=file:/data/files
EXPOSE 8787
# Whether the process answers. Whether it can work is /readyz: a store that is away is no reason to start it anew.
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["empanel", "health"]
# A stop takes up to [server] drain_s and a few seconds.
STOPSIGNAL SIGTERM
# Reachable from outside the container, so it needs a key:
#   docker run --rm -v data:/data empanel keys create --role admin --project default
#   docker run --stop-timeout 30 -p 8787:8787 -v data:/data empanel
ENTRYPOINT ["empanel"]
CMD ["serve"]
