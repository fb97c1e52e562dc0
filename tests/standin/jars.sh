#!/bin/sh
# Downloads the jars of the stand-in by Maven into OUT/<flavour>, and checks each by jars.sha256 before anything in it is run.
# Usage: jars.sh OUT        jars.sh --write makes jars.sha256 anew, after a change in poms/: look at what differs before you commit it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
known="$here/jars.sha256"
write=false
if [ "${1:-}" = --write ]; then
  write=true
  out=$(mktemp -d)
  trap 'rm -rf "$out"' EXIT
else
  [ $# -eq 1 ] || { echo "usage: jars.sh OUT | --write" >&2; exit 2; }
  mkdir -p "$1"
  out=$(cd "$1" && pwd)
fi
repository="$out/repository"
plugin=$(sed -n 's#.*<artifactId>maven-dependency-plugin</artifactId><version>\(.*\)</version>.*#\1#p' "$here/poms/plugin.xml")

resolve() { # resolve POM GOAL...
  pom=$1
  shift
  mvn -q -B -Dmaven.repo.local="$repository" -f "$here/poms/$pom.xml" "$@" >"$out/maven.log" 2>&1 \
    || { tail -5 "$out/maven.log" >&2; echo "stand-in: Maven could not resolve the jars" >&2; exit 1; }
}

hashes() { (cd "$repository" && find . -name '*.jar' | sed 's#^\./##' | LC_ALL=C sort | xargs sha256sum); }

check() { # every jar in the repository has its line in jars.sha256
  hashes > "$out/hashes"
  [ "$write" = true ] || sh "$here/unknown.sh" "$known" "$out/hashes" || exit 1
}

rm -rf "$repository"
resolve plugin validate # downloads the plugin and what it needs, and runs nothing of it
check
for flavour in javax jakarta; do
  resolve "$flavour" "org.apache.maven.plugins:maven-dependency-plugin:$plugin:copy-dependencies" -DoutputDirectory="$out/$flavour"
  check
done
if [ "$write" = true ]; then
  cp "$out/hashes" "$known"
  echo "stand-in: wrote $(wc -l < "$known") hashes"
else
  rm -rf "$repository"
fi
