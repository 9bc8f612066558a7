# SPDX-License-Identifier: ISC
"""Every normative statement of MQTT 3.1.1 and 5.0 is either shown by a scenario or left to someone, with a reason. The
statements stand in tests/scenario/clauses.txt; the scenarios name theirs in their `tags`: MQTT-3.1.4-1@3.1.1 or @5.0.
Without a version a tag stands for those of the scene's versions that have the id, which must mean the same in both.

    clauses.py          the checks, as TAP
    clauses.py --list   the table, for people: statement, then its scenarios, or whom it is left to and why"""
import glob
import os
import re
import sys

top = os.environ.get("top_srcdir") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
VERSIONS = ("3.1.1", "5.0")
HOW_MANY = {"3.1.1": 141, "5.0": 251}  # appendix B of each
LEFT = ("broker", "client", "peers", "none")
TAG = re.compile(r"MQTT-(\d+(?:\.\d+){2}-\d+)(?:@(.+))?")
DESIGN = re.compile(r"(mqtt|envelope|otp|config|operations)\.md(/\S+)?")


def read_clauses(text):
    """({(version, id): (who, reason, words)}, {reason: (words, scenes)}, complaints)"""
    clauses, reasons, bad, version = {}, {}, [], None
    for n, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if words[0] == "version" and words[1:] in ([v] for v in VERSIONS):
            version = words[1]
        elif words[0] == "reason" and ": " in line:
            why, scenes = line.split(None, 2)[2].rsplit(": ", 1)
            reasons[words[1]] = (why, scenes.split())
        elif version and re.fullmatch(r"\d+\.\d+\.\d+-\d+", words[0]) and len(words) > 2:
            named = 2 if words[1] == "proxy" else 3
            reason = None if words[1] == "proxy" else words[2]
            if words[1] not in ("proxy", "deviates") + LEFT or (reason is not None and reason not in reasons):
                bad.append("line %d: whose is %s, and why?" % (n, words[0]))
            elif (version, words[0]) in clauses:
                bad.append("line %d: %s twice" % (n, words[0]))
            else:
                clauses[version, words[0]] = (words[1], reason, " ".join(words[named:]))
        else:
            bad.append("line %d: not understood: %s" % (n, line))
    return clauses, reasons, bad


def read_scenes(files):
    """[(name, versions, tags, where)] of all scenarios and hostile streams."""
    scenes = read_streams((p, t) for p, t in files if p.endswith(".txt"))
    for path, text in ((p, t) for p, t in files if not p.endswith(".txt")):
        for line in text.splitlines():
            words = line.split()
            if words[:1] == ["scene"]:
                scenes.append([words[1], ("3.1",) + VERSIONS, [], os.path.basename(path)])
            elif words[:1] == ["versions"]:
                scenes[-1][1] = tuple(words[1:])
            elif words[:1] == ["tags"]:
                scenes[-1][2] += words[1:]
    return scenes


def read_streams(files):
    """The same of the hostile streams: ID VERSIONS SIDE PHASE OUTCOME CLAUSE BYTES. Without a version CLAUSE is of the
    latest of VERSIONS, and of 3.1.1 too where it means the same there."""
    streams = []
    for path, text in files:
        for line in text.splitlines():
            words = line.split(None, 6)
            if len(words) == 7 and not line.startswith("#"):
                clause = words[5].removeprefix("disputed:").replace("MQTT-3-8", "MQTT-3.8")  # so in 3.1.1, appendix B
                streams.append(["hostile:" + words[0], [{"3": "3.1", "4": "3.1.1", "5": "5.0"}.get(d, d) for d in words[1]],
                                [clause] if clause.startswith("MQTT-") else [], os.path.basename(path)])
    return streams


def meant(tag, versions, clauses, latest):
    """([(version, id)], complaint) of one tag of a scene; `latest` settles what means two things."""
    m = TAG.fullmatch(tag)
    if m is None:
        return [], None if DESIGN.fullmatch(tag) else "no such tag"
    wanted = (m[2],) if m[2] else VERSIONS
    found = [(v, m[1]) for v in wanted if v in versions and (v, m[1]) in clauses]
    if not found:
        return [], "no such statement in its versions"
    if len({clauses[c][2] for c in found}) > 1:
        return (found[-1:], None) if latest else ([], "not the same in 3.1.1 and 5.0: say which")
    return found, None


def cover(scenes, clauses):
    """({(version, id): [scene]}, complaints)"""
    shown, bad = {}, []
    for name, versions, tags, where in scenes:
        for tag in tags:
            found, complaint = meant(tag, versions, clauses, name.startswith("hostile:"))
            if complaint:
                bad.append("%s: %s: %s: %s" % (where, name, tag, complaint))
            for c in found:
                if name not in shown.setdefault(c, []):
                    shown[c].append(name)
    return shown, bad


def order(ident):
    return [int(n) for n in re.split(r"[.-]", ident)]


def gaps(clauses):
    """Statements missing from the table: the appendix numbers them from 1, or 2, on."""
    bad = []
    for v in VERSIONS:
        ids = sorted((order(i) for u, i in clauses if u == v))
        if len(ids) != HOW_MANY[v]:
            bad.append("%s: %d statements, not %d" % (v, len(ids), HOW_MANY[v]))
        for before, after in zip([[0] * 4] + ids, ids):
            first = before[:3] != after[:3]
            if after[3] != (1 if first else before[3] + 1) and (v, after) != ("5.0", [2, 2, 1, 2]):
                bad.append("%s: something is missing before %s" % (v, after))
    return bad


