/* What a client is told of the server's own trouble: the trouble, and not where the server keeps its things. */
#include "unit/test.h"

#include "api/api_int.h"

#include <string.h>

static const char *const known[] = {"/home/me/My Photos/liken", NULL, "postgres://liken@db.example/faces", ""};

static void places_are_hidden(void **state) {
    (void)state;
    static const char *const sentences[][2] = {
        {"Another process kept the store /srv/liken.db locked for 30 seconds; try again, or stop it.",
         "Another process kept the store (hidden) locked for 30 seconds; try again, or stop it."},
        {"The store /home/me/My Photos/liken/liken.db is damaged (malformed).",
         "The store (hidden) is damaged (malformed)."},
        {"The disk that holds /home/me/My Photos/liken, is full.", "The disk that holds (hidden), is full."},
        {"/etc/liken: no such folder", "(hidden): no such folder"},
        {"It is in /etc.", "It is in (hidden)."},
        {"The file \"/var/x/y.z\" (/tmp/a) is gone", "The file \"(hidden)\" ((hidden)) is gone"},
        {"The database postgres://liken@db.example/faces cannot be reached (connection to server at \"db.example\" "
         "(10.0.0.7), port 5432 failed: Connection refused); try again",
         "The database (hidden) cannot be reached (connection to (hidden) failed: Connection refused); try again"},
        {"connection to server on socket \"/run/pg/.s.PGSQL.5432\" failed: No such file or directory",
         "connection to (hidden) failed: No such file or directory"},
        {"see file:///srv/x, or https://u:p@host/.", "see (hidden), or (hidden)."},
    };
    char out[512];
    for (size_t i = 0; i < LK_LENGTH(sentences); i++) {
        lk_hide_places(sentences[i][0], known, LK_LENGTH(known), out, sizeof out);
        assert_string_equal(out, sentences[i][1]);
    }
}

static void all_else_is_told(void **state) {
    (void)state;
    static const char *const sentences[] = {
        "", "/", "Shard \"b\" (127.0.0.1:5433) does not answer; 1/2 of the faces and/or rows.",
        "The server at your side is busy.", "Run: liken doctor / liken move"};
    char out[512];
    for (size_t i = 0; i < LK_LENGTH(sentences); i++) {
        lk_hide_places(sentences[i], known, LK_LENGTH(known), out, sizeof out);
        assert_string_equal(out, sentences[i]);
    }
    for (size_t room = 10; room < 40; room++) {
        lk_hide_places("The store /srv/liken.db is gone /srv/liken.db", known, LK_LENGTH(known), out, room);
        assert_true(strlen(out) < room);
        assert_null(strstr(out, "srv"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(places_are_hidden), cmocka_unit_test(all_else_is_told)};
    return cmocka_run_group_tests_name("api/hide", tests, NULL, NULL);
}
