/* SPDX-License-Identifier: ISC */
/* Inside the room: AES-256-GCM by Intel's Multi-Buffer library (libIPSec_MB), which has no cost to begin a message and
 * uses the widest instructions of the CPU. It is only on x86-64; where it is not, aead.c has libcrypto. One thread. */
#ifndef SEAL_MULTIBUFFER_H
#define SEAL_MULTIBUFFER_H

#include "base/slice.h"

struct multibuffer;

/* A context without a key. NULL: no memory, not built with the library, another release of it than that which was built
 * with, or a CPU without AES and carry-less multiplication. The first one runs the library's self-test (about a
 * millisecond); where that fails, all are NULL. */
struct multibuffer *multibuffer_new(void);
/* Wipes it; NULL-safe. */
void multibuffer_free(struct multibuffer *m);

/* Makes the key schedule of a key of 32 bytes. */
void multibuffer_set_key(struct multibuffer *m, const uint8_t *key);

/* Seals the pieces, in their order, under an IV of 12 bytes: writes the ciphertext and a tag of 16 bytes. */
void multibuffer_seal(struct multibuffer *m, const uint8_t *iv, struct slice aad, const struct slice *pieces,
    size_t n_pieces, uint8_t *out);

/* Opens ciphertext into out, of its length, and writes the tag that it should have had: NOTHING IS VERIFIED YET. */
void multibuffer_open(struct multibuffer *m, const uint8_t *iv, struct slice aad, struct slice ciphertext,
    uint8_t *out, uint8_t tag[16]);

#endif
