/* cenote: SPDX-License-Identifier: MIT
 *
 * A program to be recorded. Its first argument says what to do; the sizes are odd ones, so that a test can
 * tell these allocations from those of the C library. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

static int times(int argc, char** argv, int at, int otherwise) {
    return argc > at ? atoi(argv[at]) : otherwise;
}

static void* one_of_each(void* rounds) {
    for (int i = 0; i < *(int*)rounds; ++i) {
        void* grown = realloc(malloc(40001), 50021);
        void* zeroed = calloc(3, 20001);
        void* old_style = memalign(64, 30011);
        void* posix = NULL;
        if (posix_memalign(&posix, 256, 30013) != 0) abort();
        void* standard = aligned_alloc(128, 30080);
        void* paged = valloc(30017);
        void* array = reallocarray(NULL, 7, 4287);
        void* all[] = {grown, zeroed, old_style, posix, standard, paged, array};
        for (size_t k = 0; k < sizeof all / sizeof *all; ++k) free(all[k]);
    }
    return NULL;
}

static int counts(int threads, int rounds) {
    pthread_t ids[64];
    for (int i = 0; i < threads; ++i) pthread_create(&ids[i], NULL, one_of_each, &rounds);
    for (int i = 0; i < threads; ++i) pthread_join(ids[i], NULL);
    return 0;
}

static int allocate_each(int n, size_t size) {
    for (int i = 0; i < n; ++i) free(malloc(size));
    return 0;
}

static int wait_for(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static int forks(void) {
    void* shared = malloc(41001);
    const pid_t child = fork();
    if (child == 0) {
        free(shared);
        allocate_each(10, 41003);
        _exit(3);
    }
    const int status = wait_for(child);
    free(shared);
    return status == 3 ? 0 : 1;
}

/* A child that the C library does not know of: no fork handler runs. */
static int clones(void) {
    allocate_each(5, 45003);
    const pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        allocate_each(10, 45001);
        syscall(SYS_exit_group, 4);
    }
    const int status = wait_for(child);
    allocate_each(5, 45003);
    return status == 4 ? 0 : 1;
}

static int vforks(const char* self) {
    allocate_each(7, 46001);
    const pid_t child = vfork();
    if (child == 0) {
        execl(self, self, "leaf", (char*)NULL);
        _exit(98);
    }
    const int status = wait_for(child);
    allocate_each(7, 46001);
    return status;
}

static int spawns(char* self) {
    allocate_each(1, 46001);
    char* arguments[] = {self, (char*)"leaf", NULL};
    pid_t child = 0;
    if (posix_spawn(&child, self, NULL, NULL, arguments, environ) != 0) return 97;
    return wait_for(child);
}

static int becomes_another(const char* self) {
    allocate_each(1, 46001);
    return execl(self, self, "leaf", (char*)NULL);
}

static int keeps_errno(void) {
    for (int i = 0; i < 200000; ++i) {
        errno = 77;
        void* p = malloc(100);
        p = realloc(p, 200);
        free(p);
        if (errno != 77) return 1;
    }
    return 0;
}

static int fails(void) {
    volatile size_t huge = SIZE_MAX / 2; /* the compiler shall not see what becomes of it */
    errno = 0;
    if (malloc(huge) != NULL || errno != ENOMEM) return 1;
    if (calloc(huge, 4) != NULL || reallocarray(NULL, huge, 4) != NULL) return 2;
    char* p = malloc(47001);
    strcpy(p, "kept");
    if (realloc(p, huge) != NULL) return 3;
    if (strcmp(p, "kept") != 0) return 4;
    free(p);
    void* q = NULL;
    if (posix_memalign(&q, 3, 10) != EINVAL) return 5;
    p = malloc(47003);
    return realloc(p, 0) == NULL ? 0 : 6;
}

static int closes_everything(void) {
    for (int fd = 3; fd < 1024; ++fd) close(fd);
    const int before = open("/dev/null", O_RDONLY);
    allocate_each(100000, 44001);
    const int after = open("/dev/null", O_RDONLY);
    return before == 3 && after == 4 ? 0 : 1;
}

static void* three_blocks(void* unused) {
    allocate_each(3, 48001);
    return unused;
}

static int many_threads(int n) {
    for (int i = 0; i < n; ++i) {
        pthread_t id;
        pthread_create(&id, NULL, three_blocks, NULL);
        pthread_join(id, NULL);
    }
    return 0;
}

static void* _Atomic handed[64];

static void* frees_what_others_made(void* seed) {
    unsigned state = *(unsigned*)seed;
    for (int i = 0; i < 100000; ++i) {
        state = state * 1664525u + 1013904223u;
        void* mine = (state >> 20) % 3 == 0 ? realloc(malloc(16), 800 + (state >> 16) % 100)
                                            : malloc(700 + (state >> 16) % 100);
        free(__atomic_exchange_n((void**)&handed[(state >> 8) % 64], mine, __ATOMIC_ACQ_REL));
    }
    return NULL;
}

static int crosses_threads(void) {
    pthread_t ids[4];
    unsigned seeds[4] = {1, 2, 3, 4};
    for (int i = 0; i < 4; ++i) pthread_create(&ids[i], NULL, frees_what_others_made, &seeds[i]);
    for (int i = 0; i < 4; ++i) pthread_join(ids[i], NULL);
    for (int i = 0; i < 64; ++i) free((void*)handed[i]);
    return 0;
}

static void on_term(int signal) {
    (void)signal;
    _exit(5);
}

static int waits_for_term(void) {
    signal(SIGTERM, on_term);
    puts("ready");
    fflush(stdout);
    while (pause() != 0) {
    }
    return 1;
}

static int is_killed(int n) {
    for (int i = 0; i < n; ++i)
        if (malloc(43001) == NULL) return 1;
    raise(SIGKILL);
    return 1;
}

int main(int argc, char** argv) {
    const char* what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "counts") == 0) return counts(times(argc, argv, 2, 1), times(argc, argv, 3, 1));
    if (strcmp(what, "leaf") == 0) return allocate_each(5, 42001);
    if (strcmp(what, "fork") == 0) return forks();
    if (strcmp(what, "clone") == 0) return clones();
    if (strcmp(what, "vfork") == 0) return vforks(argv[0]);
    if (strcmp(what, "spawn") == 0) return spawns(argv[0]);
    if (strcmp(what, "exec") == 0) return becomes_another(argv[0]);
    if (strcmp(what, "errno") == 0) return keeps_errno();
    if (strcmp(what, "fails") == 0) return fails();
    if (strcmp(what, "closes") == 0) return closes_everything();
    if (strcmp(what, "threads") == 0) return many_threads(times(argc, argv, 2, 1000));
    if (strcmp(what, "crosses") == 0) return crosses_threads();
    if (strcmp(what, "waits") == 0) return waits_for_term();
    if (strcmp(what, "killed") == 0) return is_killed(times(argc, argv, 2, 1));
    if (strcmp(what, "many") == 0) return allocate_each(times(argc, argv, 2, 100000), 49001);
    if (strcmp(what, "exits") == 0) return allocate_each(1, 46001) + times(argc, argv, 2, 0);
    return 64;
}
