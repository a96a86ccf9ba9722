#!/bin/sh
# Runs a command with the secret in MAIN_SECRET_FILE as its MAIN_SECRET, unless the environment has one already.
set -eu
if [ -z "${MAIN_SECRET:-}" ] && [ -n "${MAIN_SECRET_FILE:-}" ]; then
    MAIN_SECRET=$(cat "$MAIN_SECRET_FILE")
    export MAIN_SECRET
fi
exec "$@"
