# Two stages: a builder with the toolchain, and an image with nothing but the program and CA certificates.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
# Dependencies alone, so that a change of our own code does not build them again.
RUN mkdir -p src benches/main_job tests/all \
    && echo 'fn main() {}' | tee src/main.rs benches/store.rs benches/main_job/main.rs tests/all/main.rs >/dev/null \
    && touch src/lib.rs && cargo build --release --locked && rm -rf src
COPY . .
RUN touch src/lib.rs src/main.rs && cargo build --release --locked && strip --strip-debug target/release/empanel

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data empanel \
    && install -d -o empanel -g empanel /data
COPY --from=build /src/target/release/empanel /usr/local/bin/empanel
USER empanel
WORKDIR /data
VOLUME /data
ENV EMPANEL_SERVER__BIND=0.0.0.0:8787 \
    EMPANEL_STORE__URL=sled:/data \
    EMPANEL_FILES__URL=file:/data/files
EXPOSE 8787
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s CMD curl -fsS http://127.0.0.1:8787/healthz || exit 1
# Reachable from outside the container, so it needs a key:
#   docker run --rm -v data:/data empanel keys create --role admin --project default
#   docker run -p 8787:8787 -v data:/data empanel
ENTRYPOINT ["empanel"]
CMD ["serve"]
