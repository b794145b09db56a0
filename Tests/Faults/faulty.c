/*
 * Loaded before the C library (LD_PRELOAD), it lets the disk fail and the clock step when a test says so.
 *
 * FAULT_CONTROL names a file of 16 bytes that is mapped: the seconds by which the clock of the day is off (int64), and the number
 * of the error with which writing and syncing fail (int32, 0 for none) in files whose path contains FAULT_PATH.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control { volatile int64_t seconds; volatile int32_t error; };
static struct control none, *control = &none;
static const char *part;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULT_CONTROL");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    /* A copy: Postgres writes the title of its process over its environment. */
    part = getenv("FAULT_PATH") ? strdup(getenv("FAULT_PATH")) : NULL;
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof(struct control), PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) control = mapped;
    close(file);
}

static int fails(int file) {
    char link[64], path[4096];
    if (!control->error || !part) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (!strstr(path, part)) return 0;
    errno = control->error;
    return 1;
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int file, const void *bytes, size_t count) { REAL(write); return fails(file) ? -1 : real(file, bytes, count); }
ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) { REAL(pwrite); return fails(file) ? -1 : real(file, bytes, count, at); }
ssize_t writev(int file, const struct iovec *parts, int count) { REAL(writev); return fails(file) ? -1 : real(file, parts, count); }
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) { REAL(pwrite64); return fails(file) ? -1 : real(file, bytes, count, at); }
ssize_t pwritev(int file, const struct iovec *parts, int count, off_t at) { REAL(pwritev); return fails(file) ? -1 : real(file, parts, count, at); }
ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t at) { REAL(pwritev64); return fails(file) ? -1 : real(file, parts, count, at); }
int posix_fallocate(int file, off_t at, off_t size) { REAL(posix_fallocate); return fails(file) ? errno : real(file, at, size); }
int fsync(int file) { REAL(fsync); return fails(file) ? -1 : real(file); }
int fdatasync(int file) { REAL(fdatasync); return fails(file) ? -1 : real(file); }

int clock_gettime(clockid_t clock, struct timespec *time) {
    REAL(clock_gettime);
    int result = real(clock, time);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += control->seconds;
    return result;
}
int gettimeofday(struct timeval *time, void *zone) {
    REAL(gettimeofday);
    int result = real(time, zone);
    if (!result && time) time->tv_sec += control->seconds;
    return result;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
