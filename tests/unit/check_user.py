# SPDX-License-Identifier: ISC
"""mqsecproxyctl's user, store and otp verify commands without a proxy: wrong usage, lists of users line by line, QR codes."""
import base64
import json
import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "interop"))
from lib import otp, proc, tap
from lib.qr import read_qr

CTL = os.path.join(proc.top_builddir, "mqsecproxyctl")
OK, FAILED, USAGE = 0, 1, 2
S = b"12345678901234567890"
B32, HEX = base64.b32encode(S).decode(), S.hex()
if os.geteuid() != 0:
    os.environ["ASAN_OPTIONS"] = "detect_leaks=0"
os.mkdir(proc.path("state"), 0o700)
CONF = proc.write("t.conf", "state {\n\tpath %s/state/state.db\n}\nadmin {\n\tsocket %s\n}\nlistener a {\n\tlisten 127.0.0.1:0\n\tbroker b\n}\n"
                  "broker b {\n\taddress 127.0.0.1:1\n}\n" % (proc.folder(), proc.path("ctl.sock")))


def ctl(*words, input=""):
    code, out, err = proc.run([CTL, "-c", CONF, *words], input=input.encode())
    return code, out.decode(), err.decode()


def expect(name, status, *words, out=None, err="", input=""):
    got = ctl(*words, input=input)
    fits = got[0] == status and err in got[2] and (out is None or got[1] == out)
    tap.ok(fits, "%s: status %d" % (name, status), repr(got))
    tap.ok(B32 not in got[2] and HEX not in got[2], "%s: no secret in the errors" % name)
    return got[1]


def usage():
    """Wrong usage is 2 and says what is wrong"""
    for words, text in (
            (["user", "show"], "missing"), (["user", "lock"], "missing"), (["user", "expire", "a"], "missing"),
            (["user", "expire", "a", "tomorrow"], "a date is"), (["user", "expire", "a", "2026-02-30"], "a date is"),
            (["user", "expire", "a", "2026-1-2"], "a date is"), (["user", "expire", "a", "2026-01-02T25:00:00Z"], "a date is"),
            (["user", "expire", "a", "2026-01-02T05:00:00"], "a date is"), (["user", "expire", "a", "2026-01-02x"], "a date is"),
            (["user", "export"], "one of --out"), (["user", "export", "--out", "x", "--show-secrets"], "one of --out"),
            (["user", "import"], "missing"), (["--json", "user", "add", "a", "--qr"], "--qr is for people"),
            (["store", "backup"], "missing"), (["store", "restore"], "missing"), (["otp", "verify"], "missing"),
            (["otp", "verify", "a", "123456"], "too many words"), (["user", "resync", "a", "1", "2"], "too many words")):
        expect(" ".join(words), USAGE, *words, out="", err=text)


def nobody():
    """What is not there"""
    expect("check without a state", FAILED, "store", "check", out="", err="state.db: No such file")
    expect("backup without a state", FAILED, "store", "backup", proc.path("none.db"), err="state.db: No such file")
    tap.ok(not os.path.exists(proc.path("none.db")) and not os.listdir(proc.path("state")), "and none is made")
    ctl("user", "add", "ann")
    for words in (["show"], ["lock"], ["unlock"], ["reset"], ["delete"], ["expire", "never"]):
        expect("user " + words[0], FAILED, "user", words[0], "bob", *words[1:], out="", err='no user "bob"')
    expect("otp verify", FAILED, "otp", "verify", "bob", input="123456", out="", err='no user "bob"')
    expect("otp verify without a code", FAILED, "otp", "verify", "ann", out="", err="a code is expected")
    for text in ("12345x\n", "123456789\n", "-12345"):
        expect("otp verify %r" % text, FAILED, "otp", "verify", "ann", input=text, out="", err="a code is expected")
    expect("resync of TOTP", FAILED, "user", "resync", "ann", input="123456 123456", out="", err="no counter")
    expect("resync with one code", FAILED, "user", "resync", "ann", input="123456", out="", err="2 codes")
    expect("restore of nothing", FAILED, "store", "restore", proc.path("none.db"), err="none.db")


def edits():
    """Each command is seen by the next"""
    def state():
        return json.loads(ctl("--json", "user", "show", "ann")[1])

    for words, wanted in ((["lock", "ann"], "locked"), (["lock", "ann"], "locked"), (["unlock", "ann"], "ok"),
                          (["expire", "ann", "2001-01-01"], "expired"), (["expire", "ann", "2990-01-01T10:20:30Z"], "ok")):
        expect("user " + " ".join(words), OK, "user", *words, out="")
        tap.eq(state()["state"], wanted, "then the state is " + wanted)
    tap.eq(state()["expires"], "2990-01-01T10:20:30Z", "the date is as it was given")
    expect("user expire never", OK, "user", "expire", "ann", "never", out="")
    tap.eq(state()["expires"], "never", "and never again")
    for words in (["lock", "ann"], ["unlock", "ann"], ["reset", "ann"], ["expire", "ann", "never"]):
        expect("as JSON", OK, "--json", "user", *words)
        tap.eq(list(json.loads(ctl("--json", "user", *words)[1]).values()), [True], "the JSON of " + words[0])
    tap.ok(state()["known-sources"] == [] and state()["mark"] == "none", "user show as JSON", state())


