# espeak: Python 3.11 on x86_64
# Rendered by envspec from the lock sha256:c7c863cd28980209355e79b43df97b5e4bab9646caffb1b6622280de4b5b0ecc.
# Change the spec and render again rather than editing this file.

# Where the packages start from. The build is done in two passes: first to the target `base`, the only pass
# with a network, then from its result, given as START, without any.
ARG START=base

# Base
FROM envspec/base:bookworm-9f573a9e526e AS base

# The payload, compiled; on its own, so that neither it nor the packages wait for the other
FROM ${START} AS payload
COPY tools /mnt/tools
COPY payload /mnt/payload
RUN ["python3.11", "-I", "-B", "-c", "import sys; sys.path.insert(0, '/mnt/tools'); from builder.inside.entrypoint import payload; sys.exit(payload.main(sys.argv[1:]))", "/mnt/payload", "/app", "/mnt/cache"]

# This engine cannot mount: what installs is copied into stages that are thrown away, and only what each of
# them added goes into the image.
FROM ${START} AS prepare
COPY tools /mnt/tools
RUN ["python3.11", "-I", "-B", "/mnt/tools", "prepare", "--into", "/opt/env", "--copy-to", "/mnt/added"]

# Stage numeric
# Why: hard C-ABI dependencies first: everything later adapts to them
#   numpy==1.23.5
#   scipy==1.11.4
FROM prepare AS stage-1-numeric
COPY stages/stage-1-numeric /mnt/stage-1-numeric
RUN ["/opt/env/bin/python", "-I", "-B", "/mnt/tools", "install", "/mnt/stage-1-numeric", "--into", "/opt/env", "--copy-to", "/mnt/added"]

# Stage audio
# Why: the voice and the audio formats; they bring their own libraries
#   cffi==2.1.1
#   espeakng-loader==0.2.4
#   pycparser==3.12
#   soundfile==0.12.1
FROM stage-1-numeric AS stage-2-audio
COPY stages/stage-2-audio /mnt/stage-2-audio
RUN ["/opt/env/bin/python", "-I", "-B", "/mnt/tools", "install", "/mnt/stage-2-audio", "--into", "/opt/env", "--copy-to", "/mnt/added"]

# Stage service
# Why: changes most often, so it comes last
#   blinker==1.9.0
#   click==8.5.1
#   flask==3.0.3
#   h11==0.16.0
#   itsdangerous==2.2.0
#   jinja2==3.1.6
#   markupsafe==3.0.4
#   prometheus-client==0.22.1
#   werkzeug==3.1.9
FROM stage-2-audio AS stage-3-service
COPY stages/stage-3-service /mnt/stage-3-service
RUN ["/opt/env/bin/python", "-I", "-B", "/mnt/tools", "install", "/mnt/stage-3-service", "--into", "/opt/env", "--copy-to", "/mnt/added"]

# The image: the empty environment, then a layer a stage
FROM ${START} AS environment
COPY --from=prepare /mnt/added /
COPY --from=stage-1-numeric /mnt/added /
COPY --from=stage-2-audio /mnt/added /
COPY --from=stage-3-service /mnt/added /

# The doctor and the entrypoint, with what was locked and the bill of materials
COPY image /

WORKDIR /app

# The payload: changes most often, so nothing but settings comes after it
COPY --from=payload /app /app

ENV PATH="/opt/env/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    PYTHONDONTWRITEBYTECODE="1" \
    PYTHONPATH="/app" \
    PYTHONUNBUFFERED="1" \
    VIRTUAL_ENV="/opt/env"
LABEL io.envspec.lock="sha256:c7c863cd28980209355e79b43df97b5e4bab9646caffb1b6622280de4b5b0ecc" \
    io.envspec.packages="espeakng-loader==0.2.4 flask==3.0.3 h11==0.16.0 numpy==1.23.5 prometheus-client==0.22.1 scipy==1.11.4 soundfile==0.12.1" \
    io.envspec.plan="sha256:d52b9dbb81c0f5f9b441ac202e042db13fea1308ca905b57c3d640aeaf5eab52" \
    io.envspec.python="/opt/env/bin/python" \
    io.envspec.sbom="/opt/envspec/sbom.cdx.json" \
    io.envspec.variant="" \
    io.envspec.version="0.1.0" \
    org.opencontainers.image.base.name="envspec/base:bookworm-9f573a9e526e" \
    org.opencontainers.image.title="espeak"
USER 10001:10001
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/opt/env/bin/python", "-I", "-S", "-B", "/opt/envspec", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/env/bin/python", "-I", "-S", "-B", "/opt/envspec"]
CMD ["serve"]
