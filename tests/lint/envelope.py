# SPDX-License-Identifier: ISC
"""The worked example of mqsecproxy-envelope(7) is computed, from test vectors of the format and in the steps that the
manual describes; this fails where the manual shows anything else, and with --write makes the example anew."""
import os
import re
import sys

try:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.cmac import CMAC
except ImportError:
    print("1..0 # SKIP no python3-cryptography")
    sys.exit(0)

top = os.environ.get("top_srcdir", ".")
MANUAL = os.path.join(top, "man", "mqsecproxy-envelope.7")
BEGIN, END = ".Sh EXAMPLES\n", ".Sh SEE ALSO\n"
PLAIN, FULL = "a02-text", "a28-props-pad"
results = []


def check(good, name):
    results.append(good)
    print("%s %d - %s" % ("ok" if good else "not ok", len(results), name))


def vectors():
    """Keys by name and messages by id; what ends in _hex as bytes."""
    keys, messages = {}, {}
    with open(os.path.join(top, "tests", "vectors", "envelope.txt"), encoding="utf-8") as f:
        for block in f.read().split("\n\n"):
            fields = {k: bytes.fromhex(v) if k.endswith("_hex") else v
                      for k, v in re.findall(r"^(\w+) = ?(.*)$", block, re.M) if not (k.endswith("_hex") and "*" in v)}
            if block.lstrip().startswith("[key]"):
                keys[fields["name"]] = fields["key_hex"]
            elif block.lstrip().startswith("[seal]") and fields["id"] in (PLAIN, FULL):
                messages[fields["id"]] = fields
    return keys, messages


def cmac(key, data):
    c = CMAC(AES(key))
    c.update(data)
    return c.finalize()


def seal(key, v):
    """All steps of a message of one segment, by their names in the manual."""
    s = {"K": key, "topic": v["topic_hex"], "payload": v["payload_hex"], "SALT": v["salt_hex"]}
    s["NUM"] = int(v["num"]).to_bytes(7, "big")
    s["KID"] = cmac(key, b"mqsecproxy-keyid")[:4]
    s["KS"] = cmac(key, b"\0\1X\0" + s["SALT"]) + cmac(key, b"\0\2X\0" + s["SALT"])
    flags = int(v["flags"])
    s["P"] = s["Z"] = b""
    if flags & 0x10:
        assert len(v["props_hex"]) < 128
        s["P"] = bytes([len(v["props_hex"])]) + v["props_hex"]
    if flags & 0x20:
        fill = -(len(s["P"]) + 2 + len(s["payload"])) % int(v["pad_to"])
        s["Z"] = fill.to_bytes(2, "big") + bytes(fill)
    s["M"] = s["P"] + s["Z"] + s["payload"]
    assert len(s["M"]) <= 16384
    s["header"] = bytes([0x80 | flags]) + s["KID"] + s["SALT"] + s["NUM"]
    s["IV"] = s["NUM"] + bytes(4) + b"\1"
    s["AAD"] = s["header"] + len(s["M"]).to_bytes(4, "big") + (b"" if flags & 8 else s["topic"])
    sealed = AESGCM(s["KS"]).encrypt(s["IV"], s["M"], s["AAD"])
    s["ciphertext"], s["tag"] = sealed[:-16], sealed[-16:]
    s["envelope"] = s["header"] + sealed
    return s


def rows(s, *names):
    out = []
    for name in names:
        for i in range(0, len(s[name]), 16):
            out.append("%-11s%s\n" % ("" if i else name, s[name][i:i + 16].hex(" ")))
    return ".Bd -literal -offset indent\n" + "".join(out) + ".Ed\n"


def sentence(*lines):
    return "".join(line + "\n" for line in lines)


def example(one, two, v2):
    return "".join((
        BEGIN, '.\\" From here to the end of the section: tests/lint/envelope.py --write\n',
        sentence("The payload", ".Ql %s" % one["payload"].decode(), "under the topic", ".Ql %s ," % one["topic"].decode(),
                 "with no flag:"),
        rows(one, "K", "KID", "SALT", "NUM", "KS", "header", "IV", "AAD", "ciphertext", "tag"),
        sentence(".Pp", "The envelope is header, ciphertext and tag, %d bytes:" % len(one["envelope"])),
        rows(one, "envelope"),
        sentence(".Pp", "Written as one line of hexadecimal digits to a file, K is a key file, and"),
        sentence(".Bd -literal -offset indent", "mqsecproxyctl decrypt --key-file key --topic %s \\e" % one["topic"].decode(),
                 "    <envelope", ".Ed"),
        sentence(".Pp", "prints the payload."),
        sentence(".Pp", "With flags U, P and Z, properties and padding to a multiple of %s, M is made of" % v2["pad_to"]),
        rows(two, "P", "Z", "payload"),
        sentence(".Pp", "%d + %d + %d bytes, and the envelope of it has" % tuple(len(two[n]) for n in ("P", "Z", "payload")),
                 "24 + %d + 16 = %d." % (len(two["M"]), len(two["envelope"])))))


def main():
    keys, messages = vectors()
    one, two = (seal(keys[messages[i]["key"]], messages[i]) for i in (PLAIN, FULL))
    for s, i in ((one, PLAIN), (two, FULL)):
        if sys.argv[1:] != ["--write"]:
            check(s["envelope"] == messages[i]["envelope_hex"], "the steps lead to the envelope of vector " + i)
    with open(MANUAL, encoding="utf-8") as f:
        manual = f.read()
    made = manual[:manual.index(BEGIN)] + example(one, two, messages[FULL]) + manual[manual.index(END):]
    if sys.argv[1:] == ["--write"]:
        with open(MANUAL, "w", encoding="utf-8") as f:
            f.write(made)
        return 0
    check(manual == made, "the manual shows them (tests/lint/envelope.py --write)")
    with open(os.path.join(top, "src", "seal", "envelope.c"), encoding="utf-8") as f:
        names = re.findall(r'"(E_\w+)"', f.read())
    told = re.findall(r"^(?:\.It )?\.?Dv (E_\w+)", manual, re.M)
    check(sorted(told) == sorted(n for n in names if n != "E_INTERNAL"), "and every error of the format")
    print("1..%d" % len(results))
    return 0 if all(results) else 1


sys.exit(main())
