#!/bin/sh
# Build the PromQL evaluator of the alerts' test: build.sh [OUTPUT].
set -e
output=$(realpath -m "${1:-promql}")
cd "$(dirname "$0")"
CGO_ENABLED=0 go build -trimpath -o "$output" -ldflags "-s -w" .
