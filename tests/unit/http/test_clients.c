/* Clients that go away or take too much: what is known of them, and what is done for them. */
#include "unit/test.h"

#include "unit/wire.h"

#include "http/http_int.h"

#include <math.h>
#include <time.h>

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* ---- addresses ---- */

static lk_peer *enter(lk_peers *p, const char *text) {
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
        return lk_peers_enter(p, (struct sockaddr *)&four, false);
    assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
    return lk_peers_enter(p, (struct sockaddr *)&six, false);
}

static void an_address_is_counted_once(void **state) {
    (void)state;
    lk_peers *p = NULL;
    liken_error err = {0};
    assert_ok(lk_peers_make(&p, &err), err);
    lk_peer *four = enter(p, "203.0.113.9"), *net = enter(p, "2001:db8:0:1::5");
    assert_ptr_equal(four, enter(p, "203.0.113.9"));
    assert_ptr_equal(four, enter(p, "::ffff:203.0.113.9"));
    assert_ptr_not_equal(four, enter(p, "203.0.113.10"));
    assert_ptr_equal(net, enter(p, "2001:db8:0:1:ffff::1")); /* the same /64 */
    assert_ptr_not_equal(net, enter(p, "2001:db8:0:2::5"));
    assert_int_equal(atomic_load(&four->connections), 3);
    assert_true(!four->local && !net->local);
    assert_true(enter(p, "127.0.0.1")->local && enter(p, "127.8.0.1")->local && enter(p, "::1")->local);
    assert_true(enter(p, "::ffff:127.0.0.1")->local && !enter(p, "::2")->local && !enter(p, "128.0.0.1")->local);
    lk_peers_leave(p, four);
    lk_peers_leave(p, four);
    assert_int_equal(atomic_load(&four->connections), 1);
    lk_peers_leave(p, four);
    assert_int_equal(atomic_load(&enter(p, "203.0.113.9")->connections), 1); /* made anew */
    lk_peers_leave(p, NULL);
    lk_peers_free(p);
    lk_peers_free(NULL);
}

/* ---- patience ---- */

typedef struct line {
    int client, server;
    lk_watch *watch;
} line;

static line connect_line(lk_patience *p, lk_peer *peer, enum lk_stage stage) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    line l = {.client = wire_open(ntohs(address.sin_port))};
    l.server = accept(listener, NULL, NULL);
    close(listener);
    assert_true(l.client >= 0 && l.server >= 0);
    l.watch = lk_patience_watch(p, l.server, peer, INFINITY);
    lk_patience_skips_continue(p, l.watch);
    lk_patience_at(p, l.watch, stage, INFINITY);
    return l;
}

static void cut_line(lk_patience *p, line *l) {
    lk_patience_drop(p, l->watch);
    close(l->server);
    if (l->client >= 0)
        close(l->client);
}

/* Has the server's end been shut? */
static bool is_shut(const line *l) {
    char byte;
    return recv(l->client, &byte, 1, MSG_DONTWAIT) == 0;
}

static void wait_until_shut(const line *l) {
    for (int i = 0; i < 6000 && !is_shut(l); i++)
        pause_ms(10);
    assert_true(is_shut(l));
}

/* Waits until all lines that are older were looked at once more. */
static void wait_for_a_look(lk_patience *p) {
    line late = connect_line(p, NULL, LK_STAGE_HEAD);
    lk_patience_at(p, late.watch, LK_STAGE_HEAD, 0);
    wait_until_shut(&late);
    cut_line(p, &late);
}

