/* SPDX-License-Identifier: ISC */
/* Crash points, in test programs only. tests/crash/mqsecproxy and tests/crash/mqsecproxyctl are made of the very objects of the
 * product; the linker (--wrap) lays these functions around the steps in question, so the product has no trace of them.
 *
 *	CRASH_AT=K	the K-th pass ends the process with SIGKILL; without it nothing happens
 *	CRASH_AT_STEP=NAME	only passes of that step count
 *	CRASH_FROM=NAME	counting starts when that step is passed first; else at the start
 *	CRASH_EARLY=1	a seeded defect: the store says that a mark is durable before it is (login.c)
 *
 * A step has two passes, before and after it, a write to a file a third, when half of it is written. */
#ifndef CRASH_CRASH_H
#define CRASH_CRASH_H

/* A pass, of any thread. */
void crash_pass(const char *step);

/* A step that returns something, and one that does not. */
#define CRASH_STEP(type, name, params, args) \
	type __real_##name params; \
	type __wrap_##name params; \
	type __wrap_##name params \
	{ \
		crash_pass(#name); \
		type result = __real_##name args; \
		crash_pass(#name); \
		return result; \
	}
#define CRASH_STEP_VOID(name, params, args) \
	void __real_##name params; \
	void __wrap_##name params; \
	void __wrap_##name params \
	{ \
		crash_pass(#name); \
		__real_##name args; \
		crash_pass(#name); \
	}

#endif
