#include "unit/test.h"

#include "unit/fetch/site.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool site_send(int to, const void *bytes, size_t size) {
    for (const char *p = bytes; size > 0;) {
        const ssize_t n = send(to, p, size, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        p += n;
        size -= (size_t)n;
    }
    return true;
}

bool site_say(int to, const char *text) {
    return site_send(to, text, strlen(text));
}

/* One request's head; false: there is none any more. */
static bool read_head(int from, char *head, size_t room) {
    size_t size = 0;
    while (size + 1 < room) {
        const ssize_t n = recv(from, head + size, 1, 0);
        if (n <= 0)
            return false;
        head[++size] = '\0';
        if (size >= 4 && memcmp(head + size - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    return false;
}

static void *serve(void *p) {
    const site_visit v = *(const site_visit *)p;
    char head[8192] = "";
    const int now = atomic_fetch_add(&v.site->open, 1) + 1;
    for (int most = atomic_load(&v.site->most); now > most && !atomic_compare_exchange_weak(&v.site->most, &most, now);)
        ;
    while (read_head(v.with, head, sizeof head)) {
        atomic_fetch_add(&v.site->requests, 1);
        if (!v.site->answer(v.site, v.with, head))
            break;
    }
    atomic_fetch_sub(&v.site->open, 1);
    close(v.with);
    atomic_fetch_sub(&v.site->threads, 1);
    return NULL;
}

static void *listen_on(void *p) {
    site *s = p;
    for (;;) {
        const int with = accept(s->listening, NULL, NULL);
        if (with < 0)
            break;
        /* none is taken from the heap, which tests may refuse */
        site_visit *v =
            &s->visits[atomic_fetch_add(&s->connections, 1) % (int)(sizeof s->visits / sizeof s->visits[0])];
        *v = (site_visit){s, with};
        pthread_t thread;
        atomic_fetch_add(&s->threads, 1);
        if (pthread_create(&thread, NULL, serve, v) != 0)
            abort();
        pthread_detach(thread);
    }
    atomic_fetch_sub(&s->threads, 1);
    return NULL;
}

void site_start(site *s, site_fn *answer) {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    pthread_t thread;
    memset(s, 0, sizeof *s);
    s->answer = answer;
    s->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listening >= 0);
    assert_int_equal(bind(s->listening, (struct sockaddr *)&here, sizeof here), 0);
    assert_int_equal(listen(s->listening, 64), 0);
    assert_int_equal(getsockname(s->listening, (struct sockaddr *)&here, &size), 0);
    s->port = ntohs(here.sin_port);
    atomic_store(&s->threads, 1);
    assert_int_equal(pthread_create(&thread, NULL, listen_on, s), 0);
    pthread_detach(thread);
}

void site_stop(site *s) {
    atomic_store(&s->stop, true);
    shutdown(s->listening, SHUT_RDWR);
    wait_until(atomic_load(&s->threads) == 0);
    close(s->listening);
}
