# SPDX-License-Identifier: ISC
"""The bash completion of mqsecproxyctl is made from the commands' own tables; this fails where the two differ, and with
--write makes it anew. What bash completes is tried as well, where there is a bash."""
import os
import re
import shutil
import subprocess
import sys

top = os.environ.get("top_srcdir", ".")
FILE = os.path.join(top, "completions", "mqsecproxyctl")
COMMAND = re.compile(r"const struct ctl_command \w+ = \{(.*?)\n\};", re.S)

TEXT = r'''# SPDX-License-Identifier: ISC
# bash completion for mqsecproxyctl(8), made by tests/lint/completion.py --write

_mqsecproxyctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} word words= skip= i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $skip ]]; then
			skip=
		elif [[ $word == -[cs] ]]; then
			skip=1
		elif [[ $word != -* ]]; then
			words+=" $word"
		fi
	done
	case $prev in
	--profile)
		mapfile -t COMPREPLY < <(compgen -W 'people machine-totp machine-hotp' -- "$cur")
		return
		;;
	--algorithm)
		mapfile -t COMPREPLY < <(compgen -W 'sha1 sha256 sha512' -- "$cur")
		return
		;;
	-c | -s | --*file | --out)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	case $words in
	' ban' | ' unban') word='address user client-id' ;;
@CASES@	' log-level') word='error warning info debug' ;;
	*) word= ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
}
complete -o filenames -F _mqsecproxyctl mqsecproxyctl
'''


def commands():
    """words -> its options, in the order of the names."""
    found = {}
    folder = os.path.join(top, "src", "ctl")
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".c"):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            for body in COMMAND.findall(f.read()):
                words = re.search(r'\.words = "([^"]+)"', body).group(1)
                options = body[body.index(".options"):] if ".options" in body else ""
                found[words] = ["--" + o for o in re.findall(r'\{"([a-z0-9-]+)"', options)]
    return dict(sorted(found.items()))


def made():
    every = commands()
    first = sorted({w.split()[0] for w in every})
    cases = "\t'') word='%s' ;;\n" % " ".join(["-c", "-s", "--json", "--help", "--version"] + first)
    for group in first:
        second = sorted(w.split()[1] for w in every if w.split()[0] == group and " " in w)
        if second:
            cases += "\t' %s') word='%s' ;;\n" % (group, " ".join(second))
    for words, options in every.items():
        if options:
            cases += "\t' %s' | ' %s '*) word='%s' ;;\n" % (words, words, " ".join(options))
    return TEXT.replace("@CASES@", cases)


def completed(line):
    """What bash offers for the last word of a line."""
    words = line.split(" ")
    script = '. "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _mqsecproxyctl; printf "%s\\n" "${COMPREPLY[@]}"'
    out = subprocess.run(["bash", "--norc", "-c", script, "bash", FILE] + words, stdout=subprocess.PIPE, check=True).stdout
    return out.decode().split()


def main():
    if sys.argv[1:] == ["--write"]:
        with open(FILE, "w", encoding="utf-8") as f:
            f.write(made())
        return 0
    results = [(len(commands()) >= 20, "the commands are found")]
    with open(FILE, encoding="utf-8") as f:
        results.append((f.read() == made(), "the completion is that of the commands (tests/lint/completion.py --write)"))
    if shutil.which("bash"):
        for line, want in (("mqsecproxyctl rel", ["reload"]), ("mqsecproxyctl -c /etc/x user d", ["delete"]),
                           ("mqsecproxyctl log-level d", ["debug"]), ("mqsecproxyctl unban c", ["client-id"]),
                           ("mqsecproxyctl ban user eve --r", ["--reason"]), ("mqsecproxyctl drain --o", ["--over"]),
                           ("mqsecproxyctl user add joe --prof", ["--profile"]), ("mqsecproxyctl nonsense ", []),
                           ("mqsecproxyctl user add joe --profile people --u", ["--uri"]),
                           ("mqsecproxyctl user add --profile p", ["people"])):
            got = completed(line)
            results.append((got == want, "%s completes to %s" % (line, want or "nothing")))
            if got != want:
                print("# got %s" % got)
    for i, (good, name) in enumerate(results, 1):
        print("%s %d - %s" % ("ok" if good else "not ok", i, name))
    print("1..%d" % len(results))
    return 0 if all(good for good, _ in results) else 1


sys.exit(main())
