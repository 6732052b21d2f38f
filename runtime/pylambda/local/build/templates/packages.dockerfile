
# What the function needs. These lines run again when one of the copied files has changed, and not before.
FROM ${BASE}-build AS packages
ENV PYTHONHASHSEED=0
WORKDIR /project
COPY @FILES@ ./
RUN @INSTALL@
RUN python3 -m compileall -q --invalidation-mode unchecked-hash -s /packages -p / /packages || true; \
    find /packages -exec touch --no-dereference --date=@315532800 {} +
