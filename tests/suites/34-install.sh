#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What users get: `meson install` into an empty prefix; programs in C99 and C++11 against it, found by
# pkg-config alone; the installed program away from the source. And `make bench`, briefly.
set -euo pipefail

out=$PWD/build/check/install
prefix=$out/prefix
# shellcheck source=tests/tap.sh
. tests/tap.sh

# step NAME COMMAND...: its output is shown when it fails.
step() {
  if "${@:2}" >"$out/step.log" 2>&1; then
    ok "$1"
  else
    note <"$out/step.log"
    bad "$1"
  fi
}

install_all() {
  rm -rf "$prefix"
  test -e "$out/build/build.ninja" || meson setup "$out/build" -Dtests=false --prefix="$prefix" --libdir=lib
  meson install -C "$out/build"
}

# All that belongs there, and nothing of the tests.
files() {
  local file
  for file in bin/snnq lib/libsnnq.so lib/libsnnq.so.0 lib/pkgconfig/snnq.pc include/snnq.h include/snnq_tools.h \
      include/snnq/snnq_drm.h include/snnq/snnq_program.h include/snnq/snnq_regs.h share/snnq/golden.bin \
      share/man/man1/snnq.1; do
    test -e "$prefix/$file" || { echo "missing: $file"; return 1; }
  done
  for file in Documentation/man/*.1; do
    test -e "$prefix/share/man/man1/$(basename "$file")" || { echo "missing: $file"; return 1; }
  done
  ! find "$prefix" -name '*test*' | grep .
}

cat_program() {
  cat <<'END'
#include <snnq.h>
#include <snnq_tools.h>
#include <snnq/snnq_program.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct snnq_device *device;
	struct snnq_model *model;
	struct snnq_model_info info;

	if (argc != 2 || snnq_open("sim", NULL, &device) || snnq_model_load(device, argv[1], NULL, &model)) {
		puts(snnq_last_error(NULL));
		return 1;
	}
	snnq_model_info(model, &info);
	printf("%u classes\n", (unsigned)info.classes);
	snnq_model_destroy(model);
	snnq_close(device);
	return 0;
}
END
}

# program NAME COMPILER...: only pkg-config says where things are.
program() {
  local flags
  mkdir -p "$out/program"
  cat_program >"$out/program/$1"
  read -r -a flags <<<"$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs snnq)"
  "${@:2}" -Wall -Wextra -pedantic -Werror "$out/program/$1" "${flags[@]}" -o "$out/program/a.out" &&
    LD_LIBRARY_PATH=$prefix/lib "$out/program/a.out" tools/train/demo/digits.snnq | grep -x '10 classes'
}

# The ABI headers are complete by themselves, for both languages.
headers() {
  local file drm
  read -r -a drm <<<"$(pkg-config --cflags-only-I libdrm)"
  for file in snnq_program.h snnq_regs.h snnq_drm.h; do
    printf '#include <snnq/%s>\n' "$file" | gcc -std=gnu99 -Wall -Wextra -Werror -I"$prefix/include" \
      "${drm[@]}" -fsyntax-only -x c - || return 1
    printf '#include <snnq/%s>\n' "$file" | g++ -std=gnu++11 -Wall -Wextra -Werror -I"$prefix/include" \
      "${drm[@]}" -fsyntax-only -x c++ - || return 1
  done
}

# Away from the source the installed program finds its library and its vectors.
away() (
  cd / && LD_LIBRARY_PATH=$prefix/lib "$prefix/bin/snnq" validate -d sim | grep -E '^sim: [0-9]{3,} passed, 0 failed, '
)

bench() {
  make -s bench BENCH=attention >"$out/bench.log" && cat "$out/bench.log" &&
    [ "$(grep -c '^attention 64 tokens' "$out/bench.log")" -ge 3 ] && ! grep -v '^attention' "$out/bench.log"
}

mkdir -p "$out"
step "meson install" install_all
step "installed files" files
step "C99 against the installed tree" program a.c gcc -std=c99
step "C++11 against the installed tree" program a.cc g++ -std=c++11
step "installed ABI headers" headers
step "the installed program away from the source" away
step "make bench" bench
finish
