# SPDX-License-Identifier: ISC
"""mqsecproxyctl, every command from outside: what it prints, where, and with which exit status."""
import grp
import json
import os
import shutil
import socket
import stat
import sys
import threading

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "interop"))
from lib import otp, proc, tap

CTL = os.path.join(proc.top_builddir, "mqsecproxyctl")
OK, FAILED, USAGE, NOT_RUNNING, BAD = 0, 1, 2, 3, 78
SECRET20 = b"12345678901234567890"
# Without root, a process that may not be traced cannot be searched for leaks.
if os.geteuid() != 0:
    os.environ["ASAN_OPTIONS"] = "detect_leaks=0"

CONF = """
state {
	path state/state.db
}
admin {
	socket %s
}
listener a {
	listen 127.0.0.1:0
	broker b
	otp d
}
broker b {
	address 127.0.0.1:1
}
otp d {
	role verify
}
""" % proc.path("ctl.sock")


def ctl(*args, stdin=b"", conf=None, **options):
    return proc.run([CTL, "-c", conf or CONF_PATH] + list(args), input=stdin, **options)


def expect(name, status, *args, out=None, err=None, **options):
    """Runs a command. out, err: the text exactly, or what a function says of it. Returns its output."""
    got, stdout, stderr = ctl(*args, **options)
    tap.ok(got == status, "%s: exit status %d" % (name, status), "got %d, stderr %r" % (got, stderr))
    for what, wanted, text in (("stdout", out, stdout), ("stderr", err, stderr)):
        if wanted is not None:
            fits = wanted(text) if callable(wanted) else text == wanted
            tap.ok(fits, "%s: %s" % (name, what), repr(text[:300]))
    return stdout


def not_for_this_user():
    """Who may not reach the socket is told who may."""
    folder = proc.path("shut")
    os.mkdir(folder, 0)
    somebody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        got, out, err = proc.run([CTL, "-s", folder + "/ctl.sock", "status"], **somebody)
        tap.ok(got == FAILED and b"Permission denied (root and the daemon's own user may ask)" in err, "a socket of others", (got, err))
    except PermissionError as e:
        tap.skip("a socket of others", e)


def says(*words):
    return lambda text: all(w.encode() in text for w in words)