def check(text, files):
    """{what holds: complaints}"""
    clauses, reasons, not_understood = read_clauses(text)
    scenes = read_scenes(files)
    shown, tags = cover(scenes, clauses)
    names = {s[0] for s in scenes}
    missing = ["%s %s: %s" % (v, i, words) for (v, i), (who, _, words) in clauses.items()
               if who in ("proxy", "deviates") and (v, i) not in shown]
    vague = ["%s: there is no scene %s" % (r, s) for r, (_, named) in reasons.items() for s in named if s not in names]
    vague += ["%s: nobody gives it" % r for r in reasons if r not in {c[1] for c in clauses.values()}]
    return {"the table is understood": not_understood, "the table is complete": gaps(clauses),
            "every tag is a statement": tags, "what bears on the proxy has a scenario": missing,
            "a reason is shown by scenarios": vague}


def inputs():
    paths = sorted(glob.glob(os.path.join(top, "tests", "scenario", "*.scn")) +
                   glob.glob(os.path.join(top, "tests", "hostile", "*.txt")))
    files = []
    for path in [os.path.join(top, "tests", "scenario", "clauses.txt")] + paths:
        with open(path, encoding="utf-8") as f:
            files.append((path, f.read()))
    return files[0][1], files[1:]


def people(named):
    """The scenes by name, the streams by number."""
    streams = [n for n in named if n.startswith("hostile:")]
    return ", ".join([n for n in named if n not in streams] +
                     (["%d hostile streams" % len(streams)] if streams else []))


def table(text, files):
    clauses, reasons, _ = read_clauses(text)
    scenes = read_scenes(files)
    shown, _ = cover(scenes, clauses)
    for v in VERSIONS:
        print("MQTT %s\n" % v)
        for (u, ident), (who, reason, words) in clauses.items():
            if u != v:
                continue
            print("%-9s %s" % (ident, words))
            by = people(shown.get((v, ident), []))
            if reason is None:
                print("%12s%s" % ("", by))
            else:
                whose = {"peers": "left to client and broker", "none": "not here", "deviates": "deviates"}
                print("%12s%s: %s%s" % ("", whose.get(who, "left to the " + who), reasons[reason][0],
                                        "; shown by " + by if by else ""))
        print()
    print("%-8s%8s%8s%8s%8s%8s%8s%10s%8s" % (("", "all", "proxy") + LEFT + ("deviates", "tagged")))
    for v in VERSIONS:
        whose = [who for (u, _), (who, _, _) in clauses.items() if u == v]
        print("%-8s%8d%8d%8d%8d%8d%8d%10d%8d" % ((v, len(whose), whose.count("proxy")) +
              tuple(whose.count(who) for who in LEFT) +
              (whose.count("deviates"), sum(u == v for u, _ in shown))))
    print("%d scenes and streams, %d with a statement" % (len(scenes), len({s for n in shown.values() for s in n})))
    print("\nThe reasons, and scenes that show how the packets pass:")
    for why, named in reasons.values():
        print("  %s: %s" % (why, " ".join(named)))


def found_again(what, text, files):
    return bool(check(text, files)[what])


def tap(results):
    for n, (name, complaints) in enumerate(results, 1):
        print("%sok %d - %s" % ("not " if complaints else "", n, name))
        for c in complaints:
            print("# " + c)
    print("1..%d" % len(results))
    sys.exit(any(complaints for _, complaints in results))


def planted(text, files):
    """One mistake at a time, and the check that must find it."""
    def scene(tags):
        return files + [("new.scn", "scene new\ntags %s\nversions 3.1.1 5.0\n" % tags)]

    bare = [(p, re.sub(r"\bMQTT-3\.14\.0-1\b", "mqtt.md", t)) for p, t in files]
    return [("a statement without an owner", "the table is understood",
             text.replace("2.2.1-2   proxy ", "2.2.1-2   nobody "), files),
            ("a reason that is none", "the table is understood", text.replace("client ping", "client pong", 1), files),
            ("a statement left out", "the table is complete", re.sub(r"(?m)^3\.8\.3-3 .*\n", "", text, count=1), files),
            ("a tag that is none", "every tag is a statement", text, scene("MQTT-3.1.2-99")),
            ("a tag of a word", "every tag is a statement", text, scene("MQTT-3.1.2")),
            ("a version that has no such statement", "every tag is a statement", text, scene("MQTT-1.5.7-1@3.1.1")),
            ("a tag that means two things", "every tag is a statement", text, scene("MQTT-3.1.2-24")),
            ("a statement without a scenario", "what bears on the proxy has a scenario", text, bare),
            ("a reason without its scenario", "a reason is shown by scenarios",
             text.replace(": alias-both-ways ", ": no-such-scene "), files)]


def main():
    text, files = inputs()
    if sys.argv[1:] == ["--list"]:
        return table(text, files)
    if sys.argv[1:]:
        sys.exit(__doc__)
    results = list(check(text, files).items())
    if not any(complaints for _, complaints in results):
        for name, what, t, f in planted(text, files):
            changed = (t, f) != (text, files) and found_again(what, t, f)
            results.append(("found: " + name, [] if changed else ["not found"]))
    return tap(results)


main()
