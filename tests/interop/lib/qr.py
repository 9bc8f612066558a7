# SPDX-License-Identifier: ISC
"""A reader of QR codes without damage, level L, versions 1 to 10 [ISO/IEC 18004], as they are drawn on a terminal."""

TOTAL = [26, 44, 70, 100, 134, 172, 196, 242, 292, 346]
CHECK = [(7, 1), (10, 1), (15, 1), (20, 1), (26, 1), (18, 2), (20, 2), (24, 2), (30, 2), (18, 4)]
ALIGN = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]]
MASKS = [lambda y, x: (y + x) % 2, lambda y, x: y % 2, lambda y, x: x % 3, lambda y, x: (y + x) % 3, lambda y, x: (y // 2 + x // 3) % 2,
         lambda y, x: y * x % 2 + y * x % 3, lambda y, x: (y * x % 2 + y * x % 3) % 2, lambda y, x: ((y + x) % 2 + y * x % 3) % 2]


def reserved(n, version):
    """The modules that hold no data."""
    out = {(y, x) for y in range(9) for x in list(range(9)) + list(range(n - 8, n))} | {(y, x) for y in range(n - 8, n) for x in range(9)}
    out |= {(6, i) for i in range(n)} | {(i, 6) for i in range(n)}
    for y in ALIGN[version - 1]:
        for x in ALIGN[version - 1]:
            if (y, x) not in ((6, 6), (6, n - 7), (n - 7, 6)):
                out |= {(y + i, x + j) for i in range(-2, 3) for j in range(-2, 3)}
    if version >= 7:
        out |= {(i, j) for i in range(6) for j in range(n - 11, n - 8)} | {(j, i) for i in range(6) for j in range(n - 11, n - 8)}
    return out


def read_qr(text):
    """What a code drawn in half blocks says."""
    rows = []
    for line in text.splitlines():
        rows.append([c in " \u2584" for c in line])
        rows.append([c in " \u2580" for c in line])
    size = len(rows[0])
    n = size - 8
    if any(any(r[:4] + r[-4:]) for r in rows[:size]) or any(any(r) for r in rows[:4] + rows[size - 4:size]):
        raise ValueError("the margin is not light")
    m = [r[4:4 + n] for r in rows[4:4 + n]]
    version = (n - 17) // 4
    form = sum(m[8][x] << 14 - i for i, x in enumerate([0, 1, 2, 3, 4, 5, 7, 8])) ^ 0x5412
    if form >> 13 != 1:
        raise ValueError("not level L")
    mask, fixed, bits = MASKS[form >> 10 & 7], reserved(n, version), []
    right, up = n - 1, True
    while right > 0:
        right -= right == 6
        for y in (range(n - 1, -1, -1) if up else range(n)):
            bits += [m[y][x] ^ (mask(y, x) == 0) for x in (right, right - 1) if (y, x) not in fixed]
        right, up = right - 2, not up
    words = [int("".join("01"[b] for b in bits[i * 8:i * 8 + 8]), 2) for i in range(TOTAL[version - 1])]
    check, blocks = CHECK[version - 1]
    data = TOTAL[version - 1] - check * blocks
    sizes = [data // blocks + (i >= blocks - data % blocks) for i in range(blocks)]
    out, at = [[] for _ in sizes], 0
    for i in range(max(sizes)):
        for b, s in zip(out, sizes):
            if i < s:
                b.append(words[at])
                at += 1
    stream = "".join("%08d" % int(bin(w)[2:]) for b in out for w in b)
    if stream[:4] != "0100":
        raise ValueError("not bytes: " + stream[:4])
    width = 8 if version < 10 else 16
    count = int(stream[4:4 + width], 2)
    return bytes(int(stream[4 + width + i * 8:12 + width + i * 8], 2) for i in range(count)).decode()
