/* SPDX-License-Identifier: ISC */
/* The library's manager only chooses among the variants of each function: what it chose is copied
 * once, and the manager (200 KiB) given back. That copy is the one global here, written once,
 * before any thread can read it. */
#include "seal/multibuffer.h"

#ifdef HAVE_IPSEC_MB

#include "base/secret.h"

#include <intel-ipsec-mb.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { TAG_SIZE = 16, ALIGNMENT = 64, PAGE = 4096 }; /* a cache line */

struct multibuffer {
	_Alignas(ALIGNMENT) struct gcm_key_data key;
	struct gcm_context_data message;
};

static struct {
	aes_gcm_pre_t pre;
	aes_gcm_enc_dec_t seal, open;
	aes_gcm_init_t begin;
	aes_gcm_enc_dec_update_t update;
	aes_gcm_enc_dec_finalize_t end;
} gcm;

static uintptr_t begin_of(const struct dl_phdr_info *library, size_t i)
{
	return library->dlpi_addr + library->dlpi_phdr[i].p_vaddr;
}

/* The self-test touched 3 MiB for what nobody here uses. Gives the pages of the library that CODE
 * is in back to the kernel, which maps again what is used. */
static int forget_pages(struct dl_phdr_info *library, size_t size, void *code)
{
	const ElfW(Phdr) *part = library->dlpi_phdr;
	bool inside = false;

	(void)size;
	for (size_t i = 0; i < library->dlpi_phnum; i++)
		inside |= part[i].p_type == PT_LOAD &&
		          (uintptr_t)code - begin_of(library, i) < part[i].p_memsz;
	for (size_t i = 0; inside && i < library->dlpi_phnum; i++) {
		uintptr_t begin = begin_of(library, i) & -(uintptr_t)PAGE;
		if (part[i].p_type == PT_LOAD && (part[i].p_flags & PF_W) == 0)
			(void)madvise((void *)begin, part[i].p_memsz, MADV_DONTNEED);
	}
	return inside;
}

static void choose(void)
{
	const uint64_t needed =
	    IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_SELF_TEST_PASS;
	/* Releases of one soname differ in the size of what is allocated here. */
	bool same_layout = imb_get_version() >> 8 == IMB_VERSION_NUM >> 8;
	IMB_MGR *manager = same_layout ? alloc_mb_mgr(0) : NULL;

	if (manager == NULL)
		return;
	init_mb_mgr_auto(manager, NULL);
	if ((manager->features & needed) == needed) {
		gcm.pre = manager->gcm256_pre;
		gcm.seal = manager->gcm256_enc;
		gcm.open = manager->gcm256_dec;
		gcm.begin = manager->gcm256_init;
		gcm.update = manager->gcm256_enc_update;
		gcm.end = manager->gcm256_enc_finalize;
	}
	(void)dl_iterate_phdr(forget_pages, (void *)(uintptr_t)manager->gcm256_pre);
	free_mb_mgr(manager);
}

struct multibuffer *multibuffer_new(void)
{
	static pthread_once_t chosen = PTHREAD_ONCE_INIT;

	if (pthread_once(&chosen, choose) != 0 || gcm.pre == NULL)
		return NULL;
	return aligned_alloc(ALIGNMENT, sizeof(struct multibuffer));
}

void multibuffer_free(struct multibuffer *m)
{
	if (m != NULL)
		secret_wipe(m, sizeof *m);
	free(m);
}

void multibuffer_set_key(struct multibuffer *m, const uint8_t *key)
{
	gcm.pre(key, &m->key);
}

void multibuffer_seal(struct multibuffer *m, const uint8_t *iv, struct slice aad,
                      const struct slice *pieces, size_t n_pieces, uint8_t *out)
{
	if (n_pieces == 1) {
		gcm.seal(&m->key, &m->message, out, pieces->p, pieces->n, iv, aad.p, aad.n,
		         out + pieces->n, TAG_SIZE);
		return;
	}
	gcm.begin(&m->key, &m->message, iv, aad.p, aad.n);
	for (size_t i = 0; i < n_pieces; out += pieces[i++].n) {
		if (pieces[i].n != 0)
			gcm.update(&m->key, &m->message, out, pieces[i].p, pieces[i].n);
	}
	gcm.end(&m->key, &m->message, out, TAG_SIZE);
}

void multibuffer_open(struct multibuffer *m, const uint8_t *iv, struct slice aad,
                      struct slice ciphertext, uint8_t *out, uint8_t tag[TAG_SIZE])
{
	gcm.open(&m->key, &m->message, out, ciphertext.p, ciphertext.n, iv, aad.p, aad.n, tag,
	         TAG_SIZE);
}

#else

/* Built without it: nobody comes past multibuffer_new(). */
struct multibuffer *multibuffer_new(void)
{
	return NULL;
}

void multibuffer_free(struct multibuffer *m)
{
	(void)m;
}

void multibuffer_set_key(struct multibuffer *m, const uint8_t *key)
{
	(void)m;
	(void)key;
}

void multibuffer_seal(struct multibuffer *m, const uint8_t *iv, struct slice aad,
                      const struct slice *pieces, size_t n_pieces, uint8_t *out)
{
	(void)m;
	(void)iv;
	(void)aad;
	(void)pieces;
	(void)n_pieces;
	(void)out;
}

void multibuffer_open(struct multibuffer *m, const uint8_t *iv, struct slice aad,
                      struct slice ciphertext, uint8_t *out, uint8_t tag[16])
{
	(void)m;
	(void)iv;
	(void)aad;
	(void)ciphertext;
	(void)out;
	(void)tag;
}

#endif
