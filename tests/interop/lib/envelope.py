# SPDX-License-Identifier: ISC
"""Opens payload envelopes with the stock libcrypto (through ctypes) and nothing of the proxy's: the oracle of these
tests. Written from the description of the format."""
import ctypes
import ctypes.util
import functools

SEGMENT = 16384


def _load():
    for name in ("libcrypto.so.3", ctypes.util.find_library("crypto")):
        try:
            lib = ctypes.CDLL(name)
            break
        except (OSError, TypeError):
            continue
    else:
        return None
    for f in ("EVP_CIPHER_CTX_new", "EVP_aes_256_gcm", "EVP_aes_256_ecb"):
        getattr(lib, f).restype = ctypes.c_void_p
        getattr(lib, f).argtypes = []
    lib.EVP_CIPHER_CTX_free.argtypes = [ctypes.c_void_p]
    lib.EVP_CIPHER_CTX_free.restype = None
    for f in ("EVP_EncryptInit_ex", "EVP_DecryptInit_ex"):
        getattr(lib, f).argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
    for f in ("EVP_EncryptUpdate", "EVP_DecryptUpdate"):
        getattr(lib, f).argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int), ctypes.c_char_p,
                                    ctypes.c_int]
    lib.EVP_DecryptFinal_ex.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int)]
    lib.EVP_CIPHER_CTX_ctrl.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_char_p]
    return lib


_lib = _load()
available = _lib is not None


def _block(key, data):
    """AES-256 of one block."""
    ctx, out, n = _lib.EVP_CIPHER_CTX_new(), ctypes.create_string_buffer(32), ctypes.c_int()
    _lib.EVP_EncryptInit_ex(ctx, _lib.EVP_aes_256_ecb(), None, key, None)
    _lib.EVP_EncryptUpdate(ctx, out, ctypes.byref(n), data, 16)
    _lib.EVP_CIPHER_CTX_free(ctx)
    return out.raw[:16]


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


@functools.lru_cache(4096)
def cmac(key, block):
    """CMAC of exactly one block."""
    zero = int.from_bytes(_block(key, bytes(16)), "big")
    sub = (zero << 1 ^ (0x87 if zero >> 127 else 0)) & (1 << 128) - 1
    return _block(key, _xor(block, sub.to_bytes(16, "big")))


def kid(key):
    return cmac(key, b"mqsecproxy-keyid")[:4]


def _gcm_open(key, iv, aad, data):
    text, tag = data[:-16], data[-16:]
    ctx, n = _lib.EVP_CIPHER_CTX_new(), ctypes.c_int()
    out = ctypes.create_string_buffer(len(text) + 16)
    try:
        _lib.EVP_DecryptInit_ex(ctx, _lib.EVP_aes_256_gcm(), None, key, iv)
        if aad:
            _lib.EVP_DecryptUpdate(ctx, None, ctypes.byref(n), aad, len(aad))
        if text:
            _lib.EVP_DecryptUpdate(ctx, out, ctypes.byref(n), text, len(text))
        got = n.value if text else 0
        _lib.EVP_CIPHER_CTX_ctrl(ctx, 0x11, 16, tag)  # EVP_CTRL_AEAD_SET_TAG
        if _lib.EVP_DecryptFinal_ex(ctx, ctypes.create_string_buffer(16), ctypes.byref(n)) != 1:
            raise ValueError("tag")
        return out.raw[:got]
    finally:
        _lib.EVP_CIPHER_CTX_free(ctx)


class Opened:
    def __init__(self, flags, payload):
        self.flags, self.payload = flags, payload
        self.utf8, self.retain, self.will = bool(flags & 1), bool(flags & 2), bool(flags & 4)


def open_envelope(key, topic, data):
    """Gives flags and payload; ValueError where anything is not as it must be."""
    if len(data) < 40 or data[0] >> 6 != 2:
        raise ValueError("not an envelope")
    header, rest = data[:24], data[24:]
    if header[1:5] != kid(key):
        raise ValueError("another key")
    salt, number = header[5:17], header[17:24]
    session = cmac(key, b"\0\1X\0" + salt) + cmac(key, b"\0\2X\0" + salt)
    n = -(-len(rest) // (SEGMENT + 16))
    m = len(rest) - 16 * n
    topic = topic.encode() if isinstance(topic, str) else topic
    out = []
    for i in range(n):
        piece = rest[i * (SEGMENT + 16):(i + 1) * (SEGMENT + 16)]
        last = i == n - 1
        aad = header + m.to_bytes(4, "big") + (b"" if header[0] & 8 else topic) if i == 0 else b""
        out.append(_gcm_open(session, number + i.to_bytes(4, "big") + bytes([last]), aad, piece))
    inner = b"".join(out)
    if header[0] & 0x30:
        raise ValueError("sealed properties and padding are not expected here")
    return Opened(header[0] & 63, inner)