def lists():
    """Each line of a list, right or wrong; nothing comes of a list with an error"""
    csv = "name,secret,type,digits,period,counter,algorithm,profile\n"
    wrong = [
        ("otpauth://totp/a?secret=" + B32[:16], "secret is base32 of 16"), ("otpauth://totp/a", "no secret"),
        ("otpauth://totp/a?secret=%s&secret=%s" % (B32, B32), "secret is given twice"),
        ("otpauth://hotp/a?secret=" + B32, "has a counter"), ("otpauth://xotp/a?secret=" + B32, "totp or hotp"),
        ("otpauth://totp/?secret=" + B32, "no user name"), ("otpauth://totp/x:?secret=" + B32, "no user name"),
        ("otpauth://totp/%zz?secret=" + B32, "no user name"), ("otpauth://totp/a%0Ab?secret=" + B32, "printable"),
        ("otpauth://totp/a?secret=%s&digits=9" % B32, "digits"), ("otpauth://totp/a?secret=%s&period=0" % B32, "period"),
        ("otpauth://totp/a?secret=%s&algorithm=MD5" % B32, "algorithm"), ("otpauth://totp/ann?secret=" + B32, "exists already"),
        ("otpauth://totp/a?secret=%s1" % B32, "secret is base32"), ("otpauth://totp/%s?secret=%s" % ("x" * 257, B32), "no user name"),
        ("HOTP a - " + HEX[:20], "16 to 128 bytes"), ("HOTP a 1234 " + HEX, "PIN"), ("HOTP/X a - " + HEX, "the type of a line"),
        ("HOTP/T0 a - " + HEX, "period: \"0\" is not"), ("HOTP/E/9 a - " + HEX, "digits"), ("HOTP a - %s x" % HEX, "counter: \"x\" is not"),
        ("HOTP a - %s 9223372036854775806 123456" % HEX, "the counter is used up"), ("HOTP a", "PIN"),
        ("secret\n%s" % B32, "needs the column name"), ("name,secret,colour\n", "colour"), ("name,name,secret\n", "twice"),
        (csv + "a,%s" % B32, "fewer fields"), (csv + "a,%s,,,,,,,x" % B32, "more fields"), (csv + "a,,,,,,,", "no secret"),
        (csv + ",%s,,,,,," % B32, "user name"), (csv + 'a,"%s,,,,,,' % B32, "quotes"), (csv + "a,%s,xotp,,,,," % B32, "totp or hotp"),
        (csv + "a,%s,,,,5,," % B32, "goes with type hotp"), (csv + "a,%s,hotp,,30,0,," % B32, "goes with type totp"),
        (csv + "a,%s,,,,,md5," % B32, "algorithm"), (csv + "a,%s,,5,,,," % B32, "digits: \"5\" is not"), (csv + "a,%s,,,,,,boss" % B32, "profile"),
    ]
    for text, why in wrong:
        expect(text.split("\n")[-1].replace(B32, "…").replace(HEX, "…")[:50], FAILED, "user", "import", "-", input=text, out="", err=why)
    many = "otpauth://totp/ok?secret=%s\n" % B32 + "otpauth://totp/ok?secret=%s\n" % B32 + "x\n" * 150
    expect("many errors", FAILED, "user", "import", "-", input=many, err="51 more errors")
    tap.eq(ctl("user", "list")[1].count("\n"), 2, "nobody was imported")
    right = [
        ("otpauth://TOTP/Firm%%3A%%20u%%2C1?SECRET=%s&digits=7&period=60&image=x" % B32.lower(), "u,1", ["totp", "sha1", 7, 60, 1, 1]),
        ("OTPAUTH://hotp/u2?secret=%s&counter=0&algorithm=sha512" % B32, "u2", ["hotp", "sha512", 6, 10, 100]),
        ("otpauth://totp/u3?secret=%s&period=10" % B32, "u3", ["totp", "sha1", 6, 10, 3, 1]),
        ("HOTP/T60/8 u4 + " + HEX, "u4", ["totp", "sha1", 8, 60, 1, 1]), ("HOTP u5 - %s" % HEX, "u5", ["hotp", "sha1", 6, 10, 100]),
        (csv + '"u ""6""",%s,,,,,,' % B32, 'u "6"', ["totp", "sha1", 6, 30, 1, 1]),
        (csv + "u7,%s,hotp,7,,9,sha256," % B32, "u7", ["hotp", "sha256", 7, 10, 100]),
        (csv + "u8,%s,,,,,,machine-totp" % B32, "u8", ["totp", "sha256", 8, 10, 3, 1]),
        ("\ufeffname,secret_hex\nu9,%s" % HEX, "u9", ["totp", "sha1", 6, 30, 1, 1]),
    ]
    keys = {"totp": ["kind", "algorithm", "digits", "step", "back", "forward"], "hotp": ["kind", "algorithm", "digits", "window", "resync"]}
    for text, name, wanted in right:
        expect("import of " + name, OK, "user", "import", "-", input=text, out="imported 1\n")
        got = json.loads(ctl("--json", "user", "show", name)[1])
        tap.eq([got[k] for k in keys[wanted[0]]], wanted, "the parameters of " + name)
    tap.eq(json.loads(ctl("--json", "user", "show", "u7")[1])["next-counter"], 9, "the counter of the list")
    expect("a TOTP user of elsewhere", OK, "user", "import", "-", input="HOTP/T30 used - %s 0 123456 2026-11-22T20:00:00L" % HEX)
    code = otp.totp(S)
    expect("whose codes may be used already", FAILED, "otp", "verify", "used", input=code, out="verdict otp_replayed\n")
    expect("an empty list", OK, "--json", "user", "import", "-", input="# nothing\n\n", out='{"imported": 0}\n')
    uris = json.loads(expect("export as JSON", OK, "--json", "user", "export", "--show-secrets"))
    tap.eq(len(uris), 11, "all users")
    tap.ok("otpauth://totp/mqsecproxy:u%%2C1?secret=%s&issuer=mqsecproxy&digits=7&period=60" % B32 in uris, "one of them", uris)


