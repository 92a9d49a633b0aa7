/* A disk that fails on demand, under a program that knows nothing of it: LD_PRELOAD=faulty_disk.so. Calls on files below
 * FAULT_BELOW fail as the file FAULT_CONTROL says: "write 28" (writes and new files: ENOSPC), "write 30" (EROFS),
 * "sync 5" (fsync and its like: EIO), "both 5". Without that file the disk is well. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* The error that this kind of call shall fail with, or 0. */
static int told(char kind) {
    const char *control = getenv("FAULT_CONTROL");
    if (!control) return 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, control, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return 0;
    char text[32] = {0};
    long n = syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    char word[16] = {0};
    int number = 0;
    if (n <= 0 || sscanf(text, "%15s %d", word, &number) != 2) return 0;
    if (word[0] == 'b' || word[0] == kind) return number;
    return 0;
}

static int below(const char *path) {
    const char *root = getenv("FAULT_BELOW");
    return root && path && strncmp(path, root, strlen(root)) == 0;
}

static int fails_fd(char kind, int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long n = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    if (!below(path)) return 0;
    int error = told(kind);
    if (error) errno = error;
    return error;
}

static int fails_path(const char *path, int flags) {
    if (!((flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT)) || !below(path)) return 0;
    int error = told('w');
    /* On a full disk a file that is there can still be opened. */
    if (error == ENOSPC && !(flags & O_CREAT)) return 0;
    if (error) errno = error;
    return error;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t n) { return fails_fd('w', fd) ? -1 : REAL(write)(fd, data, n); }
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) { return fails_fd('w', fd) ? -1 : REAL(pwrite64)(fd, data, n, at); }
ssize_t writev(int fd, const struct iovec *data, int n) { return fails_fd('w', fd) ? -1 : REAL(writev)(fd, data, n); }
int fsync(int fd) { return fails_fd('s', fd) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return fails_fd('s', fd) ? -1 : REAL(fdatasync)(fd); }
int sync_file_range(int fd, off64_t at, off64_t n, unsigned flags) {
    return fails_fd('s', fd) ? -1 : REAL(sync_file_range)(fd, at, n, flags);
}
int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return fails_path(path, flags) ? -1 : REAL(open64)(path, flags, mode);
}
int mkdir(const char *path, mode_t mode) { return fails_path(path, O_CREAT) ? -1 : REAL(mkdir)(path, mode); }