static void who_is_gone_is_known(void **state) {
    (void)state;
    lk_patience *p = NULL;
    liken_error err = {0};
    assert_ok(lk_patience_start(&p, &err), err);
    line gone = connect_line(p, NULL, LK_STAGE_WORK), waits = connect_line(p, NULL, LK_STAGE_WORK),
         stays = connect_line(p, NULL, LK_STAGE_WORK);
    assert_int_equal(shutdown(waits.client, SHUT_WR), 0);
    close(gone.client);
    gone.client = -1;
    for (int i = 0; i < 6000 && !lk_patience_gone(gone.watch); i++)
        pause_ms(10);
    assert_true(lk_patience_gone(gone.watch));
    char probe[64] = "";
    assert_int_equal(recv(waits.client, probe, sizeof probe - 1, 0), 25); /* whether it is there is asked once */
    assert_string_equal(probe, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_true(!lk_patience_gone(waits.watch) && !lk_patience_gone(stays.watch) && !lk_patience_gone(NULL));
    wait_for_a_look(p);
    assert_int_equal(recv(waits.client, probe, sizeof probe, MSG_DONTWAIT), -1);
    cut_line(p, &gone);
    cut_line(p, &waits);
    cut_line(p, &stays);
    lk_patience_free(p);
    lk_patience_free(NULL);
}

static void who_can_best_be_spared_goes_first(void **state) {
    (void)state;
    lk_patience *p = NULL;
    lk_peer mine = {0}, theirs = {0};
    liken_error err = {0};
    assert_ok(lk_patience_start(&p, &err), err);
    line work = connect_line(p, &mine, LK_STAGE_WORK), answer = connect_line(p, &mine, LK_STAGE_ANSWER);
    assert_int_equal(lk_patience_evict(p, NULL), 0);
    line body = connect_line(p, &mine, LK_STAGE_BODY), old = connect_line(p, &mine, LK_STAGE_HEAD);
    line other = connect_line(p, &theirs, LK_STAGE_BODY);
    pause_ms(2);
    line young = connect_line(p, &mine, LK_STAGE_HEAD);
    line *const order[] = {&other, &old, &young, &body};
    for (size_t i = 0; i < LK_LENGTH(order); i++) {
        assert_int_equal(lk_patience_evict(p, i == 0 ? &theirs : NULL), i + 1);
        for (size_t k = 0; k < LK_LENGTH(order); k++)
            if (k <= i)
                wait_until_shut(order[k]);
            else
                assert_false(is_shut(order[k]));
    }
    assert_int_equal(lk_patience_evict(p, NULL), 4); /* they are still leaving */
    assert_true(!is_shut(&work) && !is_shut(&answer));
    for (size_t i = 0; i < LK_LENGTH(order); i++)
        cut_line(p, order[i]);
    assert_int_equal(lk_patience_evict(p, NULL), 0);
    cut_line(p, &work);
    cut_line(p, &answer);
    lk_patience_free(p);
}

static void time_ends_what_does_not_end(void **state) {
    (void)state;
    lk_patience *p = NULL;
    liken_error err = {0};
    assert_ok(lk_patience_start(&p, &err), err);
    line late = connect_line(p, NULL, LK_STAGE_HEAD), busy = connect_line(p, NULL, LK_STAGE_WORK),
         still = connect_line(p, NULL, LK_STAGE_BODY);
    lk_patience_at(p, late.watch, LK_STAGE_HEAD, 0.01);
    wait_until_shut(&late);
    assert_false(is_shut(&still));
    lk_patience_hurry(p);
    wait_until_shut(&still);
    assert_false(is_shut(&busy));
    lk_patience_at(p, NULL, LK_STAGE_BODY, 1);
    lk_patience_moved(p, NULL);
    lk_patience_skips_continue(p, NULL);
    lk_patience_drop(p, NULL);
    cut_line(p, &late);
    cut_line(p, &busy);
    cut_line(p, &still);
    lk_patience_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_counted_once),
        cmocka_unit_test(who_is_gone_is_known),
        cmocka_unit_test(who_can_best_be_spared_goes_first),
        cmocka_unit_test(time_ends_what_does_not_end),
    };
    return cmocka_run_group_tests_name("http/clients", tests, NULL, NULL);
}
