/* The gallery lies in memory where there is room for files in it: what is fuzzed is not the disk. A process of its own
 * waits for the end of this one, however it comes, and removes the folder. */
#include "served.h"

#include "unit/wire.h"

#include "api/api.h"

#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#define MANY 500 /* photos, of which a gallery is emptied; and requests after which that is looked at */

static lk_api *api;
static liken *lk;

static void must(int rc, const liken_error *err) {
    if (rc == LIKEN_OK)
        return;
    (void)fprintf(stderr, "%s\n", err->message);
    abort();
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk) {
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

/* Before any thread is started. */
static void remove_at_the_end(const char *folder) {
    int ends[2];
    char byte;
    if (pipe(ends) != 0)
        abort();
    const pid_t child = fork();
    if (child < 0)
        abort();
    if (child > 0) {
        close(ends[0]); /* the other end is open as long as this process lives */
        return;
    }
    (void)setsid(); /* an interrupt at the terminal is not for it */
    close(ends[1]);
    while (read(ends[0], &byte, 1) != 0)
        continue;
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    _exit(0);
}

/* One photo of anna and bob is in it: faces 1 and 2. */
static void open_gallery(void) {
    static const char photo[] = "FACES anna bob";
    static char folder[64];
    liken_error err = {0};
    liken_image *image = NULL;
    (void)snprintf(folder, sizeof folder, "%s/liken-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL)
        abort();
    remove_at_the_end(folder);
    const liken_options o = {
        .size = sizeof o, .data = folder, .models = "/nowhere", .threads = 1, .max_pixels = 1000000};
    must(liken_open(&lk, &o, NULL, &err), &err);
    must(liken_add(lk, NULL, photo, sizeof photo - 1, NULL, &image, &err), &err);
    liken_image_free(image);
}

/* Hours of photos and collections would be slower and slower. */
static void keep_small(void) {
    static int requests;
    liken_error err = {0};
    liken_collection **list = NULL;
    size_t count = 0;
    if (++requests % MANY != 0)
        return;
    must(liken_collection_list(lk, NULL, &list, &count, &err), &err);
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i]->name, "default") != 0 || list[i]->images > MANY)
            must(liken_collection_remove(lk, NULL, list[i]->name, &err), &err);
    liken_collections_free(list, count);
}

/* libFuzzer's timer is for the thread that runs the target: the server's threads inherit that they do not hear it. */
static void start(void) {
    liken_error err = {0};
    const lk_api_options o = {.workers = 1, .threads = 1, .max_file_bytes = 65536};
    sigset_t timer, before;
    sigemptyset(&timer);
    sigaddset(&timer, SIGALRM);
    (void)pthread_sigmask(SIG_BLOCK, &timer, &before);
    open_gallery();
    must(lk_api_start(&api, &o, lk, &err), &err);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static int open_connection(void) {
    if (api == NULL)
        start();
    keep_small();
    const int fd = wire_open(lk_api_port(api));
    /* millions of connections, each forgotten at once by the system too */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)) != 0) {
        perror("no connection to the server");
        abort();
    }
    return fd;
}

/* The status of what comes first; 0 when the server closes instead. */
static int first_status(int fd) {
    char line[64] = "";
    ssize_t n;
    do
        n = recv(fd, line, sizeof line - 1, 0); /* with the patience of wire_open */
    while (n < 0 && errno == EINTR);
    const bool silent = n < 0 && errno != ECONNRESET;
    const int status = n <= 0 ? 0 : wire_status(line);
    if (silent || status < 0) {
        (void)fprintf(stderr, "%s\n", silent ? "The server is silent." : "That is no HTTP answer.");
        abort();
    }
    return status;
}

int served_ask(const void *bytes, size_t size) {
    const int fd = open_connection();
    (void)wire_send(fd, bytes, size); /* the server may have heard enough before the end */
    (void)shutdown(fd, SHUT_WR);
    const int status = first_status(fd);
    close(fd);
    return status;
}

int served_post(const char *path, const char *type, const void *body, size_t size) {
    char head[512];
    const int n = snprintf(
        head, sizeof head,
        "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
        path, type, size);
    const int fd = open_connection();
    if (wire_send(fd, head, (size_t)n))
        (void)wire_send(fd, body, size);
    const int status = first_status(fd);
    close(fd);
    return status;
}
