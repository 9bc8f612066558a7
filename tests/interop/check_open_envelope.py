# SPDX-License-Identifier: ISC
"""The opener in examples/, which shares no code with ours, on every vector of the envelope. Prints TAP."""
import hashlib, os, subprocess, sys, tempfile

top = os.environ.get("top_srcdir", ".")
try:
    import cryptography
except ImportError:
    print("1..0 # SKIP python3-cryptography is not there")
    sys.exit(0)
sys.path.insert(0, os.path.join(top, "examples"))
from cryptography.exceptions import InvalidTag
import open_envelope as opener

SEALS, FAILS = 45, 60
# E_RETAIN is a matter of the packet around it. What stands in the property block is checked by whoever takes
# properties over; this opener checks only that the block ends where it should.
NOT_ITS_MATTER = {"A19-retain-lie", "A41-props-pfi", "A42-props-dup", "A43-props-badutf8", "A44-props-wildcard",
                  "A45-props-alias"}

def read_vectors():
    records = []
    with open(os.path.join(top, "tests/vectors/envelope.txt"), encoding="ascii") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("["):
                records.append({"kind": line[1:-1]})
            elif line and not line.startswith("#"):
                name, value = line.split(" =", 1)
                records[-1][name] = value.strip()
    return records

def topic_of(r):
    if "topic_fill" in r:
        prefix, fill, n = r["topic_fill"].split()
        return prefix + fill * (int(n) - len(prefix))
    return bytes.fromhex(r["topic_hex"]).decode()

def payload_of(r):
    if "payload_hex" in r:
        return bytes.fromhex(r["payload_hex"])
    seed = int(r["payload_pattern_seed"])
    return bytes(((i ^ i >> 8 ^ (i >> 14) * 31) + seed) & 255 for i in range(int(r["payload_len"])))

def sha256(b):
    return hashlib.sha256(b).hexdigest()

def reseal(key, r):
    """The envelopes that the file holds only in part are made here, and must have the digest written there."""
    def part(name):
        return bytes.fromhex(r[name])
    flags, m, salt = int(r["flags"]), payload_of(r), part("salt_hex")
    assert flags & (opener.PROPS | opener.PADDED) == 0
    header = bytes([128 | flags]) + opener.key_id(key) + salt + int(r["num"]).to_bytes(7, "big")
    gcm = opener.AESGCM(opener.cmac(key, b"\0\1X\0" + salt) + opener.cmac(key, b"\0\2X\0" + salt))
    n = max(1, -(-len(m) // 16384))
    out = header
    for i in range(n):
        aad = header + len(m).to_bytes(4, "big") + topic_of(r).encode() if i == 0 else None
        iv = header[17:] + i.to_bytes(4, "big") + bytes([i == n - 1])
        out += gcm.encrypt(iv, m[i * 16384:(i + 1) * 16384], aad)
    return out

def broken(r, sealed):
    if "envelope_hex" in r:
        return bytes.fromhex(r["envelope_hex"])
    out = bytearray()
    for piece in r["build"].split(","):
        name, offset, n = piece.split(":")
        out += sealed[name][int(offset):int(offset) + int(n)]
    if "xor" in r:
        at, byte = r["xor"].split(":")
        out[int(at)] ^= int(byte, 16)
    assert sha256(out) == r["envelope_sha256"]
    return bytes(out)

def check_seal(keys, r, envelope):
    assert sha256(envelope) == r["envelope_sha256"]
    o, flags = opener.open_envelope(keys[r["key"]], topic_of(r), envelope), int(r["flags"])
    assert o.payload == payload_of(r)
    assert o.num == int(r["num"])
    assert (o.pfi == 1, o.retain, o.will, o.unbound) == tuple(bool(flags & bit) for bit in (1, 2, 4, 8))
    assert o.props == (bytes.fromhex(r["props_hex"]) if "props_hex" in r else None)

def check_fail(keys, r, sealed):
    envelope = broken(r, sealed)
    ring = {opener.key_id(keys[k]): keys[k] for k in r["keys"].split(",")}
    # This opener takes one key; who has several chooses by the id in the envelope.
    key = ring.get(envelope[1:5], next(iter(ring.values())))
    error = "none"
    try:
        opener.open_envelope(key, topic_of(r), envelope)
    except InvalidTag:
        error = "E_AUTH"
    except ValueError as e:
        error = str(e).split(":")[0]
    want = "none" if r["id"] in NOT_ITS_MATTER else r["error"]
    assert error == want, "%s instead of %s" % (error, want)

def check_command(keys, r, envelope, directory):
    path = os.path.join(directory, "key")
    with open(path, "w", encoding="ascii") as f:
        f.write(keys[r["key"]].hex() + "\n")
    program = [sys.executable, "-B", os.path.join(top, "examples/open_envelope.py"), path]
    good = subprocess.run(program + [topic_of(r)], input=envelope, capture_output=True, check=False)
    assert (good.returncode, good.stdout, good.stderr) == (0, payload_of(r), b""), good
    bad = subprocess.run(program + ["other"], input=envelope, capture_output=True, check=False)
    assert bad.returncode == 1 and bad.stdout == b"" and bad.stderr.startswith(b"E_AUTH"), bad

def main():
    records = read_vectors()
    keys = {r["name"]: bytes.fromhex(r["key_hex"]) for r in records if r["kind"] == "key"}
    seals = [r for r in records if r["kind"] == "seal"]
    fails = [r for r in records if r["kind"] == "open_fail"]
    sealed = {r["id"]: bytes.fromhex(r["envelope_hex"]) if "envelope_hex" in r else reseal(keys[r["key"]], r)
              for r in seals}
    checks = [("seal " + r["id"], check_seal, (keys, r, sealed[r["id"]])) for r in seals]
    checks += [("fail " + r["id"], check_fail, (keys, r, sealed)) for r in fails]
    directory = tempfile.TemporaryDirectory()
    checks.append(("command", check_command, (keys, seals[1], sealed[seals[1]["id"]], directory.name)))
    print("1..%d" % (SEALS + FAILS + 1))
    failed = len(checks) != SEALS + FAILS + 1
    for number, (name, check, arguments) in enumerate(checks, 1):
        try:
            check(*arguments)
            print("ok %d - %s" % (number, name))
        except Exception as e:  # whatever it is, it is a failure of this one
            failed = True
            print("not ok %d - %s # %s" % (number, name, repr(e)[:200]))
    directory.cleanup()
    return 1 if failed else 0

if __name__ == "__main__":
    sys.exit(main())
