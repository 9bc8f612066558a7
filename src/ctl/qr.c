/* SPDX-License-Identifier: ISC */
/* A QR code that an authenticator's camera reads off a terminal. Every character shows two modules,
 * one above the other; a margin of four belongs to the code. Without colours the light modules are
 * drawn, as terminals mostly write light on dark. */
#include "ctl/state.h"

#ifdef HAVE_QRENCODE

#include "base/secret.h"

#include <qrencode.h>

enum { MARGIN = 4 };

bool ctl_qr_built(void)
{
	return true;
}

static bool dark(const QRcode *code, int x, int y)
{
	x -= MARGIN;
	y -= MARGIN;
	return x >= 0 && y >= 0 && x < code->width && y < code->width &&
	       (code->data[y * code->width + x] & 1) != 0;
}

static int add(struct buf *out, const char *text)
{
	return buf_append(out, slice_str(text));
}

static int draw(const QRcode *code, bool colours, struct buf *out)
{
	/* by the upper module (2) and the lower (1), 1 where it is light */
	static const char *const blocks[] = {" ", "\u2584", "\u2580", "\u2588"};
	int size = code->width + 2 * MARGIN, result = 0;

	for (int y = 0; y < size && result == 0; y += 2) {
		result = add(out, colours ? "\033[97;40m" : "");
		for (int x = 0; x < size && result == 0; x++) {
			bool below = !dark(code, x, y + 1);
			result = add(out, blocks[(dark(code, x, y) ? 0 : 2) + (below ? 1 : 0)]);
		}
		result = result == 0 ? add(out, colours ? "\033[0m\n" : "\n") : -1;
	}
	return result;
}

int ctl_qr(struct slice text, bool colours, struct buf *out)
{
	if (text.n > INT_MAX)
		return ctl_fail("the QR code would be too large");
	QRcode *code = QRcode_encodeData((int)text.n, text.p, 0, QR_ECLEVEL_L);
	if (code == NULL)
		return ctl_fail("the QR code would be too large, or there is no memory: use --uri");
	int result = draw(code, colours, out);
	secret_wipe(code->data, (size_t)code->width * (size_t)code->width);
	QRcode_free(code);
	return result == 0 ? CTL_OK : ctl_fail("out of memory");
}

#else

bool ctl_qr_built(void)
{
	return false;
}

int ctl_qr(struct slice text, bool colours, struct buf *out)
{
	(void)text;
	(void)colours;
	(void)out;
	return CTL_FAILED;
}

#endif
