#include "unit/test.h"

#include "unit/store/server.h"

#include "base/buf.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char server_missing[] = "PostgreSQL's server programs are not installed (Debian: postgresql-15)";

const char *server_programs(void) {
    static char folder[64];
    const char *given = getenv("LIKEN_POSTGRES");
    if (given != NULL)
        return given;
    for (int version = 20; version >= 13; version--) {
        char path[80];
        (void)snprintf(folder, sizeof folder, "/usr/lib/postgresql/%d/bin", version);
        (void)snprintf(path, sizeof path, "%s/initdb", folder);
        if (access(path, X_OK) == 0)
            return folder;
    }
    return NULL;
}

/* ---- processes ---- */

static void become_postgres(void) {
    if (geteuid() != 0)
        return;
    const struct passwd *user = getpwnam("postgres");
    if (user == NULL || setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
        _exit(127);
}

/* Starts a program in a process group of its own, its output in the folder's file "log". */
static pid_t launch(const struct server *s, const char *program, char *const arguments[]) {
    char path[160], log[80];
    (void)snprintf(path, sizeof path, "%s/%s", server_programs(), program);
    (void)snprintf(log, sizeof log, "%s/log", s->folder);
    const pid_t pid = fork();
    if (pid != 0)
        return pid;
    (void)setpgid(0, 0);
    become_postgres();
    (void)prctl(PR_SET_PDEATHSIG, SIGQUIT);
    const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chdir("/") != 0)
        _exit(127);
    (void)setenv("LC_ALL", "C.UTF-8", 1);
    execv(path, arguments);
    _exit(127);
}

static void show_log(const struct server *s) {
    char path[80];
    char *text;
    size_t size;
    (void)snprintf(path, sizeof path, "%s/log", s->folder);
    if (lk_file_read(path, 1 << 20, &text, &size, NULL) == LIKEN_OK) {
        print_error("%s\n", text);
        free(text);
    }
}

static void initialise(const struct server *s) {
    char data[80];
    (void)snprintf(data, sizeof data, "%s/data", s->folder);
    char *const arguments[] = {(char *)(uintptr_t) "initdb",
                               (char *)(uintptr_t) "-D",
                               data,
                               (char *)(uintptr_t) "--no-sync",
                               (char *)(uintptr_t) "-A",
                               (char *)(uintptr_t) "trust",
                               (char *)(uintptr_t) "-U",
                               (char *)(uintptr_t) "postgres",
                               (char *)(uintptr_t) "-E",
                               (char *)(uintptr_t) "UTF8",
                               (char *)(uintptr_t) "--locale=C.UTF-8",
                               NULL};
    const pid_t pid = launch(s, "initdb", arguments);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0) {
        show_log(s);
        fail_msg("initdb failed");
    }
}

static int free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

/* False: it ended. */
static bool wait_until_it_answers(const struct server *s) {
    const char *where = server_where(s, "postgres", false, 3);
    for (int tries = 0; tries < 600; tries++) {
        if (PQping(where) == PQPING_OK)
            return true;
        if (waitpid(s->pid, NULL, WNOHANG) == s->pid)
            return false;
        (void)nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
    }
    return false;
}

void server_start(struct server *s) {
    char data[80], port[16], sockets[96];
    (void)snprintf(data, sizeof data, "%s/data", s->folder);
    (void)snprintf(port, sizeof port, "%d", s->port);
    (void)snprintf(sockets, sizeof sockets, "unix_socket_directories=%s", s->folder);
    char *const arguments[] = {(char *)(uintptr_t) "postgres",
                               (char *)(uintptr_t) "-D",
                               data,
                               (char *)(uintptr_t) "-p",
                               port,
                               (char *)(uintptr_t) "-c",
                               sockets,
                               (char *)(uintptr_t) "-c",
                               (char *)(uintptr_t) "listen_addresses=127.0.0.1",
                               (char *)(uintptr_t) "-c",
                               (char *)(uintptr_t) "shared_buffers=16MB",
                               (char *)(uintptr_t) "-c",
                               (char *)(uintptr_t) "max_connections=60",
                               (char *)(uintptr_t) "-c",
                               (char *)(uintptr_t) "fsync=off",
                               NULL}; /* nobody cuts the power */
    /* one that was killed may hold its memory a moment longer, and then the next one does not start */
    for (int tries = 0; tries < 20; tries++) {
        s->pid = launch(s, "postgres", arguments);
        if (wait_until_it_answers(s))
            return;
        (void)nanosleep(&(struct timespec){.tv_nsec = 200 * 1000 * 1000}, NULL);
    }
    show_log(s);
    fail_msg("the PostgreSQL server did not start");
}

