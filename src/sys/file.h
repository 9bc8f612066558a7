/* SPDX-License-Identifier: ISC */
/* Files read whole and secrets written safely. The two readers have the signatures that the configuration's reader wants. */
#ifndef SYS_FILE_H
#define SYS_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* Appends a file's content to out (bounded by out->cap). `secret`: the file must be a regular file, owned by root or by
 * the running user (root takes any owner), without any permission for others and without write or execute permission for the group; the error
 * names the mode and the cure ("chmod g-wx,o= FILE"). A file that is written meanwhile is an error. "@NAME" is the systemd credential NAME, below $CREDENTIALS_DIRECTORY.
 * ctx is not used. */
int file_read(void *ctx, const char *path, bool secret, struct buf *out, struct err *e);

/* When a file was last written, in seconds since the epoch; -1 where that cannot be told: there is none, or it is a
 * credential, which is a copy made at the start. */
int64_t file_written(const char *path);

/* Calls found() for each path that the shell pattern matches, sorted; none is no error. */
int file_glob(void *ctx, const char *pattern, int (*found)(void *found_ctx, const char *path), void *found_ctx,
    struct err *e);

/* Creates a file that must not exist, with that mode whatever the umask, owned by `gid` where gid is not (gid_t)-1, writes it
 * and makes it durable (file and directory). On failure nothing is left behind. */
int file_create(const char *path, unsigned mode, unsigned gid, struct slice content, struct err *e);

#endif
