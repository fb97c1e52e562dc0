#!/bin/sh
# Builds the Jenkins stand-in, both flavours, into the folder OUT. Idempotent: does nothing when OUT holds a finished build of the same sources.
# Usage: build.sh OUT JARS        OUT/<flavour>/{lib/*.jar,boot,core,plugin,plugin-<edition>,openmfa-<version>,casc}; JARS is what jars.sh made
set -eu
[ $# -eq 2 ] || { echo "usage: build.sh OUT JARS" >&2; exit 2; }
for tool in java javac; do
  command -v "$tool" >/dev/null || { echo "stand-in: $tool is missing; install a JDK 17 or later" >&2; exit 1; }
done
jars=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
stamp=$(cd "$here" && find build.sh jars.sha256 poms java -type f | LC_ALL=C sort | xargs cat | sha256sum | cut -d' ' -f1)
[ "$(cat "$out/stamp" 2>/dev/null || true)" = "$stamp" ] && { echo "stand-in: up to date"; exit 0; }
rm -f "$out/stamp"

extend() { # extend PLUGIN EDITION [SETTINGS]: the plugin with what the edition puts in place of, or into, its classes
  cp -r "$here/java/$1/." "$work/"
  if [ -d "$here/java/editions/$2" ]; then cp -r "$here/java/editions/$2/." "$work/"; fi
  if [ $# -eq 3 ]; then
    sed -i '$d' "$work/$3"
    { cat "$here/java/editions/$2.members"; echo "}"; } >> "$work/$3"
  fi
}

compile() { # compile FLAVOUR PART CLASSPATH
  work="$out/work/$1/$2"
  rm -rf "$work" "$out/$1/$2"; mkdir -p "$work" "$out/$1/$2"
  case "$2" in
    plugin-*) extend plugin "${2#plugin-}" io/jenkins/plugins/twofactor/jenkins/MoGlobalConfig.java ;;
    openmfa-104) extend openmfa none ;; # this one, and the versions before it
    openmfa-*) extend openmfa "$2" io/jenkins/plugins/openmfa/MFAGlobalConfiguration.java ;;
    *) cp -r "$here/java/$2/." "$work/" ;;
  esac
  if [ "$2" = core ]; then cp -r "$here/java/only-$1/." "$work/"; fi
  if [ "$1" = jakarta ]; then # the sources are kept once, written for javax; "javax:" marks a name that must stay
    find "$work" -name '*.java' -exec sed -i -e 's/javax\.servlet/jakarta.servlet/g' -e 's/org\.eclipse\.jetty\.servlet/org.eclipse.jetty.ee9.servlet/g' \
      -e 's/javax:servlet/javax.servlet/g' {} +
  fi
  find "$work" -name '*.java' > "$out/work/$1/$2.files"
  javac --release 17 -nowarn -parameters -proc:none -encoding UTF-8 -cp "$3" -d "$out/$1/$2" @"$out/work/$1/$2.files" 2>"$out/work/$1/$2.log" \
    || { cat "$out/work/$1/$2.log" >&2; echo "stand-in: $1/$2 does not compile" >&2; exit 1; }
}

for flavour in javax jakarta; do
  rm -rf "$out/$flavour/lib"; mkdir -p "$out/$flavour"
  cp -r "$jars/$flavour" "$out/$flavour/lib"
  echo "stand-in: compiling flavour $flavour"
  base="$out/$flavour"
  compile "$flavour" boot "$base/lib/*"
  compile "$flavour" core "$base/lib/*:$base/boot"
  compile "$flavour" plugin "$base/lib/*:$base/boot:$base/core"
  for edition in premium premium-half premium-renamed; do compile "$flavour" "plugin-$edition" "$base/lib/*:$base/boot:$base/core"; done
  if [ "$flavour" = jakarta ]; then # OpenMFA runs on nothing else
    for version in 104 111; do compile "$flavour" "openmfa-$version" "$base/lib/*:$base/boot:$base/core"; done
  fi
  compile "$flavour" casc "$base/lib/*:$base/boot:$base/core:$base/plugin"
done
rm -rf "$out/work"
echo "$stamp" > "$out/stamp"
echo "stand-in: ready in $out"
