#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Lines of driver_bench as a table, kept as results of make bench:  ... | tests/bench/driver_table.py

Standard input: lines of five parts parted by tabs, and "cores N" before those of a guest.
"""
import json
import os
import sys


def main():
    cores, results = 0, []
    for line in sys.stdin:
        parts = line.rstrip("\n").split("\t")
        if parts[0].startswith("cores "):
            cores = int(parts[0].split()[1])
            print(f"\nWith {cores} cores")
        if len(parts) != 5:
            continue
        name, value, unit, than, ratio = parts
        compared = f"{float(ratio):8.2f} x {than}" if than else ""
        print(f"  {name:32} {float(value):12.3f} {unit:12} {compared}")
        result = {"name": f"driver, {cores} cores, {name}", "unit": unit, "value": float(value)}
        if than:
            result.update(than=than, ratio=float(ratio))
        results.append(result)
    if not results:
        sys.exit("driver: the guest printed no figures")
    if "SNNQ_BENCH_RESULTS" in os.environ:
        with open(os.environ["SNNQ_BENCH_RESULTS"], "a", encoding="utf-8") as f:
            f.writelines(json.dumps(result) + "\n" for result in results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
