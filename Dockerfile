# The operator and the command line in one image. Build it from the checkout: docker build -t jenkins-2fa-operator:0.1.0 .
# The tag of the base can be moved. A release is built with its digest: --build-arg BASE=python:3.11.14-slim-bookworm@sha256:… (docs/releasing.md).
ARG BASE=python:3.11.14-slim-bookworm
FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /source
COPY pyproject.toml README.md LICENSE NOTICE THIRD-PARTY.md ./
COPY locks locks
COPY crds crds
COPY schemas schemas
COPY operator operator
# Every file that is installed has the hash that locks/ says, what builds the wheel included.
RUN python -m venv /opt/build
RUN python -m pip --python /opt/build/bin/python install --require-hashes -r locks/build.txt
RUN python -m pip --python /opt/build/bin/python wheel --no-deps --no-build-isolation --wheel-dir /wheel .
RUN python -m venv --without-pip /opt/jenkins2fa
RUN python -m pip --python /opt/jenkins2fa/bin/python install --require-hashes -r locks/run.txt
RUN python -m pip --python /opt/jenkins2fa/bin/python install --no-deps --no-index /wheel/*.whl

FROM ${BASE}
LABEL org.opencontainers.image.title="jenkins-2fa-operator" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/jenkins2fa /opt/jenkins2fa
# Nothing is written: the root file system may be read-only, and the user may be any (OpenShift chooses one).
ENV PATH=/opt/jenkins2fa/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
ENTRYPOINT ["jenkins2fa"]
CMD ["--help"]
