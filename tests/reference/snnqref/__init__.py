# SPDX-License-Identifier: MIT
"""Independent reference of snnq's arithmetic, written from Documentation/numerics.md."""
