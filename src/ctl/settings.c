/* SPDX-License-Identifier: ISC */
/* The tool reads the same configuration through the same reader as the daemon, so both see the same
 * errors. */
#include "ctl/ctl.h"

#include "sys/file.h"

#include <stdio.h>

struct conf *ctl_load(const struct ctl *ctl, bool secrets, struct conf_report *report)
{
	const struct conf_reader reader = {
	    .read = file_read, .glob = file_glob, .no_secrets = !secrets};
	struct conf_report own = {0};
	struct conf *conf = conf_load(ctl->conf_path, &reader, report == NULL ? &own : report);

	if (conf == NULL && own.text != NULL)
		(void)fwrite(own.text, 1, own.len, stderr);
	conf_report_fini(&own);
	return conf;
}
