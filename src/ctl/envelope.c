/* SPDX-License-Identifier: ISC */
/* encrypt and decrypt: what the proxy does to a payload, by hand. Nothing unverified is ever
 * written: the envelope is opened whole before the first byte goes out. */
#include "ctl/ctl.h"

#include "base/secret.h"
#include "mqtt/topic.h"
#include "seal/opener.h"
#include "seal/sealer.h"
#include "sys/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAYLOAD_MAX = 64 << 20, WILL_MAX = 65535, TOPIC_LEN_MAX = 65535 };

static const char *const explanations[] = {
    [SEAL_E_PLAIN] = "this is no envelope",
    [SEAL_E_VERSION] = "this is no envelope of version 1",
    [SEAL_E_SHORT] = "too short for an envelope",
    [SEAL_E_LENGTH] = "no message has an envelope of this length",
    [SEAL_E_KEY] = "sealed with a key that was not given",
    [SEAL_E_SCOPE] = "sealed with a key that may not be used here",
    [SEAL_E_AUTH] = "not authentic under this topic: changed, cut, or of another topic",
    [SEAL_E_UNBOUND] = "not bound to a topic (--unbound allows that)",
    [SEAL_E_WILL] = "not sealed as a Will",
    [SEAL_E_RETAIN] = "not sealed to be retained",
    [SEAL_E_STALE] = "too old, or of the future",
    [SEAL_E_INNER] = "authentic, but not well-formed inside",
    [SEAL_E_INTERNAL] = "the cipher failed",
};

static int seal_fail(enum seal_error error)
{
	(void)fprintf(stderr, "%s: %s\n", seal_error_name(error), explanations[error]);
	return CTL_FAILED;
}

static int add_key(struct keyring *ring, const char *path, struct err *e)
{
	int result = -1;
	uint8_t *key = secret_alloc(SEAL_KEY_SIZE);

	if (key == NULL)
		return err_set(e, "no locked memory for a key");
	if (ctl_read_key(path, key, e) == 0)
		result = keyring_add(ring, path, key, e);
	secret_free(key);
	return result;
}

/* All keys that were given. 0, or the exit status. */
static int read_keys(const struct ctl *ctl, const struct ctl_args *args, struct keyring *ring)
{
	struct err e = {""};

	for (size_t i = 0; i < args->n_given; i++) {
		if (strcmp(args->given[i].option->name, "key-file") == 0 &&
		    add_key(ring, args->given[i].value, &e) != 0)
			return ctl_fail("%s", e.text);
	}
	return ring->n == 0 ? ctl_usage(ctl, "--key-file is missing") : CTL_OK;
}

/* The topic: what was given, which may be nothing only where it need not be bound. */
static int read_topic(const struct ctl *ctl, const struct ctl_args *args, struct slice *topic)
{
	const char *text = ctl_arg(args, "topic");

	if (text == NULL && ctl_arg(args, "unbound") == NULL)
		return ctl_usage(ctl, "--topic is missing");
	*topic = slice_str(text == NULL ? "" : text);
	if (topic->n > TOPIC_LEN_MAX)
		return ctl_fail("a topic has at most %d bytes, this one %zu", TOPIC_LEN_MAX,
		                topic->n);
	return CTL_OK;
}

static uint8_t flags_given(const struct ctl_args *args)
{
	return (uint8_t)((ctl_arg(args, "utf8") != NULL ? SEAL_UTF8 : 0) |
	                 (ctl_arg(args, "retain") != NULL ? SEAL_RETAIN : 0) |
	                 (ctl_arg(args, "will") != NULL ? SEAL_WILL : 0) |
	                 (ctl_arg(args, "unbound") != NULL ? SEAL_UNBOUND : 0));
}

/* The envelope, size bytes at out. 0, or the exit status. */
static int seal(const struct seal_key *key, const struct seal_message *message, uint8_t *out)
{
	uint8_t salt[SEAL_SALT_SIZE];
	struct err e = {""};
	struct now now = clock_now();
	struct sealer *sealer = sealer_new(key, &e);

	if (sealer == NULL)
		return ctl_fail("%s", e.text);
	secret_random(salt, sizeof salt);
	int result = sealer_renew(sealer, salt, now, &e) != 0 ? ctl_fail("%s", e.text) : CTL_OK;
	if (result == CTL_OK) {
		enum seal_error error = seal_message(sealer, message, now, out);
		result = error == SEAL_OK ? CTL_OK : seal_fail(error);
	}
	sealer_free(sealer);
	return result;
}

