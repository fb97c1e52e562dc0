#!/bin/sh
# Fails, and says which, if a line of HASHES (sha256sum) is not in KNOWN: unknown.sh KNOWN HASHES
set -eu
[ -s "$2" ] || { echo "stand-in: there are no jars to check" >&2; exit 1; }
if grep -vxF -f "$1" "$2" >&2; then
  echo "stand-in: these jars are not those of jars.sha256, so nothing of them was run (tests/standin/jars.sh --write records others)" >&2
  exit 1
fi
