/* What a power cut leaves behind, at its worst: only what an fsync that returned has covered.
 *
 * Preloaded into the server (LD_PRELOAD). Each fsync or fdatasync of an append-only file that returns well writes one
 * line "<size> <path>" to $SYNCED_LOG: the size that is safe from then on. The test kills the server, cuts each file
 * to its last safe size and starts the server again. $FSYNC_DELAY_MS makes every fsync slow, as a busy disk does.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int log_fd = -1;
static long delay_ms;

__attribute__((constructor)) static void prepare(void) {
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  const char *log = getenv("SYNCED_LOG"), *delay = getenv("FSYNC_DELAY_MS");
  if (log) log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (delay) delay_ms = atol(delay);
}

static int synced(int fd, int (*real)(int)) {
  char link[64], path[4096], line[4200];
  struct stat before;
  int known = fstat(fd, &before) == 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  int watched = length > 0 && (path[length] = 0, strstr(path, ".incr.aof") != NULL);
  if (watched && delay_ms) {
    struct timespec pause = {delay_ms / 1000, (delay_ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
  }
  int result = real(fd);
  if (result == 0 && watched && known && log_fd >= 0) {
    int size = snprintf(line, sizeof line, "%lld %s\n", (long long)before.st_size, path);
    if (write(log_fd, line, size) != size) return -1;
  }
  return result;
}

int fsync(int fd) { return synced(fd, real_fsync); }
int fdatasync(int fd) { return synced(fd, real_fdatasync); }
