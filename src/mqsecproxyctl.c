/* SPDX-License-Identifier: ISC */
/* The administrator's tool. It holds keys and secrets for a moment, so it first gives up core files
 * and debuggers; what it can do is the table in ctl/table.c. */
#include "base/secret.h"
#include "ctl/ctl.h"
#include "sys/privs.h"

#include <signal.h>

int main(int argc, char **argv)
{
	struct err e = {""};

	(void)signal(SIGPIPE, SIG_IGN);
	if (privs_harden(&e) != 0)
		return ctl_fail("%s", e.text);
	if (secret_init() != 0)
		return ctl_fail("the system gives no random numbers");
	return ctl_main(argc, argv);
}
