# One node of a consortium. The base image is any Debian with apt; `docker/base.sh` makes one from
# Debian's packages where none can be pulled.
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv python3-pip ca-certificates \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY ledger ledger
COPY consensus consensus
COPY node node
COPY api api
COPY simulator simulator
COPY cli cli
RUN python3 -m venv /opt/tongzhang \
    && /opt/tongzhang/bin/pip install --no-cache-dir '.[postgresql]'

ARG BASE=debian:bookworm-slim
FROM ${BASE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /home/node --create-home node
COPY --from=build /opt/tongzhang /opt/tongzhang
ENV PATH=/opt/tongzhang/bin:$PATH
USER node
VOLUME /home/node
EXPOSE 7100
ENTRYPOINT ["tongzhang"]
CMD ["--help"]
