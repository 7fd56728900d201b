# The connector's image: Airbyte's base, the locked dependencies in one layer, the connector in the next.
# The base is named by its digest, the same as in metadata.yaml, so that a rebuild gives the same image.
ARG BASE_IMAGE=docker.io/airbyte/python-connector-base:4.1.1@sha256:a268b44c733ae699a60f5fbc06a324945dba98945c6e2ab7f8609f2f895b0d28

FROM ${BASE_IMAGE} AS builder
# Whatever user the base ends with: this stage installs below /opt, and nothing but /opt/venv leaves it.
# hadolint ignore=DL3002
USER 0
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore

# A virtual environment moves to the next stage in one piece, wherever the base keeps its own Python. The one that moves
# has no pip in it: nothing is installed at run time. pip compiles what it installs, and a read-only container needs that.
RUN python -m venv --without-pip /opt/venv && python -m venv /opt/build

# What the connector stands on changes seldom: it is installed before the connector's own files come in. The lock is
# whole but for requirements-left-out.txt, which is what pip would miss: so it is told not to look.
COPY requirements-image.lock requirements-build.lock ./
RUN /opt/build/bin/pip install --require-hashes --requirement requirements-build.lock \
    && /opt/build/bin/pip --python /opt/venv/bin/python install --no-deps --require-hashes --requirement requirements-image.lock

COPY pyproject.toml README.md LICENSE ./
COPY source_acumatica ./source_acumatica
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /opt/wheel . \
    && /opt/build/bin/pip --python /opt/venv/bin/python install --no-deps --no-index /opt/wheel/*.whl \
    && find /opt/venv/bin -mindepth 1 ! -name 'python*' ! -name source-acumatica -delete

FROM ${BASE_IMAGE}
WORKDIR /airbyte/integration_code
COPY --from=builder /opt/venv /opt/venv

# The platform starts this path from a folder of its own choice, so it is absolute and the same as the entry point.
ENV PATH="/opt/venv/bin:${PATH}" \
    AIRBYTE_ENTRYPOINT="/opt/venv/bin/source-acumatica"

LABEL io.airbyte.name="airbyte/source-acumatica" \
      io.airbyte.version="0.2.0" \
      org.opencontainers.image.title="source-acumatica" \
      org.opencontainers.image.description="Airbyte source for Acumatica ERP" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="0.2.0"

# By number, so that an orchestrator can see that it is not root; in the base this is the user airbyte.
USER 1000
ENTRYPOINT ["/opt/venv/bin/source-acumatica"]
