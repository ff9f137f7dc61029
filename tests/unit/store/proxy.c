/* One thread a connection, bytes passed on as they come. A commit is known by its text in what the client sends: it is
 * prepared as a statement once a connection, and executed by its number afterwards, so the proxy remembers the number.
 */
#include "unit/test.h"

#include "unit/store/proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
    struct proxy *proxy;
    int client, server;
    char commit[16]; /* the name of the statement COMMIT, once it was prepared */
};

static int local_socket(struct sockaddr_in *address, int port) {
    *address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* Parse: "s<n>" NUL "COMMIT" NUL; Bind: portal NUL "s<n>" NUL. */
static bool is_commit(struct pair *p, const char *bytes, size_t size) {
    static const char text[] = "\0COMMIT";
    const char *prepared = memmem(bytes, size, text, sizeof text);
    if (prepared != NULL) {
        const char *name = prepared;
        while (name > bytes + 1 && name[-1] >= '0' && name[-1] <= '9')
            name--;
        name--; /* with its 's' */
        const size_t size_of_name = (size_t)(prepared - name);
        assert_true(size_of_name < sizeof p->commit);
        memcpy(p->commit, name, size_of_name);
        p->commit[size_of_name] = '\0';
        return true;
    }
    char bind[24] = "";
    const size_t length = strlen(p->commit);
    if (length == 0)
        return false;
    memcpy(bind + 1, p->commit, length); /* NUL, name, NUL */
    return memmem(bytes, size, bind, length + 2) != NULL;
}

/* Passes on what the client sent; false: the connection is over. */
static bool forward(struct pair *p) {
    char bytes[65536];
    const ssize_t n = recv(p->client, bytes, sizeof bytes, 0);
    if (n <= 0)
        return false;
    const int cut = atomic_load(&p->proxy->cut);
    const bool now = is_commit(p, bytes, (size_t)n) && cut != CUT_NEVER;
    if (now && cut == CUT_BEFORE_COMMIT) {
        atomic_store(&p->proxy->cut, CUT_NEVER);
        atomic_fetch_add(&p->proxy->cuts, 1);
        return false;
    }
    if (send(p->server, bytes, (size_t)n, MSG_NOSIGNAL) != n)
        return false;
    if (now) {
        char answer[1];
        atomic_store(&p->proxy->cut, CUT_NEVER);
        atomic_fetch_add(&p->proxy->cuts, 1);
        (void)recv(p->server, answer, 1, MSG_PEEK); /* by now the server has done some of it, perhaps all */
    }
    return !now;
}

static bool backward(const struct pair *p) {
    char bytes[65536];
    const ssize_t n = recv(p->server, bytes, sizeof bytes, 0);
    return n > 0 && send(p->client, bytes, (size_t)n, MSG_NOSIGNAL) == n;
}

static void *pass(void *arg) {
    struct pair p = *(struct pair *)arg;
    free(arg);
    bool open = true;
    while (open && !atomic_load(&p.proxy->end)) {
        struct pollfd fds[2] = {{.fd = p.client, .events = POLLIN}, {.fd = p.server, .events = POLLIN}};
        if (poll(fds, 2, 50) <= 0)
            continue;
        if (fds[1].revents != 0)
            open = backward(&p);
        if (open && fds[0].revents != 0)
            open = forward(&p);
    }
    (void)close(p.client);
    (void)close(p.server);
    atomic_fetch_sub(&p.proxy->pairs, 1);
    return NULL;
}

static void accept_one(struct proxy *p) {
    struct sockaddr_in address;
    pthread_t thread;
    pthread_attr_t detached;
    struct pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    pair->proxy = p;
    pair->client = accept4(p->listening, NULL, NULL, SOCK_CLOEXEC);
    pair->server = local_socket(&address, p->target);
    if (pair->client < 0 || connect(pair->server, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(pair->client);
        (void)close(pair->server);
        free(pair);
        return;
    }
    atomic_fetch_add(&p->pairs, 1);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    assert_int_equal(pthread_create(&thread, &detached, pass, pair), 0);
    pthread_attr_destroy(&detached);
}

static void *serve(void *arg) {
    struct proxy *p = arg;
    while (!atomic_load(&p->end)) {
        struct pollfd fd = {.fd = p->listening, .events = POLLIN};
        if (poll(&fd, 1, 50) > 0)
            accept_one(p);
    }
    return NULL;
}

void proxy_start(struct proxy *p, int target) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    *p = (struct proxy){.target = target};
    p->listening = local_socket(&address, 0);
    assert_true(p->listening >= 0);
    assert_int_equal(bind(p->listening, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(p->listening, 16), 0);
    assert_int_equal(getsockname(p->listening, (struct sockaddr *)&address, &size), 0);
    p->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
}

void proxy_stop(struct proxy *p) {
    atomic_store(&p->end, true);
    pthread_join(p->thread, NULL);
    (void)close(p->listening);
    while (atomic_load(&p->pairs) > 0) /* their threads look every 50 ms */
        (void)poll(NULL, 0, 10);
}
