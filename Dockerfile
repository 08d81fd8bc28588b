# One node of a consortium. Installs from the wheelhouse that docker/wheels.sh makes, so the build
# asks no package index. The base is any Debian 12: one with Python 3.11 (docker/base.sh makes one)
# needs no network at all, another gets Python from its own package sources. See docs/docker.md.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS python
RUN command -v python3 >/dev/null || { \
        apt-get update \
        && apt-get upgrade -y \
        && apt-get install -y --no-install-recommends python3 \
        && apt-get clean \
        && rm -rf /var/lib/apt/lists/*; \
    }

FROM python AS build
COPY docker/wheelhouse /wheelhouse
# The wheelhouse brings its own pip, which runs from its wheel and stays out of the image.
RUN python3 -m venv --without-pip /opt/tongzhang \
    && /opt/tongzhang/bin/python "$(echo /wheelhouse/pip-*.whl)/pip" install \
        --no-index --find-links /wheelhouse --no-cache-dir 'tongzhang[postgresql]' \
    && rm -f /opt/tongzhang/bin/activate* /opt/tongzhang/bin/Activate*

FROM python
LABEL org.opencontainers.image.title="tongzhang" \
      org.opencontainers.image.description="One node of a permissioned multi-party ledger" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --system --gid 10001 node \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /home/node \
        --shell /usr/sbin/nologin node \
    && install -d -o node -g node -m 0750 /home/node
COPY --from=build /opt/tongzhang /opt/tongzhang
COPY docker/node.sh /opt/tongzhang/bin/run-node
COPY docker/found.sh /opt/tongzhang/bin/found-consortium
# A node that stops waits for the name look-ups under way: with a dead name server, not for long.
ENV PATH=/opt/tongzhang/bin:$PATH \
    RES_OPTIONS="timeout:2 attempts:2" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TONGZHANG_HOME=/home/node
USER node
WORKDIR /home/node
ENTRYPOINT ["tongzhang"]
CMD ["--help"]