static void make_folder(struct server *s) {
    *s = (struct server){0};
    (void)snprintf(s->folder, sizeof s->folder, "/tmp/liken-pg-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    if (geteuid() == 0) {
        const struct passwd *user = getpwnam("postgres");
        assert_non_null(user);
        assert_int_equal(chown(s->folder, user->pw_uid, user->pw_gid), 0);
    }
    s->port = free_port();
}

void server_make(struct server *s) {
    server_make_several(&s, 1);
}

/* A copy of the first one's files, before that is started: sooner had than files of its own. */
static void copy_data(const struct server *from, const struct server *to) {
    char source[80];
    (void)snprintf(source, sizeof source, "%s/data", from->folder);
    const pid_t pid = fork();
    if (pid == 0) {
        execlp("cp", "cp", "-a", source, to->folder, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

void server_make_several(struct server *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        make_folder(list[i]);
        if (i == 0)
            initialise(list[0]);
        else
            copy_data(list[0], list[i]);
    }
    for (size_t i = 0; i < count; i++)
        server_start(list[i]);
}

static void end(struct server *s, int how) {
    if (s->pid == 0)
        return;
    (void)kill(s->pid, how);
    (void)waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

void server_stop(struct server *s) {
    end(s, SIGINT);
}

/* The server's children are its group no more (each leads its own), so they are found by their parent. */
static void each_child(pid_t parent, int how) {
    char path[64], list[4096] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    const int fd = open(path, O_RDONLY);
    const ssize_t n = fd < 0 ? 0 : read(fd, list, sizeof list - 1);
    if (fd >= 0)
        (void)close(fd);
    list[n > 0 ? n : 0] = '\0';
    char *rest = NULL;
    for (char *word = strtok_r(list, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        (void)kill((pid_t)strtol(word, NULL, 10), how);
}

void server_kill(struct server *s) {
    char path[96];
    (void)kill(s->pid, SIGSTOP); /* so that it starts no other while its children go */
    each_child(s->pid, SIGKILL);
    end(s, SIGKILL);
    (void)snprintf(path, sizeof path, "%s/data/postmaster.pid", s->folder);
    (void)unlink(path);
}

void server_pause(struct server *s, bool pause) {
    if (pause)
        (void)kill(s->pid, SIGSTOP);
    each_child(s->pid, pause ? SIGSTOP : SIGCONT);
    if (!pause)
        (void)kill(s->pid, SIGCONT);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk) {
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void server_remove(struct server *s) {
    end(s, SIGQUIT);
    assert_int_equal(nftw(s->folder, remove_one, 32, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- asking it ---- */

const char *server_where(const struct server *s, const char *database, bool tcp, int turn) {
    static char text[4][256];
    if (tcp)
        (void)snprintf(text[turn], sizeof text[turn], "postgres://postgres@127.0.0.1:%d/%s", s->port, database);
    else
        (void)snprintf(text[turn], sizeof text[turn], "host=%s port=%d user=postgres dbname=%s", s->folder, s->port,
                       database);
    return text[turn];
}

static PGresult *ask(const struct server *s, const char *database, const char *sql) {
    PGconn *c = PQconnectdb(server_where(s, database, false, 3));
    PGresult *r = PQexec(c, sql);
    const ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(c));
    PQfinish(c);
    return r;
}

void server_sql(const struct server *s, const char *database, const char *sql) {
    PQclear(ask(s, database, sql));
}

long long server_number(const struct server *s, const char *database, const char *sql) {
    PGresult *r = ask(s, database, sql);
    const long long number = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
    PQclear(r);
    return number;
}

void server_database(const struct server *s, const char *database) {
    char sql[128];
    (void)snprintf(sql, sizeof sql, "CREATE DATABASE %.64s", database);
    server_sql(s, "postgres", sql);
}
