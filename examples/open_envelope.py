#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Opens a payload envelope without the proxy: open_envelope.py KEYFILE TOPIC < envelope > payload"""
import base64, collections, math, sys
from cryptography.exceptions import InvalidTag  # raised where the key, the topic or the bytes are wrong
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

UTF8, RETAIN, WILL, UNBOUND, PROPS, PADDED = 1, 2, 4, 8, 16, 32
SEGMENT, TAG, PREFIX_MAX = 16384, 16, 16384
# pfi: the Payload Format Indicator (1 or None); props: encoded MQTT v5 properties, or None. Whoever takes these
# properties over checks them as those of any packet; and checks retain, will and num as the application needs.
Opened = collections.namedtuple("Opened", "payload pfi retain will unbound num props")

def cmac(key, data):
    c = CMAC(AES(key))
    c.update(data)
    return c.finalize()

def key_id(key):
    return cmac(key, b"mqsecproxy-keyid")[:4]

def take_inner(m, flags):
    """[P: varint length, properties] [Z: u16 fill, zero bytes] payload"""
    at, props = 0, None
    if flags & PROPS:
        n = 0
        for shift in (0, 7, 14, 21):
            byte, at = m[at], at + 1
            n |= (byte & 127) << shift
            if byte < 128:
                break
        if byte > 127 or (byte == 0 and shift) or at + n > len(m):
            raise ValueError("E_INNER: property length")
        props, at = m[at:at + n], at + n
    if flags & PADDED:
        end = at + 2 + int.from_bytes(m[at:at + 2], "big")
        if at + 2 > len(m) or end > len(m) or any(m[at + 2:end]):
            raise ValueError("E_INNER: padding")
        at = end
    if at > PREFIX_MAX:
        raise ValueError("E_INNER: prefix too long")
    return props, m[at:]

def open_envelope(key, topic, envelope):
    """key: 32 bytes; topic: the text of the topic as it was published; envelope: the payload as it came."""
    if envelope and envelope[0] >> 6 != 2:
        raise ValueError("E_VERSION: not an envelope of version 1")
    if len(envelope) < 40:
        raise ValueError("E_SHORT: shorter than any envelope")
    header, body, flags = envelope[:24], envelope[24:], envelope[0] & 63
    n = math.ceil(len(body) / (SEGMENT + TAG))
    last = len(body) - (SEGMENT + TAG) * (n - 1)
    if last < TAG or (n > 1 and last == TAG):
        raise ValueError("E_LENGTH: no message has this length")
    if header[1:5] != key_id(key):
        raise ValueError("E_KEY: sealed with another key")
    gcm = AESGCM(cmac(key, b"\0\1X\0" + header[5:17]) + cmac(key, b"\0\2X\0" + header[5:17]))
    aad = header + (len(body) - TAG * n).to_bytes(4, "big") + (b"" if flags & UNBOUND else topic.encode())
    m = b""
    for i in range(n):
        segment = body[i * (SEGMENT + TAG):(i + 1) * (SEGMENT + TAG)]
        iv = header[17:] + i.to_bytes(4, "big") + bytes([i == n - 1])
        m += gcm.decrypt(iv, segment, aad if i == 0 else None)
    try:
        props, payload = take_inner(m, flags)
    except IndexError:
        raise ValueError("E_INNER: too short") from None
    return Opened(payload, 1 if flags & UTF8 else None, bool(flags & RETAIN), bool(flags & WILL),
                  bool(flags & UNBOUND), int.from_bytes(header[17:], "big"), props)

def read_key(path):
    with open(path, encoding="ascii") as f:
        text = f.read().strip()
    key = bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)
    if len(key) != 32:
        raise ValueError("a key is 64 hexadecimal or 44 base64 digits")
    return key

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        opened = open_envelope(read_key(sys.argv[1]), sys.argv[2], sys.stdin.buffer.read())
    except InvalidTag:
        sys.exit("E_AUTH: wrong key or topic, or tampered with")
    except (OSError, ValueError) as e:
        sys.exit(str(e))
    sys.stdout.buffer.write(opened.payload)
