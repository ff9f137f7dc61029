/* server.h - a private PostgreSQL server for the tests: a fresh one in a temporary folder, on a socket in that folder
 * and on a TCP port, run as user postgres when the tests run as root (the server refuses root). */
#ifndef LK_TESTS_STORE_SERVER_H
#define LK_TESTS_STORE_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct server {
    char folder[64];
    int port;
    pid_t pid; /* 0: not running */
};

/* The programs' folder, or NULL when there are none: then tests skip, with server_missing as the reason. */
const char *server_programs(void);
extern const char server_missing[];

/* Makes and starts one; ends the test when that fails. */
void server_make(struct server *s);
void server_make_several(struct server *const *list, size_t count);
void server_start(struct server *s);             /* again, after a stop or kill */
void server_stop(struct server *s);              /* as an administrator would, in a hurry */
void server_kill(struct server *s);              /* kill -9 of all its processes */
void server_pause(struct server *s, bool pause); /* SIGSTOP, SIGCONT of all its processes */
void server_remove(struct server *s);

/* A connection string for a database, through the socket or (`tcp`) 127.0.0.1. In a static buffer of `turn` 0..3. */
const char *server_where(const struct server *s, const char *database, bool tcp, int turn);
/* Runs SQL as the administrator; ends the test when it fails. */
void server_sql(const struct server *s, const char *database, const char *sql);
/* The same, the first value of its answer as a number. */
long long server_number(const struct server *s, const char *database, const char *sql);
/* A new, empty database. */
void server_database(const struct server *s, const char *database);

#endif
