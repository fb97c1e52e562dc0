#!/bin/sh
# Make go.mod and go.sum anew for a Kubernetes version: gomod.sh 1.36.3
set -e
cd "$(dirname "$0")"
version=$1
staging=v0.${version#1.}
rm -f go.mod go.sum
go mod init kubetest >/dev/null 2>&1
go mod edit -go=1.26.0 "-require=k8s.io/kubernetes@v$version"
# k8s.io/kubernetes points its staging modules at ./staging/...; send them to the published tags instead.
module_file=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
sed -n 's#^\t\(k8s.io/[a-z-]*\) => ./staging.*#\1#p' "$module_file" | while read -r module; do
  go mod edit "-replace=$module=$module@$staging"
done
go mod tidy
