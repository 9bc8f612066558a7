/* SPDX-License-Identifier: ISC */
/* The steps of a login in the daemon, from accept to the broker's answer, and a seeded defect that
 * kills between them must find. */
#include "crash.h"
#include "worker/conn.h"
#include "worker/report.h"
#include "worker/worker.h"

#include <stdlib.h>

CRASH_STEP_VOID(conn_accept,
                (struct worker * w, size_t listener, int fd, const struct net_addr *peer),
                (w, listener, fd, peer))
CRASH_STEP_VOID(session_input,
                (struct session * s, const struct session_env *env, enum side from,
                 struct slice bytes, struct session_step *step),
                (s, env, from, bytes, step))
CRASH_STEP(bool, login_take, (struct conn * c), (c))
CRASH_STEP_VOID(store_submit_all, (struct store * s, struct mails *ops), (s, ops))
CRASH_STEP_VOID(mailbox_post_all, (struct mailbox * b, struct mails *all), (b, all))
CRASH_STEP_VOID(session_taken,
                (struct session * s, const struct session_env *env, struct slice client,
                 const struct session_credential *answer, struct session_step *step),
                (s, env, client, answer, step))
CRASH_STEP_VOID(login_settle, (struct conn * c), (c))
CRASH_STEP_VOID(conn_dial, (struct conn * c), (c))
CRASH_STEP_VOID(session_dialled,
                (struct session * s, const struct session_env *env, bool connected,
                 struct session_step *step),
                (s, env, connected, step))
CRASH_STEP(bool, login_consume, (struct conn * c), (c))
CRASH_STEP_VOID(session_consumed,
                (struct session * s, const struct session_env *env, enum verdict answer,
                 struct session_step *step),
                (s, env, answer, step))
CRASH_STEP(bool, inject_draw, (struct conn * c), (c))
CRASH_STEP_VOID(session_drawn,
                (struct session * s, const struct session_env *env, struct slice code,
                 struct session_step *step),
                (s, env, code, step))
CRASH_STEP(enum leg_result, leg_write, (struct leg * l, struct slice bytes, int64_t now_ms),
           (l, bytes, now_ms))
CRASH_STEP(enum leg_result, leg_read, (struct leg * l, uint8_t *to, size_t size, size_t *n),
           (l, to, size, n))
CRASH_STEP_VOID(report_note, (struct conn * c, const struct session_note *n), (c, n))

/* ---- the defect: CONNECT goes up, then the mark is asked to be made durable ---- */

struct late {
	struct store_op op; /* first */
	struct worker *worker;
};

static void forget(struct mail *m)
{
	free(m);
}

/* Behind the answer in the same mailbox, so CONNECT is written by now. */
static void ask_late(struct mail *m)
{
	struct late *l = (struct late *)m;

	l->op.mail.deliver = forget;
	worker_ask(l->worker, &l->op);
}

void __real_worker_ask(struct worker *w, struct store_op *op);
void __wrap_worker_ask(struct worker *w, struct store_op *op);
void __wrap_worker_ask(struct worker *w, struct store_op *op)
{
	struct late *l =
	    op->verb == STORE_CONSUME && op->mail.deliver != forget && getenv("CRASH_EARLY") != NULL
	        ? malloc(sizeof *l)
	        : NULL;

	crash_pass("worker_ask");
	if (l == NULL) {
		__real_worker_ask(w, op);
	} else {
		*l = (struct late){.op = *op, .worker = w};
		l->op.mail.deliver = ask_late;
		op->status = STORE_DONE;
		mailbox_post(op->reply_to, &op->mail);
		mailbox_post(l->op.reply_to, &l->op.mail);
	}
	crash_pass("worker_ask");
}
