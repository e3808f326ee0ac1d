# sambert-hifigan, variant cuda: Python 3.11 on x86_64
# Rendered by envspec from the lock sha256:7d7e6fe9d8050d972394b364b8c93e1b13ad24520c0cb65bf95b22a2201c672c.
# Change the spec and render again rather than editing this file.

# Where the packages start from. The build is done in two passes: first to the target `base`, the only pass
# with a network, then from its result, given as START, without any.
ARG START=base

# Base
FROM envspec/base:bookworm-2922acb34ad3 AS base

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

# Stage torch
# Why: the largest and slowest to change; the build with CUDA, from the machine's own index
#   cuda-bindings==13.5.0
#   cuda-pathfinder==1.9.1
#   cuda-toolkit==13.0.3.0
#   filelock==4.3.1
#   fsspec==2023.6.0
#   jinja2==3.1.6
#   markupsafe==3.0.4
#   mpmath==1.3.0
#   networkx==3.6.1
#   nvidia-cublas==13.1.1.3
#   nvidia-cuda-cupti==13.0.85
#   nvidia-cuda-nvrtc==13.0.88
#   nvidia-cuda-runtime==13.0.96
#   nvidia-cudnn-cu13==9.20.0.48
#   nvidia-cufft==12.0.0.61
#   nvidia-cufile==1.15.1.6
#   nvidia-curand==10.4.0.35
#   nvidia-cusolver==12.0.4.66
#   nvidia-cusparse==12.6.3.3
#   nvidia-cusparselt-cu13==0.8.1
#   nvidia-nccl-cu13==2.29.7
#   nvidia-nvjitlink==13.5.37
#   nvidia-nvshmem-cu13==3.4.5
#   nvidia-nvtx==13.0.85
#   setuptools==80.10.2
#   sympy==1.14.0
#   torch==2.13.0
#   triton==3.7.1
#   typing-extensions==4.16.0
FROM stage-1-numeric AS stage-2-torch
COPY stages/stage-2-torch /mnt/stage-2-torch
RUN ["/opt/env/bin/python", "-I", "-B", "/mnt/tools", "install", "/mnt/stage-2-torch", "--into", "/opt/env", "--copy-to", "/mnt/added"]

# Stage modelscope
# Why: pinned together: each of these breaks an import of the others in a neighbouring version
#   addict==2.4.0
#   aiohappyeyeballs==2.7.1
#   aiohttp==3.14.5
#   aiosignal==1.4.0
#   aliyun-python-sdk-core==2.16.1
#   aliyun-python-sdk-kms==2.16.5
#   attrs==26.1.0
#   certifi==2026.10.19.post1
#   cffi==2.1.1
#   charset-normalizer==3.5.3
#   contourpy==1.2.1
#   crcmod==1.7
#   cryptography==50.0.2
#   cycler==0.12.1
#   datasets==2.14.5
#   dill==0.3.7
#   einops==0.8.2
#   fonttools==4.68.0
#   frozenlist==1.8.0
#   gast==0.7.0
#   hf-xet==1.8.0
#   huggingface-hub==0.36.2
#   idna==3.20
#   jmespath==1.1.0
#   kiwisolver==1.5.1
#   matplotlib==3.8.4
#   modelscope==1.13.0
#   multidict==7.2.1
#   multiprocess==0.70.15
#   oss2==2.19.1
#   packaging==26.4
#   pandas==2.3.3
#   pillow==13.0.0
#   platformdirs==4.14.8
#   propcache==0.5.4
#   pyarrow==14.0.2
#   pycparser==3.12
#   pycryptodome==4.4.0
#   pyparsing==3.3.3
#   python-dateutil==4.0.0
#   pytz==2026.6
#   pyyaml==6.0.4
#   requests==2.34.2
#   simplejson==4.3.0
#   six==1.17.0
#   sortedcontainers==2.4.0
#   tqdm==4.70.1
#   tzdata==2026.6
#   urllib3==2.8.0
#   xxhash==4.1.0
#   yapf==0.43.0
#   yarl==1.25.1
FROM stage-2-torch AS stage-3-modelscope
COPY stages/stage-3-modelscope /mnt/stage-3-modelscope
RUN ["/opt/env/bin/python", "-I", "-B", "/mnt/tools", "install", "/mnt/stage-3-modelscope", "--into", "/opt/env", "--copy-to", "/mnt/added"]

# Stage service
# Why: changes most often, so it comes last
#   blinker==1.9.0
#   click==8.5.1
#   espeakng-loader==0.2.4
#   flask==3.0.3
#   h11==0.16.0
#   itsdangerous==2.2.0
#   prometheus-client==0.22.1
#   soundfile==0.12.1
#   werkzeug==3.1.9
FROM stage-3-modelscope AS stage-4-service
COPY stages/stage-4-service /mnt/stage-4-service
RUN ["/opt/env/bin/python", "-I", "-B", "/mnt/tools", "install", "/mnt/stage-4-service", "--into", "/opt/env", "--copy-to", "/mnt/added"]

# The image: the empty environment, then a layer a stage
FROM ${START} AS environment
COPY --from=prepare /mnt/added /
COPY --from=stage-1-numeric /mnt/added /
COPY --from=stage-2-torch /mnt/added /
COPY --from=stage-3-modelscope /mnt/added /
COPY --from=stage-4-service /mnt/added /

# The doctor and the entrypoint, with what was locked and the bill of materials
COPY image /

WORKDIR /app

# The payload: changes most often, so nothing but settings comes after it
COPY --from=payload /app /app

ENV NVIDIA_DRIVER_CAPABILITIES="compute,utility" \
    NVIDIA_VISIBLE_DEVICES="all" \
    PATH="/opt/env/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    PYTHONDONTWRITEBYTECODE="1" \
    PYTHONPATH="/app" \
    PYTHONUNBUFFERED="1" \
    VIRTUAL_ENV="/opt/env"
LABEL io.envspec.gpu="sm_75 sm_80 sm_86 sm_89 sm_90 sm_100 sm_120" \
    io.envspec.lock="sha256:7d7e6fe9d8050d972394b364b8c93e1b13ad24520c0cb65bf95b22a2201c672c" \
    io.envspec.packages="contourpy==1.2.1 datasets==2.14.5 espeakng-loader==0.2.4 flask==3.0.3 h11==0.16.0 huggingface-hub==0.36.2 matplotlib==3.8.4 modelscope==1.13.0 numpy==1.23.5 pandas==2.3.3 prometheus-client==0.22.1 pyarrow==14.0.2 scipy==1.11.4 setuptools==80.10.2 soundfile==0.12.1 torch==2.13.0" \
    io.envspec.plan="sha256:9907f5ec84aa86bcd8a0362a60c96d80d0f360fa6a3a40eebc6337058bd27c0f" \
    io.envspec.python="/opt/env/bin/python" \
    io.envspec.sbom="/opt/envspec/sbom.cdx.json" \
    io.envspec.variant="cuda" \
    io.envspec.version="0.1.0" \
    org.opencontainers.image.base.name="envspec/base:bookworm-2922acb34ad3" \
    org.opencontainers.image.title="sambert-hifigan"
USER 10001:10001
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/opt/env/bin/python", "-I", "-S", "-B", "/opt/envspec", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/env/bin/python", "-I", "-S", "-B", "/opt/envspec"]
CMD ["serve"]
