# SPDX-License-Identifier: ISC
"""HOTP and TOTP, from RFC 4226 and RFC 6238, in a dozen lines."""
import hashlib
import hmac
import struct
import time

HASHES = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512}


def hotp(secret, counter, digits=6, algorithm="sha1"):
    mac = hmac.new(secret, struct.pack(">Q", counter), HASHES[algorithm]).digest()
    at = mac[-1] & 15
    number = struct.unpack(">I", mac[at:at + 4])[0] & 0x7fffffff
    return "%0*d" % (digits, number % 10 ** digits)


def totp(secret, at=None, digits=6, algorithm="sha1", step=30):
    return hotp(secret, int(time.time() if at is None else at) // step, digits, algorithm)


class User:
    """A credential as its owner sees it. code() never gives a code twice."""

    PROFILES = {"people": ("totp", "sha1", 6, 30), "machine-totp": ("totp", "sha256", 8, 10),
                "machine-hotp": ("hotp", "sha256", 8, 0)}

    def __init__(self, name, secret, profile="machine-hotp"):
        self.name, self.secret, self.profile = name, secret, profile
        self.kind, self.algorithm, self.digits, self.step = self.PROFILES[profile]
        self.next = 0

    def at(self, counter):
        return hotp(self.secret, counter, self.digits, self.algorithm)

    def now(self):
        """TOTP: the code of this moment."""
        return totp(self.secret, None, self.digits, self.algorithm, self.step)

    def code(self):
        """HOTP: a fresh code."""
        self.next += 1
        return self.at(self.next - 1)

    def wrong(self, steps=9):
        """A code that is right nowhere near: for a clock, so many steps each way."""
        if self.kind == "hotp":
            near = {self.at(i) for i in range(max(0, self.next - 1), self.next + 201)}
        else:
            near = {self.at(int(time.time()) // self.step + i) for i in range(-steps, steps + 1)}
        return next(c for c in ("%0*d" % (self.digits, n) for n in range(1000)) if c not in near)
