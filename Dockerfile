# PostgreSQL with cvm_count: the official image, and the extension's files on top.
#   docker build --build-arg PG=17 -t postgres-cvm-count .
# Those files alone, an image volume for PostgreSQL 18 and later (docs/images.md):
#   docker build --build-arg PG=18 --build-arg DEBIAN=trixie --target volume -t cvm_count:18 .
# PG is 15, 16, 17, 18 or 19; DEBIAN is the release of Debian that the server's image is made of.
#
# No Docker engine ran where this was written. What it runs, scripts/image, is run in an empty Debian by `make test-debian`.
ARG PG=17
ARG DEBIAN=bookworm

FROM postgres:${PG}-${DEBIAN} AS build
ENV PATH=/root/.cargo/bin:$PATH
WORKDIR /cvm_count
COPY . .
RUN scripts/image "$PG_MAJOR" /image

FROM scratch AS volume
COPY --from=build /image/volume /

FROM postgres:${PG}-${DEBIAN}
COPY --from=build /image/server /
