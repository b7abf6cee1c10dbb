#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The driver's sources: compile without a warning (W=1), pass sparse, checkpatch --strict and kernel-doc.
# A fresh build, so that nothing hides in objects that are up to date already.
# beside: others
set -euo pipefail

repo=$PWD
out=$repo/build/check/module
scripts=$(tools/guest/kernel-source)/scripts
checkpatch=$scripts/checkpatch.pl
kernel_doc=$scripts/kernel-doc
# shellcheck source=tests/tap.sh
. tests/tap.sh

# quiet NAME LOG: what the compiler or sparse has to say is a failure.
quiet() {
  if grep -E 'warning:|error:|WARNING:|ERROR:' "$2"; then bad "$1"; else ok "$1"; fi
}

build() {
  rm -rf "$out"
  mkdir -p "$out"
  rsync -rcR Kbuild kernel uapi validator tests/kunit "$out/"
  make -C "$1" M="$out" -j"${JOBS:-$(nproc)}" W=1 modules >"$out/build.log" 2>&1
}

# uapi headers and the validator are for others too, without the macros of the kernel. The driver
# takes each capability of a list, in a macro that is a statement.
style_exceptions() {
  case $1 in
    */snnq_validate*) echo BIT_MACRO,BRACKET_SPACE,MACRO_ARG_REUSE,MACRO_ARG_UNUSED,LINE_SPACING,COMPLEX_MACRO ;;
    # a list of members and registers, written once
    kernel/snnq_device.c) echo MACRO_ARG_REUSE,MACRO_ARG_UNUSED,MACRO_ARG_PRECEDENCE,MULTISTATEMENT_MACRO_USE_DO_WHILE,TRAILING_SEMICOLON ;;
    uapi/*|kernel/snnq_regs.h) echo BIT_MACRO ;;
    # one macro for all kernels; what only a compiler reads, who knows __has_include
    kernel/snnq_compat.h) echo MACRO_ARG_REUSE ;;
    # what tracepoints are written in
    kernel/snnq_trace.h) echo COMPLEX_MACRO,MULTISTATEMENT_MACRO_USE_DO_WHILE,PARENTHESIS_ALIGNMENT,OPEN_ENDED_LINE ;;
    kernel/snnq_probe.c) echo SPACING,CAMELCASE,CONST_STRUCT,MACRO_ARG_UNUSED ;;
    *) echo NONE ;;
  esac
}

style() {
  local file
  for file in Kbuild {kernel,validator}/*.[ch] uapi/*.h tests/kunit/*.c; do
    if "$checkpatch" --strict --no-tree --terse --show-types --no-summary --max-line-length=100 \
      --ignore "$(style_exceptions "$file")" -f "$file"; then ok "checkpatch $file"; else bad "checkpatch $file"; fi
  done
}

# What the reference manual is made of: each field and parameter is described.
descriptions() {
  local file warnings
  for file in {kernel,validator}/*.[ch] uapi/*.h; do
    if warnings=$("$kernel_doc" -none -Wall "$file" 2>&1) && [ -z "$warnings" ]; then
      ok "kernel-doc $file"
    else
      note <<<"$warnings"
      bad "kernel-doc $file"
    fi
  done
}

kdir=$(tools/guest/kernel debian)/build
if build "$kdir"; then quiet "module W=1" "$out/build.log"; else tail -n 30 "$out/build.log" | note; bad "module W=1"; fi
if ! command -v sparse >/dev/null; then
  skip "sparse" "not installed"
elif make -C "$kdir" M="$out" -j"${JOBS:-$(nproc)}" C=2 modules >"$out/sparse.log" 2>&1; then
  quiet "sparse" "$out/sparse.log"
else
  tail -n 30 "$out/sparse.log" | note
  bad "sparse"
fi
one_way() { tests/call-circles "$out"/{kernel,validator}/*.o >"$out/circles.txt" || { note <"$out/circles.txt"; return 1; }; }
check "files of the driver call each other one way" one_way
style
descriptions
finish
