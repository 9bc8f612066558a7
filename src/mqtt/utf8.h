/* SPDX-License-Identifier: ISC */
#ifndef MQTT_UTF8_H
#define MQTT_UTF8_H

#include "base/slice.h"

/* Whether s is an MQTT string's content: well-formed UTF-8 in shortest form, no surrogates, nothing above
 * U+10FFFF, no U+0000 [MQTT-1.5.4-1, MQTT-1.5.4-2]. Control characters and non-characters are allowed. */
bool mqtt_utf8_valid(struct slice s);

#endif