def parse(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def check_configuration(name):
    os.mkdir(proc.path("state"), 0o700)
    return proc.write(name, CONF.replace("state/", proc.path("state") + "/"))


def usage():
    """Wrong usage is 2, says what is wrong, and repeats nothing that may be secret."""
    rows = [
        ([], "command is missing"),
        (["no-such-command"], "unknown command"),
        (["otp"], "behind otp stands one of: code verify\n"),
        (["user"], "behind user stands one of: add list show"),
        (["user", "ad", "x"], "behind user stands one of: add list show"),
        (["use"], "unknown command"),
        (["store"], "behind store stands one of: check backup restore forget-draws\n"),
        (["status", "--help", "x"], "unknown option \"--help\""),
        (["--bad"], "unknown option"),
        (["user", "add", "-dash"], "unknown option \"-d\""),
        (["keygen"], "usage: mqsecproxyctl keygen NAME"),
        (["keygen", "a", "b"], "too many words"),
        (["keygen", "../a"], "key's name"),
        (["keygen", ""], "key's name"),
        (["keygen", "a", "--out"], "--out needs a value"),
        (["encrypt", "--topic", "a"], "--key-file is missing"),
        (["encrypt", "--key-file", "k"], "--topic is missing"),
        (["encrypt", "--key-file", "k", "--key-file", "k", "--topic", "a"], "twice"),
        (["encrypt", "--key-file", "k", "--topic", "a/#"], "neither + nor #"),
        (["decrypt", "--key-file", "k", "--topic", "a", "--utf8"], "unknown option"),
        (["otp", "code", "--counter", "1"], "--secret-file is missing"),
        (["otp", "code", "--secret-file", "s"], "one of --counter and --at"),
        (["otp", "code", "--secret-file", "s", "--counter", "1", "--at", "1"], "one of --counter and --at"),
        (["otp", "code", "--secret-file", "s", "--counter", "1", "--period", "30"], "--period goes with --at"),
        (["otp", "code", "--secret-file", "s", "--counter", "1", "--digits", "9"], "--digits"),
        (["otp", "code", "--secret-file", "s", "--counter", "1", "--digits", "5"], "--digits"),
        (["otp", "code", "--secret-file", "s", "--counter", "-1"], "--counter"),
        (["otp", "code", "--secret-file", "s", "--at", "1", "--period", "0"], "--period"),
        (["otp", "code", "--secret-file", "s", "--counter", "1", "--algorithm", "md5"], "--algorithm"),
        (["otp", "code", "--secret-file", "s", "--counter", "1", "--hex", "--base32"], "exclude each other"),
        (["user", "add"], "usage: mqsecproxyctl user add NAME"),
        (["user", "add", "", ], "user name"),
        (["user", "add", "a\nb"], "user name"),
        (["user", "add", "x" * 257], "user name"),
        (["user", "add", "a", "--profile", "nobody"], "--profile is one of"),
        (["user", "add", "a", "--hex"], "--secret-file"),
        (["user", "list", "x"], "too many words"),
        (["user", "delete"], "usage: mqsecproxyctl user delete NAME"),
        (["kick"], "exactly one of"),
        (["kick", "--user", "a", "--client-id", "b"], "exactly one of"),
        (["kick", "--address", "plant"], "numeric"),
        (["kick", "--user", ""], "1 to"),
        (["status", "now"], "too many words"),
        (["explain", "--client-id", "a"], "--address is missing"),
        (["explain", "--address", "::1"], "--client-id is missing"),
        (["explain", "--client-id", "a", "--address", "plant"], "numeric"),
        (["explain", "--client-id", "a", "--address", "10.0.0.0/8"], "numeric"),
        (["explain", "--client-id", "a", "--address", "::1", "--topic", "a/#"], "--topic is a topic without wildcards"),
        (["explain", "--client-id", "a", "--address", "::1", "--publish", ""], "--publish is a topic"),
        (["explain", "--client-id", "a", "--address", "::1", "--subscribe", "$share/g"], "--subscribe is a topic filter"),
        (["explain", "--client-id", "a", "--address", "::1", "--listener", "no"], "there is no listener \"no\""),
        (["check-config", "--dum"], "unknown option \"--dum\""),
    ]
    for args, text in rows:
        expect("usage: %s" % " ".join(args)[:60], USAGE, *args, out=b"", err=says("mqsecproxyctl: ", text))
    _, _, err = ctl("otp", "code", "--secret=GEZDGNBV", "--counter", "1")
    tap.ok(b"GEZD" not in err and b"--secret" in err, "the value of an unknown option is not repeated", err)
    _, _, err = ctl("otp", "code", "--secret", "GEZDGNBV", "--counter", "1")
    tap.ok(b"GEZD" not in err and b"--secret" in err, "nor the word behind a prefix of one", err)


def general():
    """Help and version; an output that cannot be written is a failure."""
    expect("help", OK, "--help", out=says("check-config [--dump] [--probe]", "kick --client-id ID", "exit status"), err=b"")
    expect("help of one command", OK, "kick", "--help",
           out=b"  kick --client-id ID | --user NAME | --address ADDRESS\n      cut the connections of a client, a user or an address\n", err=b"")
    expect("and of two words", OK, "user", "lock", "--help", out=b"  user lock NAME\n      refuse a user and end the sessions\n", err=b"")
    expect("version", OK, "--version", out=says("mqsecproxyctl "), err=b"")
    for args in (["--help"], ["otp", "code", "--secret-file", SECRET_FILE, "--counter", "0"]):
        with open("/dev/full", "wb") as full:
            child = proc.start([CTL] + args, stdout=full, stderr=open(proc.path("err"), "wb"))
            tap.eq(child.wait(), FAILED, "%s into a full device fails" % args[0])
    with open(proc.path("err"), "rb") as f:
        tap.ok(b"No space" in f.read(), "and says why")


def configuration():
    """check-config: right, wrong, shown whole."""
    expect("a right one", OK, "check-config", out=(CONF_PATH + ": ok\n").encode(), err=b"")
    dump = expect("--dump", OK, "check-config", "--dump", out=says("listener a {", "max-connections 10000", "# default"))
    again = proc.write("again.conf", dump)
    expect("the dump is a configuration", OK, "check-config", conf=again)
    bad = proc.write("bad.conf", CONF + "lissener x {\n}\nworkers many\n")
    expect("a wrong one", BAD, "check-config", conf=bad, out=b"",
           err=says("bad.conf:%d:1: error:" % (CONF.count("\n") + 1), "lissener", "many", "2 errors"))
    expect("--dump of a wrong one", BAD, "check-config", "--dump", conf=bad, out=b"")
    expect("a missing one", BAD, "check-config", conf=proc.path("missing.conf"), out=b"", err=says("missing.conf"))
    expect("user list with a wrong one", BAD, "user", "list", conf=bad, out=b"", err=says("lissener"))
    for verb in ("status", "reload", "drain"):  # who runs may be asked whatever the file says by now
        expect(verb + " with a wrong one", NOT_RUNNING, verb, conf=bad, out=b"", err=says("nobody listens at"))
    listening = socket.create_server(("127.0.0.1", 0))
    address = "127.0.0.1:%d" % listening.getsockname()[1]
    expect("--probe, a broker that is down", FAILED, "check-config", "--probe", err=says("broker b: 127.0.0.1 port 1: "))
    there = proc.write("there.conf", CONF.replace("127.0.0.1:1\n", "127.0.0.1:1\n\taddress " + address + "\n"))
    expect("--probe, one of two addresses", OK, "check-config", "--probe", conf=there,
           err=says("port 1: Connection refused", "port %s: connected" % address.split(":")[1]))
    listening.close()
    r = parse(expect("as JSON", OK, "--json", "check-config", "--dump"))
    tap.ok(r and r["ok"] is True and r["errors"] == 0 and r["dump"].encode() == dump, "the JSON holds the dump", repr(r))
    r = parse(expect("a wrong one as JSON", BAD, "--json", "check-config", conf=bad))
    tap.ok(r and r["ok"] is False and r["errors"] == 2 and "lissener" in r["report"], "the JSON holds the errors", repr(r))


def explanations():
    """explain: who may do what, and by which line."""
    conf = proc.write("explain.conf", CONF.replace("otp d\n", "otp d\n\tfilter f\n") + """filter f {
	deny connect address 10.9.0.0/16
	allow connect client-id %u-*
	deny connect
	allow publish up/%c/#
	allow publish all
	deny publish
	deny subscribe cmd/#
	allow subscribe
}
listener free {
	listen 127.0.0.1:0
	broker b
}
""")
    with open(conf) as f:
        lines = {text.strip(): i for i, text in enumerate(f, 1)}

    def by(rule):
        return " by %s:%d\n" % (conf, lines[rule])

    connect, no_connect = "connect: allow" + by("allow connect client-id %u-*"), "connect: deny" + by("deny connect")
    who = ["--client-id", "u-1", "--user", "u", "--address", "10.1.2.3"]
    rows = [
        ("who may", OK, who, connect),
        ("who may not", FAILED, who[:2] + who[4:], no_connect),
        ("from where not", FAILED, who[:4] + ["--address", "10.9.0.1"], "connect: deny" + by("deny connect address 10.9.0.0/16")),
        ("from IPv6", OK, who[:4] + ["--address", "2001:db8::1"], connect),
        ("publish", OK, who + ["--publish", "up/u-1/x"], connect + "publish up/u-1/x: allow" + by("allow publish up/%c/#")),
        ("not for another", FAILED, who + ["--publish", "up/u-2/x"], connect + "publish up/u-2/x: deny" + by("deny publish")),
        ("a topic both ways", FAILED, who + ["--topic", "cmd/x"],
         connect + "publish cmd/x: deny" + by("deny publish") + "deliver cmd/x: deny" + by("deny subscribe cmd/#")),
        ("subscribe, in order", FAILED, who + ["--subscribe", "a", "--subscribe", "#", "--subscribe", "$share/g/cmd/x"],
         connect + "subscribe a: allow" + by("allow subscribe") + "subscribe #: deny" + by("deny subscribe cmd/#") +
         "subscribe $share/g/cmd/x: deny" + by("deny subscribe cmd/#")),
        ("one of several", FAILED, who + ["--subscribe", "#", "--publish", "all"],
         connect + "subscribe #: deny" + by("deny subscribe cmd/#") + "publish all: allow" + by("allow publish all")),
        ("a name that cannot stand there", FAILED, ["--client-id", "u-/", "--user", "u", "--address", "::1"],
         "connect: deny" + by("allow publish up/%c/#")[:-1] + ", where the client id cannot stand\n"),
    ]
    for name, status, args, out in rows:
        expect("explain " + name, status, "explain", "--listener", "a", *args, conf=conf, out=out.encode(), err=b"")
    expect("explain without a filter", OK, "explain", "--listener", "free", "--topic", "x", *who, conf=conf, err=b"",
           out="".join(w + ": allow, there is no filter\n" for w in ("connect", "publish x", "deliver x")).encode())
    expect("explain for which listener", USAGE, "explain", *who, conf=conf, out=b"", err=says("there are 2 listeners"))
    expect("explain by a wrong configuration", BAD, "explain", *who, conf=proc.path("missing.conf"), out=b"")
    r = parse(expect("explain as JSON", FAILED, "--json", "explain", "--listener", "a", "--publish", "all", "--subscribe", "+/x",
                     *who, conf=conf))
    tap.eq(r, {"listener": "a", "filter": "f", "dry_run": False, "allow": False, "verdicts": [
        {"what": "connect", "allow": True, "file": conf, "line": lines["allow connect client-id %u-*"]},
        {"what": "publish", "topic": "all", "allow": True, "file": conf, "line": lines["allow publish all"]},
        {"what": "subscribe", "topic": "+/x", "allow": False, "file": conf, "line": lines["deny subscribe cmd/#"]}]}, "the JSON")
    dry = proc.write("dry.conf", open(conf).read().replace("filter f {", "filter f {\n\tdry-run on\n"))
    expect("explain of a dry run", FAILED, "explain", "--listener", "a", "--client-id", "x", "--address", "::1", conf=dry,
           out=says("connect: deny", "(dry run: nothing is denied)"))


def key_files():
    """keygen: mode, id, and nothing overwritten."""
    path = proc.path("new.key")
    old = os.umask(0)
    kid = expect("keygen", OK, "keygen", "new", "--out", path, err=b"")
    os.umask(old)
    with open(path, "rb") as f:
        text = f.read()
    st = os.stat(path)
    try:
        service = grp.getgrnam("mqsecproxy").gr_gid if os.geteuid() == 0 else None
    except KeyError:
        service = None
    tap.eq(stat.S_IMODE(st.st_mode), 0o600 if service is None else 0o640, "its mode")
    tap.eq(st.st_gid, os.getegid() if service is None else service, "its group")
    tap.ok(len(text) == 65 and text.endswith(b"\n") and int(text, 16), "it holds 64 hexadecimal digits")
    tap.ok(kid.startswith(b"kid ") and len(kid) == 13, "the id is printed", repr(kid))
    sealed = expect("encrypt with it", OK, "encrypt", "--key-file", path, "--topic", "t", stdin=b"x")
    tap.eq(sealed[1:5].hex(), kid.split()[1].decode(), "the envelope names the same id")
    expect("a second time", FAILED, "keygen", "new", "--out", path, out=b"", err=says("exists already"))
    with open(path, "rb") as f:
        tap.eq(f.read(), text, "the key is still the same")
    expect("no such folder", FAILED, "keygen", "new", "--out", proc.path("no/where.key"), out=b"")
    r = parse(expect("as JSON", OK, "--json", "keygen", "new", "--out", proc.path("new2.key")))
    tap.ok(r and len(r["kid"]) == 8 and r["file"] == proc.path("new2.key"), "the JSON names id and file", repr(r))
    tap.ok(r and r["kid"] != kid.split()[1].decode(), "no two keys are the same")


def service_group():
    """keygen as root, where the service has a group, and where it has none: under an /etc of our own."""
    if os.geteuid() != 0 or proc.run(["unshare", "-m", "true"])[0] != 0:
        raise tap.Skip("needs root and a mount namespace")
    with open(CTL, "rb") as f:
        ours = b"\0/etc/mqsecproxy/keys\0" in f.read()  # else its keys are not below /etc
    for group, mode in ((64321, 0o640), (0, 0o600)):
        etc = proc.path("etc-%d" % group)
        os.mkdir(etc, 0o755)
        proc.write(etc + "/group", "root:x:0:\n" + ("mqsecproxy:x:%d:\n" % group if group else ""))
        paths = [proc.path("service-%d.key" % group)] + ([etc + "/mqsecproxy/keys/site.key"] if ours else [])
        for path, option in zip(paths, (["--out", paths[0]], [])):
            argv = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc && umask 077 && exec "$@"', etc, CTL, "keygen", "site"]
            code, out, err = proc.run(argv + option)
            tap.ok(code == 0 and out.startswith(b"kid "), "keygen, group %d" % group, repr((code, out, err)))
            st = os.stat(path)
            tap.eq((st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)), (0, group, mode), "owner, group and mode of " + os.path.basename(path))
            tap.eq(proc.run(argv + option)[0], FAILED, "a second time")
        for folder, wanted in (("", (0, 0o755)), ("/keys", (group, 0o750))) if ours else ():
            st = os.stat(etc + "/mqsecproxy" + folder)
            tap.eq((st.st_gid, stat.S_IMODE(st.st_mode)), wanted, "group and mode of mqsecproxy%s, whatever the umask" % folder)


