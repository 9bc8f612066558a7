#!/bin/sh
# SPDX-License-Identifier: ISC
# All hostile streams in process.
exec "${top_builddir:-.}/tests/hostile/player" sim "${top_srcdir:-.}"/tests/hostile/*.txt
