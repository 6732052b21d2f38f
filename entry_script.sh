#!/bin/sh
# One decision: inside Lambda (AWS_LAMBDA_RUNTIME_API is set) start the runtime, else an emulator on it: Amazon's, or ours.
set -eu
if [ $# -ne 1 ]; then
  echo "entrypoint requires the handler name to be the first argument, as in CMD [\"app.handler\"]; got $# arguments" >&2
  exit 142
fi
export _HANDLER="$1"
runtime_dir="${LAMBDA_RUNTIME_DIR:-/var/runtime}"
if [ -n "${AWS_LAMBDA_RUNTIME_API:-}" ]; then
  # Read by this shell: another one takes a tenth of a start. It ends by becoming the runtime, and has no arguments.
  set --
  # shellcheck source=bootstrap
  . "$runtime_dir/bootstrap"
  exit
fi
export PYLAMBDA_LOCAL=1
# -IS: neither the function's files nor its PYTHONPATH have a say in what starts the emulator.
exec "${PYLAMBDA_PYTHON:-/var/lang/bin/python3}" -IS "$runtime_dir/pylambda/local/emulator.py" "$runtime_dir/bootstrap"
