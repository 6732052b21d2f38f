
# What the function needs. These lines run again when one of the copied files has changed, and not before.
FROM ${BASE}-build AS packages
ENV PYTHONHASHSEED=0
WORKDIR /project
COPY @FILES@ ./
RUN @INSTALL@
# Of a wheel that lies in a folder uv notes when the folder got it.
RUN find /packages -name uv_cache.json -delete; \
    find /packages -name RECORD -exec sed -i '/uv_cache\.json,/d' {} +; \
    python3 -m compileall -q --invalidation-mode unchecked-hash -s /packages -p / /packages || true; \
    find /packages -exec touch --no-dereference --date=@315532800 {} +
