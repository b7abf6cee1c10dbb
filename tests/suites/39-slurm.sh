#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A search shared by the tasks of a Slurm job array ends with the same model, byte for byte, as one
# that ran alone. Slurm and munge run here, privately: their packages are only unpacked, so that no
# service is installed; one node, all files in a temporary folder. Skips where they do not start
# (they want root).
# timeout: 1800
# needs: userspace
# beside: others
set -euo pipefail

work='' root='' plugins='' daemons=()
tasks=3
demo=$PWD/tools/train/demo
# Few candidates: this is about who evaluates them.
search=(--schemes "ternary,pot")

# shellcheck source=tests/tap.sh
. tests/tap.sh

give_up() { skip "quantization by Slurm" "$1"; finish; }

# The last started first: slurmd, slurmctld, munged. Only what this script started.
cleanup() {
  local i
  for ((i = ${#daemons[@]} - 1; i >= 0; i--)); do
    kill "${daemons[i]}" 2>/dev/null && wait "${daemons[i]}" || true
  done
  [ -z "$work" ] || rm -rf "$work"
}
trap cleanup EXIT

start() { "$@" >"$work/$(basename "$1").out" 2>&1 & daemons+=($!); }

# A port that nobody listens on.
free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Unpack Slurm and munge, once; $root/usr has them.
fetch_slurm() {
  root=${XDG_CACHE_HOME:-$HOME/.cache}/snnq/slurm
  [ -e "$root/.complete" ] && return
  rm -rf "$root"
  tools/debian/fetch deb host "$root" slurmd slurmctld slurm-client slurm-wlm-basic-plugins munge \
    libmunge2 libhwloc15 libnuma1 libjson-c5 libgcrypt20 libgpg-error0 libreadline8 libdbus-1-3 && touch "$root/.complete"
}

# Programs and libraries are looked for there, too.
use_slurm() {
  local lib
  lib=$(echo "$root"/usr/lib/*-linux-gnu)
  plugins=$lib/slurm-wlm
  PATH=$root/usr/sbin:$root/usr/bin:$PATH
  LD_LIBRARY_PATH=$plugins:$lib:$(echo "$root"/lib/*-linux-gnu)
  export PATH LD_LIBRARY_PATH
}

start_munge() {
  mkdir -m 711 "$work/munge"
  (umask 077; head -c 1024 /dev/urandom >"$work/munge/key")
  start munged --foreground --key-file="$work/munge/key" --socket="$work/munge/socket" \
    --pid-file="$work/munge/pid" --log-file="$work/munge/log" --seed-file="$work/munge/seed"
  wait_for 10 test -S "$work/munge/socket"
}

configure_slurm() {
  local host
  host=$(hostname -s)
  mkdir "$work/state" "$work/spool"
  cat >"$work/slurm.conf" <<END
ClusterName=snnq
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
AuthInfo=socket=$work/munge/socket
SlurmUser=root
PluginDir=$plugins
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerParameters=sched_interval=1
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES State=UP
END
  export SLURM_CONF=$work/slurm.conf
}

# wait_for SECONDS COMMAND...
wait_for() {
  local i
  for ((i = 0; i < 5 * $1; i++)); do
    if "${@:2}"; then return; fi
    sleep 0.2
  done
  return 1
}

node_is_idle() { sinfo -h -o %T 2>/dev/null | grep -qx idle; }

# run_array SHARDS: all tasks of the example's job; its exit status is theirs.
run_array() {
  sbatch --wait --array=1-$tasks --output="$work/task-%a.log" Documentation/examples/quantize.sbatch \
    "$demo/digits-float.snnq" "$work/calib.tsv" "$1" "${search[@]}" >"$work/sbatch.log" 2>&1 && return
  tail -n 20 "$work/sbatch.log" "$work"/task-*.log
  return 1
}

# quantize OUT OPTION...
quantize() {
  build/snnq quantize "$demo/digits-float.snnq" --calib "$work/calib.tsv" -o "$1" --target-bits 2.5 \
    "${search[@]}" "${@:2}" >"$work/quantize.log" 2>&1 && return
  tail -n 20 "$work/quantize.log"
  return 1
}

# Threads add their lines as they finish.
same_lines() { cmp <(sort "$1") <(sort "$2"); }

merge_options() { local f; for f in "$@"; do printf '%s\n' --merge "$f"; done; }

# Every shard did a part: none did all, and together they have each key once.
parts_are_disjoint() {
  local lines keys shard
  lines=$(tail -q -n +2 "$1"/*.jsonl | wc -l)
  keys=$(tail -q -n +2 "$1"/*.jsonl | sed 's/,"values".*//' | sort -u | wc -l)
  for shard in "$1"/*.jsonl; do [ "$(wc -l <"$shard")" -gt 1 ] || return 1; done
  echo "# $lines evaluations in $(find "$1" -name '*.jsonl' | wc -l) shards"
  [ "$lines" -gt 0 ] && [ "$lines" -eq "$keys" ]
}

[ "$(id -u)" -eq 0 ] || give_up "root is needed to start Slurm"
fetch_slurm || give_up "Slurm cannot be fetched"
use_slurm
work=$(mktemp -d "${TMPDIR:-/tmp}/snnq-slurm.XXXXXX")
chmod 755 "$work"
start_munge || { note <"$work/munged.out"; give_up "munge does not start"; }
configure_slurm
start slurmctld-wlm -D -i
start slurmd-wlm -D -N "$(hostname -s)" -d "$root/usr/sbin/slurmstepd-wlm"
wait_for 60 node_is_idle || { tail -n 20 "$work"/slurm*.out | note; give_up "Slurm does not start"; }

# The job finds the program as a user's does.
export PATH=$PWD/build:$PATH
head -n 5 "$demo/calib.tsv" | sed "s|^|$demo/|" >"$work/calib.tsv"

check "alone" quantize "$work/alone.snnq"
check "$tasks tasks of an array" run_array "$work/shards"
check "each task did its own part" parts_are_disjoint "$work/shards"
mapfile -t merge < <(merge_options "$work"/shards/*.jsonl)
check "merged" quantize "$work/merged.snnq" --journal "$work/all.jsonl" --cache "$work/shards/layers" "${merge[@]}"
check "the same model, byte by byte" cmp "$work/alone.snnq" "$work/merged.snnq"

# A task that was killed in the middle of a line goes on.
truncate -s -9 "$work/shards/2.jsonl"
check "queued again" run_array "$work/shards"
mapfile -t merge < <(merge_options "$work"/shards/{3,1,2}.jsonl)
check "merged in another order, layers made again" quantize "$work/again.snnq" --journal "$work/all2.jsonl" "${merge[@]}"
check "the same model again" cmp "$work/alone.snnq" "$work/again.snnq"
check "the same evaluations" same_lines "$work/all.jsonl" "$work/all2.jsonl"
finish
