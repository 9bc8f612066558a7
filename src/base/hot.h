/* SPDX-License-Identifier: ISC */
/* For locals on the path of every message. The build zeroes all locals, so that a forgotten one never shows old bytes;
 * with large ones that costs more than the work itself. HOT_LOCAL spares one that is written before it is read. */
#ifndef BASE_HOT_H
#define BASE_HOT_H

#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define HOT_LOCAL __attribute__((uninitialized))
#endif
#endif

#ifndef HOT_LOCAL
#define HOT_LOCAL
#endif

#endif
