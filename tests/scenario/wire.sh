#!/bin/sh
# SPDX-License-Identifier: ISC
# The scenarios with the real daemon.
exec "${top_builddir:-.}/tests/scenario/player" wire "${top_srcdir:-.}"/tests/scenario/*.scn
