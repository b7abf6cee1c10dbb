#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 1800
# beside: others
#
# The driver on other kernels: what kernel/snnq_probe.sh says of kernels and compilers, and a build
# by DKMS, in a tree of its own, with the headers and the compiler of each kernel that Debian has
# packages of (W=1, no warning). SNNQ_KERNELS=all: for those of coming releases, too; or names.
# on: compilers of 6.1 to 7.3
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh
repo=$PWD
out=$repo/build/check/kernels
dkms=$out/dkms/usr/sbin/dkms
rm -rf "$out"
mkdir -p "$out"

# What packages there are changes; two of 6.x and two of 7.x must be.
kernels='6.1-old 6.1 6.12-old 6.12 7.2 7.3' least=2
case ${SNNQ_KERNELS-} in
'') ;;
all) kernels+=' newest forky sid' ;;
*) kernels=$SNNQ_KERNELS least=0 ;;
esac

# ---- differences between kernels are in one place ----

asks=$(git grep -nE 'LINUX_VERSION_CODE|KERNEL_VERSION|SNNQ_(HAVE|NEED)_|(ifdef|ifndef|defined\(|IS_ENABLED\()[ (]*CONFIG_(DRM|PCI_MSI|NET)' -- \
  Kbuild kernel validator uapi tests/kunit ':!kernel/snnq_compat.h' ':!kernel/snnq_probe.*' || true)
[ -z "$asks" ] || note <<<"$asks"
check "no other file asks what kernel it is" [ -z "$asks" ]
pieces() { grep -oE "SNNQ_HAVE_[A-Za-z0-9_]+" "$1" | sort -u; }
same() { diff <(pieces kernel/snnq_probe.c) <(pieces kernel/snnq_compat.h) >"$out/diff" || { note <"$out/diff"; return 1; }; }
check "each piece is probed and used" same

# ---- the probe itself, with headers of our own ----

# probe NAME STATUS REGEX: of what probe.c has to say; REGEX is for its output and what it wrote.
probe() {
  local rc=0
  : >"$out/have.h"
  sh kernel/snnq_probe.sh "$out/have.h" "$out/probe.c" gcc -std=gnu11 -I"$out" >"$out/said" 2>&1 || rc=$?
  cat "$out/have.h" >>"$out/said"
  if [ $rc -eq "$2" ] && grep -qE "$3" "$out/said"; then
    ok "$1"
  else
    note <"$out/said"
    bad "$1: status $rc, expected $2 and '$3'"
  fi
}
printf '%s\n' 'struct thing { int shape; };' '/* absent(int) is not here */' 'int start(int full);' >"$out/header.h"
piece() { printf '#include "header.h"\n#line 1 "SNNQ_%s"\n%s\n' "$1" "$2" >"$out/probe.c"; }
piece HAVE_MEMBER 'unsigned long x = __builtin_offsetof(struct thing, shape);'
probe "what is there is found" 0 '^#define SNNQ_HAVE_MEMBER 1'
piece HAVE_MEMBER 'unsigned long x = __builtin_offsetof(struct thing, other);'
probe "a type with other members is not it" 0 'lacks MEMBER'
piece HAVE_START 'int (*const x)(int full, int more) = start;'
probe "nor a function with other parameters" 0 'lacks START'
piece HAVE_ABSENT 'int (*const x)(int full) = absent;'
probe "nor a word in a comment" 0 'lacks ABSENT'
piece NEED_ABSENT 'int (*const x)(int full) = absent;'
probe "what is needed and not there is named" 1 'lacks what the driver needs: ABSENT$'
echo '#error "unfit"' >>"$out/header.h"
piece HAVE_START 'int (*const x)(int full) = start;'
probe "headers that do not compile are no answer" 1 'cannot compile the headers'

# ---- builds ----

# cross NAME: for arm64, with the system's cross compiler.
cross() {
  local folder
  if ! command -v aarch64-linux-gnu-gcc-12 >/dev/null; then
    skip "$1 arm64" "no aarch64-linux-gnu-gcc-12"
    return
  fi
  folder=$(SNNQ_DEB_ARCH=arm64 tools/debian/kernel "$1") || { bad "$1 arm64: no headers"; return; }
  mkdir -p "$out/arm64-$1"
  cp -r Kbuild kernel uapi validator "$out/arm64-$1/"
  make -C "$folder/build" M="$out/arm64-$1" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- W=1 \
    -j"${JOBS:-$(nproc)}" modules >"$out/arm64-$1.log" 2>&1 || true
  verdict "$1 arm64 $(basename "$folder")" "$out/arm64-$1/snnq.ko" "$out/arm64-$1.log"
}

# verdict NAME MODULE LOG: it is there, and nothing was said on the way.
verdict() {
  grep -h '^snnq: this kernel' "$3" | note
  if [ ! -s "$2" ]; then
    tail -n 30 "$3" | note
    bad "$1"
  elif grep -E 'warning:|WARNING:|error:' "$3" | grep -v 'pahole version differs' >"$out/warnings"; then
    note <"$out/warnings"
    bad "$1: warnings"
  else
    ok "$1"
  fi
}

# build NAME: by dkms, which finds its flags in the environment.
declare -A built=()
build() {
  local folder release
  folder=$(tools/debian/kernel "$1" 2>"$out/fetch.log") || {
    note <"$out/fetch.log"
    skip "$1" "not to be had: $(tail -n 1 "$out/fetch.log")"
    return
  }
  release=$(basename "$folder")
  built[${1%%[.-]*}]+=" $release"
  KBUILD_EXTRA_WARN=1 "$dkms" build -m snnq -v "$version" -k "$release" -a x86_64 --sourcetree "$out/src" \
    --dkmstree "$out/tree" --installtree "$out/install" --kernelsourcedir "$folder/build" \
    --config "$folder/build/.config" >"$out/$1.log" 2>&1 || true
  cat "$out/tree/snnq/$version/build/make.log" "$out/tree/snnq/$version/$release/x86_64/log/make.log" \
    >>"$out/$1.log" 2>/dev/null || true
  verdict "$1 $release" "$out/tree/snnq/$version/$release/x86_64/module/snnq.ko" "$out/$1.log"
}

tools/debian/fetch deb host "$out/dkms" dkms
source=$(tools/dkms "$out/src")
version=${source##*-}
mkdir -p "$out/tree" "$out/install"
if [ "$(id -u)" -ne 0 ]; then
  skip "dkms" "it wants to be root"
else
  for kernel in $kernels; do build "$kernel"; done
  for line in 6 7; do
    check "kernels ${line}.x:${built[$line]-}" [ "$(wc -w <<<"${built[$line]-}")" -ge $least ]
  done
fi
cross 6.1
cross 6.12-old
note < <(sed 's/^/used: /' "${XDG_CACHE_HOME:-$HOME/.cache}"/snnq/linux/*/*/root/.versions | grep headers | sort -u)
finish
