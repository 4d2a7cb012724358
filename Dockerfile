# PostgreSQL with cvm_count: the official image, and the extension's files on top.
#   docker build --build-arg PG=17 -t postgres-cvm-count .
# PG is 15, 16, 17, 18 or 19.
# Not tested: it was written where no Docker engine ran.
ARG PG=17

FROM postgres:${PG}-bookworm AS build
ARG PG
RUN apt-get update && apt-get install -y --no-install-recommends \
        binutils build-essential ca-certificates clang curl libclang-dev make pkg-config "postgresql-server-dev-${PG}"
RUN curl -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --default-toolchain 1.96
ENV PATH=/root/.cargo/bin:$PATH
WORKDIR /cvm_count
COPY . .
ENV PG_CONFIG=/usr/lib/postgresql/${PG}/bin/pg_config
RUN make setup && make install DESTDIR=/tree

FROM postgres:${PG}-bookworm
ARG PG
COPY --from=build /tree /
