#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Find out what a kernel has, for Kbuild:  snnq_probe.sh OUT PROBE.c COMPILER [FLAG...]
#
# Compiles PROBE.c once and looks which of its pieces, named by #line, the compiler
# complains about. Writes a #define for each SNNQ_HAVE_ piece that is good to OUT, and
# tells what there is. A bad SNNQ_NEED_ piece, or an error elsewhere, which means that
# the compiler and the kernel do not fit, ends the build with its name.
set -eu

out=$1 source=$2
shift 2
new=$out.new
log=$out.log
trap 'rm -f "$new"' EXIT

# What the compiler only warns about would still compile, but not be the same thing.
rc=0
LC_ALL=C "$@" -Wno-error -Werror=incompatible-pointer-types -Werror=int-conversion \
	-Werror=implicit-function-declaration -fsyntax-only "$source" >"$log" 2>&1 || rc=$?

pieces=$(sed -n 's/^#line 1 "\(SNNQ_[A-Za-z0-9_]*\)"$/\1/p' "$source")
bad=$(sed -n 's/^\(SNNQ_[A-Za-z0-9_]*\):[0-9:]* \(fatal \)\{0,1\}error:.*/\1/p' "$log" | sort -u)
other=$(grep -E '(^|: )(fatal )?error:' "$log" | grep -v '^SNNQ_' | head -n 3 || true)
if [ -n "$other" ] || { [ $rc -ne 0 ] && [ -z "$bad" ]; }; then
	echo "snnq: error: this compiler cannot compile the headers of this kernel:" >&2
	if [ -n "$other" ]; then echo "$other" >&2; else head -n 3 "$log" >&2; fi
	exit 1
fi

is_bad() {
	case " $(echo $bad) " in *" $1 "*) ;; *) return 1 ;; esac
}

has='' lacks='' needs=''
echo "/* Written by snnq_probe.sh. */" >"$new"
for piece in $pieces; do
	case $piece in
	SNNQ_NEED_*)
		! is_bad "$piece" || needs="$needs ${piece#SNNQ_NEED_}" ;;
	*)
		if is_bad "$piece"; then
			lacks="$lacks ${piece#SNNQ_HAVE_}"
		else
			has="$has ${piece#SNNQ_HAVE_}"
			echo "#define $piece 1" >>"$new"
		fi ;;
	esac
done
if [ -n "$needs" ]; then
	echo "snnq: error: this kernel lacks what the driver needs:$needs" >&2
	exit 1
fi
mv "$new" "$out"
echo "snnq: this kernel has$has" >&2
echo "snnq: this kernel lacks${lacks:- nothing}" >&2
