/* SPDX-License-Identifier: ISC */
/* Malformed (0x81) or protocol error (0x82)? Most clauses say which. Here stands, in one place, every case where the
 * letter of 5.0 is silent or where brokers in the field answer otherwise. Whatever is chosen, the packet is refused;
 * only the reason code in a 5.0 DISCONNECT or CONNACK differs. A client shall see through the proxy what it sees
 * without it, so a silent clause is settled by what mosquitto answers. For use inside this folder. */
#ifndef MQTT_DISPUTED_H
#define MQTT_DISPUTED_H

#include "mqtt/cursor.h"

/* Packet type 0. 2.1.2 forbids it and says no more; mosquitto answers 0x82. */
#define MQTT_TYPE0 MQTT_PROTOCOL

/* A known property in a packet that may not have it. 2.2.2.2 says malformed; mosquitto answers 0x82, and its tests ask
 * for it in every packet type, for every such property. */
#define MQTT_ALIEN_PROPERTY MQTT_PROTOCOL

/* Maximum QoS 3 in SUBSCRIBE. 3.8.3.1 of 5.0 says protocol error, [MQTT-3.8.3-4] of 3.1.1 and mosquitto malformed. */
#define MQTT_SUBSCRIBE_QOS3 MQTT_MALFORMED

/* Retain Handling 3. 3.8.3.1 says protocol error; mosquitto answers 0x81. */
#define MQTT_RETAIN_HANDLING3 MQTT_PROTOCOL

/* SUBSCRIBE and UNSUBSCRIBE without a filter. [MQTT-3.8.3-2], [MQTT-3.10.3-2] say protocol error; mosquitto 0x81. */
#define MQTT_NO_FILTER MQTT_PROTOCOL

/* Neither topic nor alias in PUBLISH. 3.3.2.3.4 says protocol error; mosquitto answers 0x81. */
#define MQTT_NO_TOPIC MQTT_PROTOCOL

/* A wildcard in a topic name. [MQTT-3.3.2-2] is silent; mosquitto answers 0x81. */
#define MQTT_WILD_TOPIC MQTT_MALFORMED

/* A misplaced wildcard in a filter, or an empty one. [MQTT-4.7.1-1], [MQTT-4.7.3-1] are silent; mosquitto: 0x81. */
#define MQTT_BAD_FILTER MQTT_MALFORMED

/* A filter that breaks the rules of $share only. [MQTT-4.8.2-1], [MQTT-4.8.2-2] are silent; mosquitto: 0x82. */
#define MQTT_BAD_SHARE MQTT_PROTOCOL

/* Packet identifier 0. [MQTT-2.2.1-3] is silent; mosquitto answers 0x82 to PUBLISH and the acknowledgements and 0x81 to
 * SUBSCRIBE and UNSUBSCRIBE. */
#define MQTT_PUBLISH_ID0 MQTT_PROTOCOL
#define MQTT_SUBSCRIBE_ID0 MQTT_MALFORMED

/* A reason code that the packet type does not have. 2.4 is silent; mosquitto answers 0x82. */
#define MQTT_ALIEN_REASON MQTT_PROTOCOL

#endif
