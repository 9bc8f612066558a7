#!/bin/sh
# SPDX-License-Identifier: ISC
# All scenarios in process, with virtual time.
exec "${top_builddir:-.}/tests/scenario/player" sim "${top_srcdir:-.}"/tests/scenario/*.scn
