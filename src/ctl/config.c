/* SPDX-License-Identifier: ISC */
/* check-config: whether the daemon would start with this configuration, and what it would take from
 * it. */
#include "ctl/state.h"

#include <stdio.h>

enum { DUMP_MAX = 64 << 20 };

static void print_json(const struct conf *conf, const struct conf_report *report,
                       const struct buf *dump, bool dumped)
{
	(void)printf("{\"ok\": %s, \"errors\": %zu, \"warnings\": %zu, \"report\": ",
	             conf == NULL ? "false" : "true", report->errors, report->warnings);
	ctl_json_string(slice_of(report->text, report->len));
	if (dumped) {
		(void)fputs(", \"dump\": ", stdout);
		ctl_json_string(buf_view(dump));
	}
	(void)puts("}");
}

static void print_text(const struct ctl *ctl, const struct conf *conf,
                       const struct conf_report *report, const struct buf *dump, bool dumped)
{
	if (report->len != 0)
		(void)fwrite(report->text, 1, report->len, stderr);
	if (dumped)
		(void)fwrite(buf_view(dump).p, 1, dump->len, stdout);
	else if (conf != NULL)
		(void)printf("%s: ok\n", ctl->conf_path);
	else
		(void)fprintf(stderr, "%s: %zu error%s\n", ctl->conf_path, report->errors,
		              report->errors == 1 ? "" : "s");
}

static int run(const struct ctl *ctl, const struct ctl_args *args)
{
	struct conf_report report = {0};
	struct buf dump = {.cap = DUMP_MAX};
	ctl_become_reader(ctl);
	struct conf *conf = ctl_load(ctl, true, &report);
	bool dumped = conf != NULL && ctl_arg(args, "dump") != NULL;
	int result = conf == NULL ? CTL_BAD_CONFIGURATION : CTL_OK;

	if (dumped && conf_dump(conf, &dump) != 0)
		result = ctl_fail("the configuration is too large to be shown");
	else if (ctl->json)
		print_json(conf, &report, &dump, dumped);
	else
		print_text(ctl, conf, &report, &dump, dumped);
	buf_free(&dump);
	if (result == CTL_OK && ctl_arg(args, "probe") != NULL)
		result = ctl_probe(conf);
	conf_report_fini(&report);
	conf_free(conf);
	return result;
}

const struct ctl_command ctl_check_config = {
    .words = "check-config",
    .usage = "[--dump] [--probe]",
    .summary = "say whether the configuration is right; --dump shows all that is in effect, "
               "--probe connects to the brokers",
    .run = run,
    .options = {{"dump", false, false}, {"probe", false, false}},
};
