/* Between a program and the C library: makes writes or fsyncs of some files fail.
 *
 * The file that FAULT_FILE names holds `enospc NAME` or `eio NAME`: writes, or fsyncs, to files with NAME in their path
 * fail so for as long as it does. An empty file means no fault. It allocates nothing. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static ssize_t (*real_write)(int, const void *, size_t);

static int faulty(int fd, const char *kind) {
    char rule[256], link[64], path[4096];
    const char *name = getenv("FAULT_FILE");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    ssize_t size = read(file, rule, sizeof rule - 1);
    close(file);
    size_t skip = strlen(kind);
    if (size <= (ssize_t)skip || strncmp(rule, kind, skip) != 0 || rule[skip] != ' ') return 0;
    rule[size] = 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return strstr(path, rule + skip + 1) != NULL;
}

#define REAL(name) (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *bytes, size_t size) {
    if (!real_write) real_write = REAL(write);
    if (faulty(fd, "enospc")) { errno = ENOSPC; return -1; }
    return real_write(fd, bytes, size);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) {
    if (faulty(fd, "enospc")) { errno = ENOSPC; return -1; }
    return (REAL(pwrite))(fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
    if (faulty(fd, "enospc")) { errno = ENOSPC; return -1; }
    return (REAL(pwrite64))(fd, bytes, size, at);
}

int fsync(int fd) {
    if (faulty(fd, "eio")) { errno = EIO; return -1; }
    return (REAL(fsync))(fd);
}

int fdatasync(int fd) {
    if (faulty(fd, "eio")) { errno = EIO; return -1; }
    return (REAL(fdatasync))(fd);
}
