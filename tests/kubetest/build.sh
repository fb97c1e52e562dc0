#!/bin/sh
# Build the test control plane: build.sh [OUTPUT]. Stamped with the Kubernetes version of go.mod, or the server would
# call itself v0.0.0-master and clients would refuse features by its version.
set -e
output=$(realpath -m "${1:-kubetest}")
cd "$(dirname "$0")"
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${version#v1.}
minor=${minor%%.*}
stamp=k8s.io/component-base/version
CGO_ENABLED=0 go build -trimpath -o "$output" -ldflags "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 \
  -X $stamp.gitMinor=$minor -X $stamp.gitTreeState=clean" .