static int seal_and_write(const struct seal_key *key, const struct seal_message *message)
{
	size_t size = envelope_size(message->payload.n);

	if ((message->flags & SEAL_WILL) != 0 && size > WILL_MAX)
		return ctl_fail(
		    "too large for a Will: the envelope would have %zu bytes, of at most %d", size,
		    WILL_MAX);
	uint8_t *out = malloc(size);
	if (out == NULL)
		return ctl_fail("out of memory");
	int result = seal(key, message, out);
	if (result == CTL_OK)
		result = ctl_write(slice_of(out, size));
	free(out);
	return result;
}

static int encrypt(const struct ctl *ctl, const struct ctl_args *args)
{
	struct seal_message message = {.flags = flags_given(args)};
	struct keyring ring = {0};
	struct buf input = {.cap = PAYLOAD_MAX};
	int result = read_topic(ctl, args, &message.topic);

	if (result == CTL_OK && message.topic.n != 0 && !mqtt_topic_valid(message.topic))
		result = ctl_usage(ctl, "a topic is valid UTF-8 and has neither + nor #");
	if (result == CTL_OK)
		result = read_keys(ctl, args, &ring);
	if (result == CTL_OK)
		result = ctl_read_input(&input);
	if (result == CTL_OK) {
		message.payload = buf_view(&input);
		result = seal_and_write(&ring.keys[0], &message);
	}
	buf_free(&input);
	keyring_fini(&ring);
	return result;
}

static int open_and_write(const struct keyring *ring, const struct seal_demand *demand,
                          struct slice topic, struct slice sealed)
{
	struct envelope header;
	struct seal_opened opened = {0};
	struct err e = {""};
	enum seal_error error = envelope_get(sealed, &header);

	if (error != SEAL_OK)
		return seal_fail(error);
	struct opener *opener = opener_new(ring, 1, &e);
	if (opener == NULL)
		return ctl_fail("%s", e.text);
	size_t size = header.inner == 0 ? 1 : header.inner;
	int result = CTL_FAILED;
	uint8_t *out = malloc(size);
	if (out == NULL) {
		(void)ctl_fail("out of memory");
	} else {
		error = seal_open(opener, demand, topic, sealed, clock_now(), out, &opened);
		result = error == SEAL_OK ? ctl_write(opened.payload) : seal_fail(error);
		secret_wipe(out, size);
	}
	free(out);
	opener_free(opener);
	return result;
}

static int decrypt(const struct ctl *ctl, const struct ctl_args *args)
{
	const struct seal_demand demand = {
	    .connect_will = ctl_arg(args, "will") != NULL,
	    .retain = ctl_arg(args, "retain") != NULL,
	    .unbound_ok = ctl_arg(args, "unbound") != NULL,
	};
	struct keyring ring = {0};
	struct slice topic;
	struct buf input = {.cap = envelope_size(PAYLOAD_MAX + SEAL_PREFIX_MAX)};
	int result = read_topic(ctl, args, &topic);

	if (result == CTL_OK)
		result = read_keys(ctl, args, &ring);
	if (result == CTL_OK)
		result = ctl_read_input(&input);
	if (result == CTL_OK)
		result = open_and_write(&ring, &demand, topic, buf_view(&input));
	buf_free(&input);
	keyring_fini(&ring);
	return result;
}

const struct ctl_command ctl_encrypt = {
    .words = "encrypt",
    .usage = "--key-file FILE --topic TOPIC [--retain] [--will] [--utf8] [--unbound]",
    .summary = "seal the payload on standard input",
    .run = encrypt,
    .options = {{"key-file", true, false},
                {"topic", true, false},
                {"retain", false, false},
                {"will", false, false},
                {"utf8", false, false},
                {"unbound", false, false}},
};

const struct ctl_command ctl_decrypt = {
    .words = "decrypt",
    .usage = "--key-file FILE [--key-file FILE ...] --topic TOPIC [--retain] [--will] [--unbound]",
    .summary = "open the envelope on standard input",
    .run = decrypt,
    .options = {{"key-file", true, true},
                {"topic", true, false},
                {"retain", false, false},
                {"will", false, false},
                {"unbound", false, false}},
};
