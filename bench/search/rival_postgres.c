/* PostgreSQL with the extension cube, as a table of two columns of 64 dimensions each: the usual way to keep such
 * descriptors in a database (cube allows 100). The server is a new one in a folder below /tmp, without TCP, with memory
 * enough for the table and one process a query. CPU time is that of the process that answers. */
#include "rivals.h"

#include <libpq-fe.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef POSTGRES_BIN
#define POSTGRES_BIN ""
#endif

enum { HALF = 64, CUBE_TEXT = HALF * 20, BATCH = 1 << 16 };

typedef struct server {
    char folder[40];
    PGconn *connection;
    int pid;
} server;

/* Runs a command as somebody the server does not refuse. */
static bool run(const char *command) {
    char line[1024];
    const bool root = geteuid() == 0;
    (void)snprintf(line, sizeof line, "cd /tmp && %s%s%s", root ? "su postgres -s /bin/sh -c '" : "", command,
                   root ? "'" : "");
    return system(line) == 0;
}

static bool begin(server *s) {
    char command[512];
    (void)snprintf(s->folder, sizeof s->folder, "/tmp/liken-bench-pg-XXXXXX");
    if (mkdtemp(s->folder) == NULL)
        return false;
    const struct passwd *user = getpwnam("postgres");
    if (geteuid() == 0 && (user == NULL || chown(s->folder, user->pw_uid, user->pw_gid) != 0))
        return false;
    (void)snprintf(command, sizeof command, "%s/initdb -D %s/data -U bench -A trust -N >/dev/null", POSTGRES_BIN,
                   s->folder);
    if (!run(command))
        return false;
    (void)snprintf(
        command, sizeof command,
        "%s/pg_ctl -D %s/data -l %s/log -w -o \"-k %s -c listen_addresses= -c shared_buffers=3GB -c fsync=off "
        "-c max_wal_size=8GB -c max_parallel_workers_per_gather=0 -c jit=off\" start >/dev/null",
        POSTGRES_BIN, s->folder, s->folder, s->folder);
    return run(command);
}

static bool does(server *s, const char *sql, ExecStatusType expected) {
    PGresult *r = PQexec(s->connection, sql);
    const bool done = PQresultStatus(r) == expected;
    if (!done)
        fprintf(stderr, "PostgreSQL: %s", PQerrorMessage(s->connection));
    PQclear(r);
    return done;
}

static size_t write_cube(char *out, const float *v) {
    size_t at = 0;
    for (int i = 0; i < HALF; i++)
        at += (size_t)snprintf(out + at, CUBE_TEXT - at, "%c%.9g", i == 0 ? '(' : ',', (double)v[i]);
    return at + (size_t)snprintf(out + at, CUBE_TEXT - at, ")");
}

static bool load(server *s, const float *vectors, size_t count) {
    char *text = malloc(BATCH + 2 * CUBE_TEXT + 64);
    size_t at = 0;
    bool good = text != NULL && does(s, "COPY faces FROM STDIN", PGRES_COPY_IN);
    for (size_t i = 0; good && i < count; i++) {
        at += (size_t)snprintf(text + at, 32, "%zu\t", i);
        at += write_cube(text + at, vectors + i * 2 * HALF);
        text[at++] = '\t';
        at += write_cube(text + at, vectors + i * 2 * HALF + HALF);
        text[at++] = '\n';
        if (at > BATCH || i + 1 == count) {
            good = PQputCopyData(s->connection, text, (int)at) == 1;
            at = 0;
        }
    }
    good = good && PQputCopyEnd(s->connection, NULL) == 1;
    PQclear(good ? PQgetResult(s->connection) : NULL);
    PQclear(good ? PQgetResult(s->connection) : NULL); /* the one that says there are no more */
    free(text);
    return good && does(s, "VACUUM ANALYZE faces", PGRES_COMMAND_OK);
}

static bool fill(server *s, const float *vectors, size_t count) {
    char where[128];
    (void)snprintf(where, sizeof where, "host=%s user=bench dbname=postgres", s->folder);
    s->connection = PQconnectdb(where);
    if (PQstatus(s->connection) != CONNECTION_OK) {
        fprintf(stderr, "PostgreSQL: %s", PQerrorMessage(s->connection));
        return false;
    }
    s->pid = PQbackendPID(s->connection);
    return does(s, "CREATE EXTENSION cube", PGRES_COMMAND_OK) &&
           does(s, "CREATE TABLE faces (id bigint PRIMARY KEY, low cube, high cube)", PGRES_COMMAND_OK) &&
           load(s, vectors, count);
}

static void end(void *index) {
    server *s = index;
    char command[256];
    PQfinish(s->connection);
    (void)snprintf(command, sizeof command, "%s/pg_ctl -D %s/data -m immediate stop >/dev/null 2>&1", POSTGRES_BIN,
                   s->folder);
    (void)run(command);
    (void)snprintf(command, sizeof command, "rm -rf %s", s->folder);
    (void)system(command);
    free(s);
}

static void *build(const float *vectors, size_t count, int dimension) {
    if (POSTGRES_BIN[0] == '\0' || dimension != 2 * HALF) {
        fprintf(stderr, "PostgreSQL is not installed\n");
        return NULL;
    }
    server *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    if (begin(s) && fill(s, vectors, count))
        return s;
    end(s);
    return NULL;
}

static void search(void *index, const float *query, int k, int64_t *ids) {
    server *s = index;
    char low[CUBE_TEXT], high[CUBE_TEXT], limit[16];
    (void)write_cube(low, query);
    (void)write_cube(high, query + HALF);
    (void)snprintf(limit, sizeof limit, "%d", k);
    const char *values[] = {low, high, limit};
    PGresult *r =
        PQexecParams(s->connection,
                     "SELECT id FROM faces ORDER BY sqrt(power(low <-> $1::cube, 2) + power(high <-> $2::cube, "
                     "2)) LIMIT $3::int",
                     3, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        fprintf(stderr, "PostgreSQL: %s", PQerrorMessage(s->connection));
    for (int i = 0; i < PQntuples(r) && i < k; i++)
        ids[i] = strtoll(PQgetvalue(r, i, 0), NULL, 10);
    PQclear(r);
}

static double cpu(void *index) {
    char path[64];
    unsigned long long nanoseconds = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/schedstat", ((server *)index)->pid);
    FILE *f = fopen(path, "r");
    if (f == NULL || fscanf(f, "%llu", &nanoseconds) != 1)
        fprintf(stderr, "%s cannot be read\n", path);
    if (f != NULL)
        (void)fclose(f);
    return (double)nanoseconds * 1e-9;
}

const rival rival_postgres = {.key = "postgres",
                              .name = "PostgreSQL " POSTGRES_RELEASE " cube",
                              .build = build,
                              .search = search,
                              .free = end,
                              .cpu = cpu};
