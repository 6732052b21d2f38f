
# Its own files: readable for the user that Lambda picks, with byte code, and of one time, so that the same files make the
# same layer. Byte code is unchecked, because a source that cannot change needs no comparison.
FROM ${BASE}-build AS function
ENV PYTHONHASHSEED=0
COPY @ROOT@ /function${LAMBDA_TASK_ROOT}/
RUN chmod -R a+rX /function; \
    python3 -m compileall -q --invalidation-mode unchecked-hash -s /function -p / /function || true; \
    find /function -exec touch --no-dereference --date=@315532800 {} +

# Whole trees are copied onto the root: a copy into a folder that is there would give that folder the time of the build.
FROM ${BASE}-slim
@COPY@COPY --from=function /function/ /
CMD ["@HANDLER@"]
