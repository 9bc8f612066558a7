/* SPDX-License-Identifier: ISC */
/* Only arithmetic on the total length, which the tag of segment 0 will vouch for: what is computed
 * here cannot be wrong in an envelope that opens. */
#include "seal/envelope.h"

#include <endian.h>

#define NUM_MAX ((UINT64_C(1) << 56) - 1) /* seven bytes, the last of the header */

enum { AT_KID = 1, AT_SALT = 5, SEALED_SEGMENT = SEAL_SEGMENT + SEAL_TAG };

const char *seal_error_name(enum seal_error e)
{
	static const char *const names[] = {
	    [SEAL_OK] = "OK",
	    [SEAL_E_PLAIN] = "E_PLAIN",
	    [SEAL_E_VERSION] = "E_VERSION",
	    [SEAL_E_SHORT] = "E_SHORT",
	    [SEAL_E_LENGTH] = "E_LENGTH",
	    [SEAL_E_TOO_LARGE] = "E_TOO_LARGE",
	    [SEAL_E_KEY] = "E_KEY",
	    [SEAL_E_SCOPE] = "E_SCOPE",
	    [SEAL_E_AUTH] = "E_AUTH",
	    [SEAL_E_UNBOUND] = "E_UNBOUND",
	    [SEAL_E_WILL] = "E_WILL",
	    [SEAL_E_RETAIN] = "E_RETAIN",
	    [SEAL_E_STALE] = "E_STALE",
	    [SEAL_E_INNER] = "E_INNER",
	    [SEAL_E_INTERNAL] = "E_INTERNAL",
	};
	size_t i = (size_t)e;

	return i < sizeof names / sizeof names[0] ? names[i] : "E_INTERNAL";
}

enum seal_error envelope_get(struct slice bytes, struct envelope *out)
{
	if (bytes.n == 0)
		return SEAL_E_SHORT;
	if (!envelope_looks_sealed(bytes))
		return SEAL_E_VERSION;
	if (bytes.n < SEAL_OVERHEAD_MIN)
		return SEAL_E_SHORT;
	size_t body = bytes.n - SEAL_HEADER;
	size_t n = body / SEALED_SEGMENT + (body % SEALED_SEGMENT != 0);
	size_t last = body - SEALED_SEGMENT * (n - 1);
	if (last < SEAL_TAG || (n > 1 && last == SEAL_TAG))
		return SEAL_E_LENGTH;
	size_t inner = body - SEAL_TAG * n;
	if (inner > UINT32_MAX)
		return SEAL_E_LENGTH;
	*out = (struct envelope){
	    .flags = bytes.p[0] & 0x3f,
	    .kid = bytes.p + AT_KID,
	    .salt = bytes.p + AT_SALT,
	    .inner = inner,
	    .segments = n,
	};
	uint64_t big;
	memcpy(&big, bytes.p + SEAL_HEADER - sizeof big, sizeof big);
	out->num = be64toh(big) & NUM_MAX;
	return SEAL_OK;
}
