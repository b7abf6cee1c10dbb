#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What users get: `meson install` into an empty prefix; programs in C99 and C++11 against it, found by
# pkg-config alone; what they and the libraries bring into a process; the installed program away from
# the source. And `make bench`, briefly.
# beside: others
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

# All that belongs there, and nothing of the tests or of the hardware.
files() {
  local file
  for file in bin/snnq lib/libsnnq{,-tools}.so{,.0} lib/pkgconfig/snnq{,-tools}.pc include/snnq.h include/snnq_tools.h \
      include/snnq/snnq_drm.h include/snnq/snnq_program.h share/snnq/golden.bin \
      share/man/man1/snnq.1 libexec/snnq/snnq-hdf5 libexec/snnq/snnq-mat; do
    test -e "$prefix/$file" || { echo "missing: $file"; return 1; }
  done
  for file in Documentation/man/*.1; do
    test -e "$prefix/share/man/man1/$(basename "$file")" || { echo "missing: $file"; return 1; }
  done
  ! find "$prefix" \( -name "*test*" -o -name "snnq_regs.h" \) | grep .
}

run_program() {
  cat <<'END'
#include <snnq.h>
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

# Quantizes; and the error of one library is read through the other.
tools_program() {
  cat <<'END'
#include <snnq_tools.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct snnq_layer_choice all = { NULL, "uniform", 8 };
	struct snnq_quantize_opts opts;

	memset(&opts, 0, sizeof(opts));
	opts.size = sizeof(opts);
	opts.method = SNNQ_QUANTIZE_ROUND;
	opts.choices = &all;
	opts.choice_count = 1;
	if (argc != 3 || snnq_quantize(argv[1], argv[2], &opts)) {
		puts(snnq_last_error(NULL));
		return 1;
	}
	if (snnq_import("/nonexistent.net", argv[2], NULL) >= 0)
		return 1;
	puts(snnq_last_error(NULL));
	return 0;
}
END
}

# program KIND NAME COMPILER...: only pkg-config says where things are.
program() {
  local flags package=snnq
  [ "$1" = run ] || package=snnq-tools
  mkdir -p "$out/program"
  "$1_program" >"$out/program/$1-$2"
  read -r -a flags <<<"$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs "$package")"
  "${@:3}" -Wall -Wextra -pedantic -Werror "$out/program/$1-$2" "${flags[@]}" -o "$out/program/$1"
}

runs() {
  program run "$@" &&
    LD_LIBRARY_PATH=$prefix/lib "$out/program/run" tools/train/demo/digits.snnq | grep -x '10 classes'
}

makes() {
  local model=$out/program/digits.snnq
  program tools "$@" || return 1
  rm -f "$model"
  LD_LIBRARY_PATH=$prefix/lib "$out/program/tools" tools/train/demo/digits-float.snnq "$model" |
    grep -F /nonexistent.net && LD_LIBRARY_PATH=$prefix/lib "$out/program/run" "$model" | grep -x '10 classes'
}

# needs FILE NAME...: the libraries that it asks for are some of these, without their versions.
needs() {
  local name
  while read -r name; do
    [[ " ${*:2} libc libm ld-linux-x86-64 " == *" ${name%%.so*} "* ]] || { echo "$1 needs $name"; return 1; }
  done < <(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
}

# What classifies does not load what imports.
libraries() {
  needs "$prefix/lib/libsnnq.so" libcjson libdrm libmd libnl-3 libnl-genl-3 liblz4 libzstd libexpat libz || return 1
  needs "$prefix/lib/libsnnq-tools.so" libsnnq libcjson libmd libyaml-0 || return 1
  needs "$prefix/libexec/snnq/snnq-hdf5" libhdf5_serial libhdf5 || return 1
  needs "$prefix/libexec/snnq/snnq-mat" libmatio libhdf5_serial libhdf5 libz || return 1
  needs "$prefix/bin/snnq" libsnnq libsnnq-tools libcjson libpng16 libz || return 1
  needs "$out/program/run" libsnnq && needs "$out/program/tools" libsnnq libsnnq-tools || return 1
  LD_LIBRARY_PATH=$prefix/lib ldd "$out/program/run" >"$out/loaded.txt" || return 1
  cat "$out/loaded.txt"
  grep -q libsnnq.so.0 "$out/loaded.txt" && ! grep -E 'hdf5|yaml|curl|ssl' "$out/loaded.txt"
}

# The soname is that of version 0, and each exported name has a version.
versions() {
  local name
  for name in snnq snnq-tools; do
    readelf -d "$prefix/lib/lib$name.so" | grep -F "soname: [lib$name.so.0]" || return 1
    nm -D --defined-only "$prefix/lib/lib$name.so" >"$out/$name.txt" || return 1
    grep -q ' T snnq_.*@@SNNQ_' "$out/$name.txt" && ! grep -vE ' T snnq_.*@@SNNQ_| A SNNQ_' "$out/$name.txt" || return 1
  done
}

# Parts of two releases are not mixed: the loader says so.
mixed() {
  rm -rf "$out/mixed"
  cp -rP "$prefix/lib" "$out/mixed"
  sed -i 's/SNNQ_PRIVATE_0/SNNQ_PRIVATE_9/' "$out/mixed"/libsnnq-tools.so.0.*
  if LD_LIBRARY_PATH=$out/mixed "$out/program/tools" >"$out/mixed.txt" 2>&1; then return 1; fi
  cat "$out/mixed.txt"
  grep -F "version \`SNNQ_PRIVATE_9" "$out/mixed.txt"
}

# The ABI headers are complete by themselves, for both languages.
headers() {
  local file drm
  read -r -a drm <<<"$(pkg-config --cflags-only-I libdrm)"
  for file in snnq_program.h snnq_drm.h; do
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

# And the program that reads HDF5 files: it is asked about one that is none.
hdf5() {
  if (cd / && LD_LIBRARY_PATH=$prefix/lib "$prefix/bin/snnq" import "$prefix/share/snnq/golden.bin" \
      -o "$out/none.snnq" --steps 1) >"$out/hdf5.log" 2>&1; then return 1; fi
  cat "$out/hdf5.log"
  grep -F 'golden.bin: offset 0: expected an HDF5 file' "$out/hdf5.log"
}

# And the one that reads MATLAB files: it is asked about one without variables.
matlab() {
  { printf 'MATLAB 5.0 MAT-file%105s' ''; printf '\0\1IM'; } >"$out/none.mat"
  if (cd / && LD_LIBRARY_PATH=$prefix/lib "$prefix/bin/snnq" info "$out/none.mat") >"$out/mat.log" 2>&1; then return 1; fi
  cat "$out/mat.log"
  grep -F 'none.mat: expected variables spiketrain, or ' "$out/mat.log"
}

bench() {
  make -s bench BENCH=attention >"$out/bench.log" && cat "$out/bench.log" &&
    [ "$(grep -c '^attention 64 tokens' "$out/bench.log")" -ge 3 ] && ! grep -v '^attention' "$out/bench.log" &&
    make -s bench BENCH=events >"$out/bench.log" && cat "$out/bench.log" &&
    [ "$(grep -cE '^EVT 3, .* M events/s, straightforward .* ratio [0-9.]+$' "$out/bench.log")" -eq 3 ]
}

# What a benchmark keeps can be compared: with itself nothing is slower, with twice the times all is.
compared() {
  local kept
  kept=$(find build/bench/results -name '*.jsonl' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f 2)
  python3 - "$kept" "$out/slower.jsonl" <<'EOF' || return 1
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
for line in lines[1:]:
    line["value"] *= 2
with open(sys.argv[2], "w") as f:
    f.writelines(json.dumps(line) + "\n" for line in lines)
EOF
  tools/bench-compare "$kept" "$kept" >"$out/compare.log" && grep -qx '6 results, 0 slower by 10 % or more' "$out/compare.log" &&
    ! tools/bench-compare "$kept" "$out/slower.jsonl" >"$out/compare.log" &&
    grep -qx '6 results, 6 slower by 10 % or more' "$out/compare.log"
}

mkdir -p "$out"
step "meson install" install_all
step "installed files" files
step "C99 against the installed libsnnq" runs a.c gcc -std=c99
step "C++11 against the installed libsnnq" runs a.cc g++ -std=c++11
step "C99 against the installed libsnnq-tools" makes a.c gcc -std=c99
step "C++11 against the installed libsnnq-tools" makes a.cc g++ -std=c++11
step "libraries that are loaded" libraries
step "sonames and versions" versions
step "libraries of two releases" mixed
step "installed ABI headers" headers
step "the installed program away from the source" away
step "the installed program that reads HDF5" hdf5
step "the installed program that reads MATLAB files" matlab
step "make bench" bench
step "results of benchmarks are compared" compared
finish
