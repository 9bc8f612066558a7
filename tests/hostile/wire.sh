#!/bin/sh
# SPDX-License-Identifier: ISC
# All hostile streams against the real daemon.
exec "${top_builddir:-.}/tests/hostile/player" wire "${top_srcdir:-.}"/tests/hostile/*.txt