def vectors(name):
    records = []
    with open(os.path.join(proc.top_srcdir, "tests", "vectors", name)) as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("["):
                records.append({"kind": line[1:-1]})
            elif " =" in line and records and not line.startswith("#"):
                field, value = line.split(" =", 1)
                records[-1][field] = value.strip()
    return records


def round_trips():
    """What encrypt makes, decrypt opens, and only where everything fits."""
    key, other = proc.path("new.key"), proc.path("new2.key")
    big = os.urandom(100000)
    flags = {"--utf8": 1, "--retain": 2, "--will": 4, "--unbound": 8}
    rows = [(b"", []), (b"21.5", []), (big, []), (b"x", ["--retain"]), (b"x", ["--will"]), (b"x", ["--utf8"]),
            (b"x", ["--unbound"]), (b"x", list(flags))]
    for payload, given in rows:
        name = "%d bytes %s" % (len(payload), " ".join(given))
        args = ["--key-file", key, "--topic", "plant/7"] + given
        sealed = expect("encrypt " + name, OK, "encrypt", *args, stdin=payload, err=b"")
        tap.eq(sealed[0] & 0x3f, sum(flags[g] for g in given), "flags of " + name)
        tap.eq(len(sealed), len(payload) + 24 + 16 * max(1, -(-len(payload) // 16384)), "length of " + name)
        opening = [g for g in args if g != "--utf8"]
        expect("decrypt " + name, OK, "decrypt", *opening, stdin=sealed, out=payload, err=b"")
    a = expect("encrypt twice, first", OK, "encrypt", "--key-file", key, "--topic", "t", stdin=b"same")
    b = expect("encrypt twice, second", OK, "encrypt", "--key-file", key, "--topic", "t", stdin=b"same")
    tap.ok(a != b, "the same payload never looks the same")
    expect("two keys, the second fits", OK, "decrypt", "--key-file", other, "--key-file", key, "--topic", "t", stdin=a,
           out=b"same")
    base64 = proc.write("b64.key", __import__("base64").b64encode(bytes.fromhex(open(key).read())) + b"\n")
    expect("a key in base64", OK, "decrypt", "--key-file", base64, "--topic", "t", stdin=a, out=b"same")
    will = expect("a Will", OK, "encrypt", "--key-file", key, "--topic", "t", "--will", stdin=b"w")
    loose = expect("unbound", OK, "encrypt", "--key-file", key, "--unbound", stdin=b"u")
    rows = [
        ("E_SHORT", b"", key, "t", []), ("E_VERSION", b"plain text", key, "t", []), ("E_SHORT", a[:39], key, "t", []),
        ("E_KEY", a, other, "t", []), ("E_AUTH", a, key, "u", []), ("E_AUTH", a, key, "", []),
        ("E_AUTH", a[:-1] + bytes([a[-1] ^ 1]), key, "t", []), ("E_AUTH", a + b"x", key, "t", []),
        ("E_WILL", a, key, "t", ["--will"]), ("E_RETAIN", a, key, "t", ["--retain"]), ("E_UNBOUND", loose, key, "t", []),
    ]
    for error, sealed, with_key, topic, given in rows:
        expect("%s for %d bytes" % (error, len(sealed)), FAILED, "decrypt", "--key-file", with_key, "--topic", topic, *given,
               stdin=sealed, out=b"", err=lambda text: text.startswith(error.encode() + b": "))
    expect("a Will in a PUBLISH", OK, "decrypt", "--key-file", key, "--topic", "t", stdin=will, out=b"w")
    expect("unbound, allowed", OK, "decrypt", "--key-file", key, "--topic", "any", "--unbound", stdin=loose, out=b"u")
    args = ["encrypt", "--key-file", key, "--topic", "t", "--will"]
    sealed = expect("the largest Will", OK, *args, stdin=bytes(65447))
    tap.ok(len(sealed) <= 65535, "fits a Will", len(sealed))
    expect("a Will too large", FAILED, *args, stdin=bytes(65448), out=b"", err=says("too large for a Will"))
    expect("a payload too large", FAILED, "encrypt", "--key-file", key, "--topic", "t", stdin=bytes((64 << 20) + 1), out=b"")
    expect("no key file", FAILED, "encrypt", "--key-file", proc.path("none"), "--topic", "t", out=b"", err=says("none"))
    broken = proc.write("broken.key", "0123456789")
    expect("a broken key file", FAILED, "decrypt", "--key-file", broken, "--topic", "t", stdin=a, out=b"",
           err=lambda text: b"broken.key" in text and b"0123456789" not in text)


def envelope_vectors():
    """The envelopes that others made and checked."""
    records = vectors("envelope.txt")
    keys = {r["name"]: proc.write("vector-%s.key" % r["name"], r["key_hex"]) for r in records if r["kind"] == "key"}
    seals = [r for r in records if r["kind"] == "seal" and "envelope_hex" in r and "payload_hex" in r and "topic_hex" in r]
    fails = [r for r in records if r["kind"] == "open_fail" and "envelope_hex" in r]
    tap.ok(len(seals) >= 30 and len(fails) >= 45, "the vectors are there", "%d, %d" % (len(seals), len(fails)))
    for r in seals:
        given = [o for o, f in (("--retain", 2), ("--will", 4), ("--unbound", 8)) if int(r["flags"]) & f]
        expect("opens " + r["id"], OK, "decrypt", "--key-file", keys[r["key"]], "--topic", bytes.fromhex(r["topic_hex"]),
               *given, stdin=bytes.fromhex(r["envelope_hex"]), out=bytes.fromhex(r["payload_hex"]))
    for r in fails:
        ring = [w for k in r["keys"].split(",") if k for w in ("--key-file", keys[k])]
        given = ["--retain"] if r["retain"] == "1" else []
        expect("refuses " + r["id"], FAILED, "decrypt", *ring, "--topic", bytes.fromhex(r["topic_hex"]), *given,
               stdin=bytes.fromhex(r["envelope_hex"]), out=b"",
               err=lambda text: text.startswith(r["error"].encode() + b": "))


def codes():
    """otp code against the RFCs' values and another implementation."""
    wanted = "755224 287082 359152 969429 338314 254676 287922 162583 399871 520489".split()
    for counter, code in enumerate(wanted):
        expect("RFC 4226, counter %d" % counter, OK, "otp", "code", "--secret-file", SECRET_FILE, "--digits", "6",
               "--algorithm", "sha1", "--counter", str(counter), out=code.encode() + b"\n", err=b"")
    for algorithm, size, code in (("sha1", 20, b"94287082"), ("sha256", 32, b"46119246"), ("sha512", 64, b"90693936")):
        path = proc.write("rfc6238", (SECRET20 * 4)[:size].hex())
        expect("RFC 6238, %s" % algorithm, OK, "otp", "code", "--secret-file", path, "--hex", "--digits", "8", "--algorithm",
               algorithm, "--at", "59", "--period", "30", out=code + b"\n")
    records = [r for r in vectors("otp.txt") if r["kind"] in ("hotp", "totp") and r.get("t0", "0") == "0"]
    tap.ok(len(records) >= 150, "the vectors are there", len(records))
    for i, r in enumerate(records):
        path = proc.write("vector", r["secret_hex"])
        when = ["--counter", r["counter"]] if r["kind"] == "hotp" else ["--at", r["time"], "--period", r["step"]]
        expect("vector %d" % i, OK, "otp", "code", "--secret-file", path, "--hex", "--digits", r["digits"],
               "--algorithm", r["alg"], *when, out=r["code"].encode() + b"\n")
    tool = shutil.which("oathtool")
    for at in (0, 1111111109, 20000000000):
        if not tool:
            tap.skip("oathtool agrees at %d" % at, "oathtool is not there")
            continue
        theirs = proc.run([tool, "--totp=sha256", "-d", "8", "-s", "10s", "-N", "@%d" % at, "@" + SECRET_HEX_FILE])[1]
        expect("oathtool agrees at %d" % at, OK, "otp", "code", "--secret-file", SECRET_HEX_FILE, "--hex", "--digits", "8",
               "--algorithm", "sha256", "--at", str(at), "--period", "10", out=theirs)
    r = parse(expect("as JSON", OK, "--json", "otp", "code", "--secret-file", SECRET_FILE, "--counter", "0"))
    tap.eq(r, {"code": "755224"}, "the JSON holds the code as text")
    for name, content in (("an empty file", ""), ("no base32", "0189"), ("a long secret", "A" * 4000)):
        path = proc.write("wrong", content)
        expect("otp code with " + name, FAILED, "otp", "code", "--secret-file", path, "--counter", "0", out=b"",
               err=lambda text: b"wrong" in text and b"0189" not in text)
    expect("otp code without the file", FAILED, "otp", "code", "--secret-file", proc.path("none"), "--counter", "0", out=b"")


def users():
    """user add, list, delete."""
    expect("no users", OK, "user", "list", out=b"", err=b"")
    tap.eq(parse(ctl("--json", "user", "list")[1]), [], "no users as JSON")
    line = expect("user add", OK, "user", "add", "alice", err=b"")
    word, secret = line.decode().split()
    tap.ok(word == "secret" and len(secret) == 32 and line.endswith(b"\n"), "a secret of 20 bytes is printed", repr(line))
    expect("the same name", FAILED, "user", "add", "alice", out=b"", err=says("\"alice\"", "exists already"))
    for profile, size in (("machine-totp", 52), ("machine-hotp", 52)):
        line = expect("user add " + profile, OK, "user", "add", profile, "--profile", profile, err=b"")
        tap.eq(len(line.split()[1]), size, "a secret of 32 bytes is printed")
    expect("with a file", OK, "user", "add", "bob", "--secret-file", SECRET_FILE, "--base32", out=b"", err=b"")
    expect("with a hexadecimal file", OK, "user", "add", "carol", "--secret-file", SECRET_HEX_FILE, "--hex", out=b"")
    text = expect("with a URI", OK, "user", "add", "e v", "--profile", "machine-hotp", "--uri", err=b"").decode().split("\n")
    shown = text[0].split()[1]
    tap.eq(text[1], "uri otpauth://hotp/mqsecproxy:e%20v?secret=" + shown +
           "&issuer=mqsecproxy&algorithm=SHA256&digits=8&counter=0", "the URI holds the secret and what is no default")
    expect("a URI of a secret that is there", OK, "user", "add", "frank", "--secret-file", SECRET_FILE, "--base32", "--uri",
           out=says("uri otpauth://totp/mqsecproxy:frank?secret="))
    r = parse(expect("a URI as JSON", OK, "--json", "user", "add", "grete", "--uri"))
    tap.ok(r and r["added"] and r["uri"] == "otpauth://totp/mqsecproxy:grete?secret=%s&issuer=mqsecproxy" % r["secret"], "the JSON")
    for name in ("e v", "frank", "grete"):
        ctl("user", "delete", name)
    expect("an odd name", OK, "user", "add", "--", "-gr\u00fcn \"#1\"", out=says("secret "))
    short = proc.write("short", "GEZDGNBVGY3TQOJQ\n")
    expect("a short secret", FAILED, "user", "add", "dave", "--secret-file", short, out=b"",
           err=lambda text: b"at least 16" in text and b"GEZD" not in text)
    expect("no secret file", FAILED, "user", "add", "dave", "--secret-file", proc.path("none"), out=b"")
    with open("/dev/full", "wb") as full:
        child = proc.start([CTL, "-c", CONF_PATH, "user", "add", "lost"], stdout=full, stderr=full)
        tap.eq(child.wait(), FAILED, "a secret that cannot be shown is a failure")
    text = expect("user list", OK, "user", "list", err=b"").decode()
    tap.ok("lost" not in text, "and its user is not there")
    tap.eq([x[:14].rstrip() for x in text.splitlines()],
           ["NAME", "-gr\u00fcn \\\"#1\\\"", "alice", "bob", "carol", "machine-hotp", "machine-totp"], "all users, in order")
    columns = [x[14:].split() for x in text.splitlines()]
    tap.eq(columns[2] + columns[5], ["totp", "sha1", "6", "ok", "never", "never", "hotp", "sha256", "8", "ok", "never", "never"],
           "with their parameters")
    tap.eq([x[14:18] for x in text.splitlines()], ["KIND"] + ["totp"] * 4 + ["hotp", "totp"], "in columns")
    r = parse(expect("user list as JSON", OK, "--json", "user", "list"))
    tap.ok(r and r[0]["name"] == "-gr\u00fcn \"#1\"" and r[1]["step"] == 30 and r[4]["window"] == 10, "the JSON", repr(r))
    with open(proc.path("state/state.db"), "rb") as f:
        tap.ok(SECRET20 not in f.read(), "no secret stands in the state")
    for name in ("state.db", "state.key"):
        tap.eq(stat.S_IMODE(os.stat(proc.path("state/" + name)).st_mode), 0o600, "mode of " + name)
    expect("user delete", OK, "user", "delete", "bob", out=b"", err=b"")
    expect("again", FAILED, "user", "delete", "bob", out=b"", err=says("no user \"bob\""))
    tap.ok("bob" not in expect("user list", OK, "user", "list").decode(), "bob is gone")
    expect("bob comes back", OK, "user", "add", "bob", out=says("secret "))
    memory = proc.write("memory.conf", CONF.replace("path state/state.db", "type memory"))
    if ctl("check-config", conf=memory)[0] == 0:
        expect("a state in memory has no users here", FAILED, "user", "list", conf=memory, out=b"", err=says("memory"))


def owner():
    """root leaves nothing behind that the service could not write."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root")
    folder = proc.path("owned")
    os.mkdir(folder, 0o700)
    os.chown(folder, 65534, 65534)
    os.chmod(proc.folder(), 0o755)
    secret = proc.write("root-only", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 0o600)
    conf = proc.write("owned.conf", CONF.replace("state/", folder + "/"))
    expect("user add as root", OK, "user", "add", "a", "--secret-file", secret, conf=conf)
    tap.eq(sorted({(os.stat(os.path.join(folder, f)).st_uid, os.stat(os.path.join(folder, f)).st_gid)
                   for f in os.listdir(folder)}), [(65534, 65534)], "all files belong to the folder's owner")
    # and does not call good what the service could not read
    key = proc.write("root-only.key", "00" * 32 + "\n", 0o600)
    keyed = proc.write("keyed.conf", open(conf).read() + "key k {\n\tfile %s\n}\n" % key)
    expect("a key for root alone", BAD, "check-config", conf=keyed, out=b"", err=says("root-only.key: Permission denied for user ", "65534"))
    os.chown(key, 0, 65534)
    os.chmod(key, 0o640)
    expect("a key for the service's group", OK, "check-config", conf=keyed)
    os.chmod(keyed, 0o600)
    expect("a configuration for root alone", BAD, "check-config", conf=keyed, out=b"", err=says("keyed.conf: error: Permission denied"))
    expect("users are root's business all the same", OK, "user", "list", conf=keyed)


def daemon(answer, seen):
    """Answers one request on the control socket."""
    server = socket.socket(socket.AF_UNIX)
    path = proc.path("ctl.sock")
    if os.path.exists(path):
        os.unlink(path)
    server.bind(path)
    server.listen()

    def serve():
        peer, _ = server.accept()
        with peer, server:
            request = b""
            while not request.endswith(b"\n"):
                request += peer.recv(65536)
            seen.append(request)
            peer.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def remote():
    """reload, status and kick: what is asked, and what becomes of the answer."""
    for args in (["status"], ["reload"], ["kick", "--user", "a"]):
        expect("%s without a daemon" % args[0], NOT_RUNNING, *args, out=b"", err=says("not running"))
    not_for_this_user()
    expect("-s without a daemon", NOT_RUNNING, "-s", proc.path("none.sock"), "status", out=b"")
    none = proc.write("none.conf", CONF.replace("socket " + proc.path("ctl.sock"), "socket none"))
    expect("a configuration without a socket", FAILED, "status", conf=none, out=b"", err=says("no control socket"))
    open(proc.path("dead"), "w").close()
    expect("a socket that is none", NOT_RUNNING, "-s", proc.path("dead"), "status", out=b"")
    expect("too long a path", FAILED, "-s", "x" * 200, "status", out=b"", err=says("path"))
    report = b"bad-configuration\nx.conf:1:1: error: so\n"
    rows = [
        (["status"], b"ok\nversion 0.1.0\nconnections 3\n", b"status\n", OK, b"version 0.1.0\nconnections 3\n", b""),
        (["reload"], b"ok\nreloaded\n", b"reload\n", OK, b"reloaded\n", b""),
        (["reload"], report, b"reload\n", BAD, b"", b"x.conf:1:1: error: so\n"),
        (["reload"], b"failed\nno memory\n", b"reload\n", FAILED, b"", b"no memory\n"),
        (["reload"], b"failed\n", b"reload\n", FAILED, b"", b"mqsecproxyctl: the daemon says: failed\n"),
        (["kick", "--client-id", "a b"], b"ok\nkicked 2\n", b"kick client-id 612062\n", OK, b"kicked 2\n", b""),
        (["kick", "--user", "\u00fc\n"], b"ok\nkicked 0\n", b"kick user c3bc0a\n", OK, b"kicked 0\n", b""),
        (["kick", "--address", "::1"], b"ok\nkicked 1\n", b"kick address ::1\n", OK, b"kicked 1\n", b""),
        (["--json", "status"], b"ok\nversion 0.1.0\nconnections 3\nlistener.a.address 127.0.0.1:1\n", b"status\n", OK,
         lambda t: parse(t) == {"version": "0.1.0", "connections": 3, "listener.a.address": "127.0.0.1:1"}, b""),
        (["--json", "kick", "--user", "a"], b"ok\nkicked 2\n", b"kick user 61\n", OK, lambda t: parse(t) == {"kicked": 2}, b""),
        (["--json", "reload"], report, b"reload\n", BAD,
         lambda t: parse(t) == {"result": "bad-configuration", "text": "x.conf:1:1: error: so\n"}, b""),
        (["drain"], b"ok\ndraining\n", b"drain\n", OK, b"draining\n", b""),
        (["drain", "--over", "90s"], b"ok\ndraining\n", b"drain 90000\n", OK, b"draining\n", b""),
        (["log-level", "debug"], b"ok\nlog level debug\n", b"log-level debug\n", OK, b"log level debug\n", b""),
        (["status"], b"", b"status\n", FAILED, b"", says("no answer")),
        (["status"], b"HTTP/1.1 400\n", b"status\n", FAILED, b"", says("not understood")),
    ]
    for args, answer, request, status, out, err in rows:
        seen = []
        thread = daemon(answer, seen)
        name = "%s answered %r" % (" ".join(args), answer[:20])
        expect(name, status, *args, out=out, err=err)
        thread.join(10)
        tap.eq(seen, [request], "what was asked: %s" % " ".join(args))


CONF_PATH = check_configuration("t.conf")
SECRET_FILE = proc.write("secret", "gezd gnbv gy3t qojq gezd gnbv gy3t qojq\n", 0o600)
SECRET_HEX_FILE = proc.write("secret.hex", SECRET20.hex() + "\n", 0o600)
tap.run([usage, general, configuration, explanations, key_files, service_group, round_trips, envelope_vectors, codes, users, owner, remote])
