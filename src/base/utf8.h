/* SPDX-License-Identifier: ISC */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/slice.h"

/* Bytes of the character at the start of s; 0 where none that MQTT allows stands there. */
size_t utf8_character(struct slice s);

/* Whether s is an MQTT string's content: well-formed UTF-8 in shortest form, no surrogates, nothing above
 * U+10FFFF, no U+0000 [MQTT-1.5.4-1, MQTT-1.5.4-2]. Control characters and non-characters are allowed. */
bool utf8_valid(struct slice s);

#endif
