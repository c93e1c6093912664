/* LD_PRELOAD: makes fsync or write fail or crawl for files whose path holds FAULT_PATH while the file FAULT_WHEN exists
 * and after FAULT_AFTER such calls, or kills the process there (FAULT_KILL); adds the seconds in the file FAULT_CLOCK to the wall clock. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int matches(int fd, const char *call)
{
    static long calls;
    const char *part = getenv("FAULT_PATH"), *when = getenv("FAULT_WHEN"), *calls_of = getenv("FAULT_CALL");
    char name[64], path[4096];
    if (!part || !when || !calls_of || !strstr(calls_of, call) || access(when, F_OK))
        return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(name, path, sizeof path - 1);
    if (size < 0)
        return 0;
    path[size] = 0;
    if (!strstr(path, part))
        return 0;
    const char *after = getenv("FAULT_AFTER");
    return __sync_add_and_fetch(&calls, 1) > (after ? atol(after) : 0);
}

/* -1 with errno if the call is to fail; slow calls only wait; with FAULT_KILL the process ends here. */
static int fault(int fd, const char *call)
{
    if (!matches(fd, call))
        return 0;
    const char *slow = getenv("FAULT_SLEEP_MS"), *number = getenv("FAULT_ERRNO");
    if (getenv("FAULT_KILL"))
        kill(getpid(), SIGKILL);
    if (slow)
        usleep(1000 * atol(slow));
    if (!number)
        return 0;
    errno = atoi(number);
    return -1;
}

#define REAL(type, name, ...)                                                                                          \
    static type (*real)(__VA_ARGS__);                                                                                  \
    if (!real)                                                                                                         \
        real = dlsym(RTLD_NEXT, name);

int fsync(int fd)
{
    REAL(int, "fsync", int)
    return fault(fd, "fsync") ? -1 : real(fd);
}

int fdatasync(int fd)
{
    REAL(int, "fdatasync", int)
    return fault(fd, "fsync") ? -1 : real(fd);
}

ssize_t write(int fd, const void *data, size_t size)
{
    REAL(ssize_t, "write", int, const void *, size_t)
    return fault(fd, "write") ? -1 : real(fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    REAL(ssize_t, "writev", int, const struct iovec *, int)
    return fault(fd, "write") ? -1 : real(fd, parts, count);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t)
    return fault(fd, "write") ? -1 : real(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at)
{
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t)
    return fault(fd, "write") ? -1 : real(fd, data, size, at);
}

static long offset_seconds(void)
{
    const char *path = getenv("FAULT_CLOCK");
    char text[32] = "";
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY) : -1;
    if (fd < 0)
        return 0;
    ssize_t size = syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    return size > 0 ? atol(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    REAL(int, "clock_gettime", clockid_t, struct timespec *)
    int done = real(clock, now);
    if (!done && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += offset_seconds();
    return done;
}
