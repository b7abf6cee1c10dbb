# SPDX-License-Identifier: MIT
"""The published spiking networks and what is known of each."""