def checked():
    """store check finds what is wrong"""
    expect("store check", OK, "store", "check", out=None)
    key = proc.path("state/state.key")
    with open(key) as f:
        right = f.read()
    proc.write(key, "ab" * 32 + "\n", 0o600)
    expect("another key", FAILED, "store", "check", err='user "ann": the secret does not open')
    expect("otp verify with another key", FAILED, "otp", "verify", "ann", input="123456", out="", err="does not open")
    os.unlink(key)
    expect("no key", FAILED, "store", "check", err="state.key")
    tap.ok(not os.path.exists(key), "and none is made")
    proc.write(key, right, 0o600)
    expect("the right one", OK, "--json", "store", "check")


def qr():
    """What a camera reads is the URI"""
    if ctl("user", "add", "qr", "--qr")[2].count("built without"):
        raise tap.Skip("built without libqrencode")
    for name, profile in (("q", "people"), ("a longer name for a larger code", "machine-totp"), ("x" * 120, "machine-hotp")):
        out = ctl("user", "add", name, "--profile", profile, "--uri", "--qr")[1]
        secret, uri, drawn = out.split("\n", 2)
        tap.eq(read_qr(drawn), uri.split(" ", 1)[1], "the code of %s" % name[:40])
        tap.ok("\033" not in drawn, "without colours where it is no terminal")
    expect("a name too long for any code", OK, "user", "add", "y" * 256, "--qr")


def out_of_reach():
    """What needs no secret of the configuration works where there is none to be read"""
    with open(CONF) as f:
        text = f.read()
    conf = proc.write("service.conf", text.replace("127.0.0.1:1\n", "127.0.0.1:1\n\totp me\n") + """
otp me {
	role inject
	secret-file @otp
	password-file %(no)s
}
key one {
	file @site-a
}
key two {
	file %(no)s
}
payload t/# {
	client-leg plain
	broker-leg encrypted one two
}
""" % {"no": proc.path("nowhere")})

    def at(*words):
        code, out, err = proc.run([CTL, "-c", conf, *words], input=b"123456")
        return code, out.decode() + err.decode()

    code, out = at("check-config")
    tap.ok(code == 78 and out.count("error: ") == 4, "check-config reads all of them", out)
    tap.eq(at("user", "add", "far")[0], OK, "user add")
    for words in (["user", "show", "far"], ["user", "list"], ["user", "delete", "far"], ["store", "check"],
                  ["explain", "--client-id", "c", "--address", "127.0.0.1"]):
        tap.eq(at(*words)[0], OK, " ".join(words))
    code, out = at("status")
    tap.ok(code == 3 and "credential" not in out, "status asks for the daemon, not for secrets", out)
    bad = proc.write("bad.conf", text + "key one {\n}\notp me {\n\trole inject\n}\n")
    code, out, err = proc.run([CTL, "-c", bad, "user", "list"])
    tap.ok(code == 78 and err.count(b"error: ") == 2, "what is not written down is an error all the same", err)


tap.run([usage, nobody, edits, lists, checked, qr, out_of_reach])
