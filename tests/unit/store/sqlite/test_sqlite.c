/* What is SQLite's own: files that are refused and not touched, damage, companions of the file, permissions. */
#include "unit/test.h"

#include "base/buf.h"
#include "base/error.h"
#include "unit/store/sample.h"

#include "store/sqlite/sqlite_int.h"

#include <pthread.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sample_folder folder;
static char path[96];
static liken_error err;

static int set_up(void **state) {
    (void)state;
    sample_folder_make(&folder);
    (void)snprintf(path, sizeof path, "%s/liken.db", folder.path);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sample_folder_remove(&folder);
    return 0;
}

static lk_store *open_store(bool read_only) {
    lk_store *s;
    assert_ok(lk_store_open_sqlite(&s, folder.path, read_only, &err), err);
    return s;
}

static int open_fails(bool read_only) {
    lk_store *s = NULL;
    const int rc = lk_store_open_sqlite(&s, folder.path, read_only, &err);
    assert_null(s);
    return rc;
}

/* A store with `images` photos of one face, closed again. */
static void make_store(unsigned images) {
    lk_store *s = open_store(false);
    const int64_t c = sample_collection(s, "a", SAMPLE_MODEL, LIKEN_NORMALIZED);
    for (unsigned i = 0; i < images; i++) {
        liken_image *image = sample_image(i, 1), *existing;
        assert_ok(s->ops->images->add(s, c, image, false, &existing, &err), err);
        liken_image_free(image);
    }
    s->ops->close(s);
}

static void sql(const char *file, const char *text) {
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", text, message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static char *contents(const char *file, size_t *size) {
    char *bytes;
    assert_ok(lk_file_read(file, 1 << 24, &bytes, size, &err), err);
    return bytes;
}

/* Both ways of opening refuse the file, with these words, and leave every byte of it. */
static void refused_untouched(const char *words) {
    size_t before_size, after_size;
    char *before = contents(path, &before_size);
    for (int read_only = 0; read_only < 2; read_only++) {
        assert_int_equal(open_fails(read_only != 0), LIKEN_E_STORE);
        if (strstr(err.message, words) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", err.message, words);
        char *after = contents(path, &after_size);
        assert_int_equal(after_size, before_size);
        assert_memory_equal(after, before, before_size);
        free(after);
    }
    free(before);
}

static void a_newer_store_is_refused(void **state) {
    (void)state;
    make_store(3);
    sql(path, "PRAGMA user_version = 9999");
    refused_untouched("newer liken");
}

/* What photos have in tables of their own now they had in their row; and nothing was kept of them. */
#define NAMES_IN_THE_ROW                                                                                               \
    "ALTER TABLE images DROP COLUMN source; ALTER TABLE images DROP COLUMN metadata;"                                  \
    "ALTER TABLE images DROP COLUMN revision;"                                                                         \
    "DROP TABLE upgrades; DROP TABLE upgraded; DROP TABLE cold; ALTER TABLE collections DROP COLUMN generation;"       \
    "ALTER TABLE faces DROP COLUMN weak;"                                                                              \
    "DROP TABLE pictures; ALTER TABLE collections DROP COLUMN keep; DELETE FROM meta WHERE key = 'secret';"            \
    "DROP TABLE events; ALTER TABLE images DROP COLUMN added_by; DROP TABLE keys; DROP TABLE key_files;"               \
    "DROP TABLE labels; DROP TABLE image_ids;"                                                                         \
    "ALTER TABLE images ADD COLUMN image_id TEXT; ALTER TABLE images ADD COLUMN file TEXT;"                            \
    "CREATE INDEX images_by_image_id ON images (collection, image_id) WHERE image_id IS NOT NULL;"                     \
    "CREATE INDEX images_by_file ON images (collection, file) WHERE file IS NOT NULL;"

/* `file` and `image_id` are the only ones that it has; NULL: none. */
static void assert_label(lk_store *s, int64_t id, const char *file, liken_label_kind kind, const char *image_id) {
    liken_image *image = NULL;
    assert_ok(s->ops->images->get(s, 0, id, &image, &err), err);
    assert_int_equal(image->label_count, file == NULL ? 0 : 1);
    assert_int_equal(image->image_id_count, image_id == NULL ? 0 : 1);
    if (file != NULL) {
        assert_string_equal(image->labels[0].file, file);
        assert_int_equal(image->labels[0].kind, kind);
    }
    if (image_id != NULL)
        assert_string_equal(image->image_id, image_id);
    liken_image_free(image);
}

static void ignore_finding(void *ctx, const char *what, liken_verdict verdict, const char *message) {
    (void)ctx;
    (void)what;
    (void)verdict;
    (void)message;
}

/* `images` photos as the last liken wrote them that had a photo's names in its row. */
static void make_old_store(unsigned images) {
    make_store(images);
    sql(path, NAMES_IN_THE_ROW "PRAGMA user_version = 3;"
                               "UPDATE images SET file = CASE id WHEN 1 THEN 'p/x.jpg' WHEN 2 THEN 'p/x.jpg'"
                               " WHEN 3 THEN 'https://a/b.jpg' WHEN 4 THEN 'IMG_1.jpg' WHEN 5 THEN 'IMG_1.jpg' END,"
                               " image_id = CASE id WHEN 4 THEN '7' WHEN 6 THEN '7' END");
}

static void assert_old_labels(lk_store *s) {
    int bad = -1;
    assert_label(s, 1, "p/x.jpg", LIKEN_LABEL_SHARED, NULL); /* the later one lies there */
    assert_label(s, 2, "p/x.jpg", LIKEN_LABEL_FILE, NULL);
    assert_label(s, 3, "https://a/b.jpg", LIKEN_LABEL_OWN, NULL);
    assert_label(s, 4, "IMG_1.jpg", LIKEN_LABEL_SHARED, "7");
    assert_label(s, 5, "IMG_1.jpg", LIKEN_LABEL_SHARED, NULL);
    assert_label(s, 6, NULL, LIKEN_LABEL_SHARED, "7");
    assert_label(s, 7, NULL, LIKEN_LABEL_SHARED, NULL);
    assert_ok(s->ops->check(s, ignore_finding, NULL, &bad, &err), err);
    assert_int_equal(bad, 0);
}

static void old_labels_become_what_they_look_like(void **state) {
    (void)state;
    make_old_store(7);
    lk_store *s = open_store(false);
    assert_old_labels(s);
    s->ops->close(s);
}

/* Cut short in its last statements, as by a crash or a full disk, the step has not begun. */
static void a_step_that_fails_changes_nothing(void **state) {
    (void)state;
    make_old_store(7);
    sql(path, "CREATE INDEX in_the_way ON images (file)");
    assert_int_equal(open_fails(false), LIKEN_E_STORE);
    sql(path, "DROP INDEX in_the_way");
    lk_store *s = open_store(false);
    assert_old_labels(s);
    s->ops->close(s);
}

/* As the first liken wrote it, before a collection said how it is searched. */
static void an_older_store_is_brought_up_to_date(void **state) {
    (void)state;
    make_store(3);
    sql(path, "ALTER TABLE collections DROP COLUMN search; PRAGMA user_version = 1;" NAMES_IN_THE_ROW);
    assert_int_equal(open_fails(true), LIKEN_E_STORE);
    assert_non_null(strstr(err.message, "older liken"));
    lk_store *s = NULL;
    liken_collection **list = NULL;
    size_t count = 0;
    assert_ok(lk_store_open_sqlite(&s, folder.path, false, &err), err);
    assert_ok(s->ops->collections->list(s, &list, &count, &err), err);
    assert_int_equal(count, 1);
    assert_int_equal(list[0]->search, LIKEN_SEARCH_AUTO);
    assert_int_equal(list[0]->keep, LIKEN_KEEP_THUMBNAIL);
    assert_int_equal(list[0]->faces, 3);
    uint8_t secret[32];
    assert_ok(s->ops->pictures->secret(s, secret, &err), err);
    assert_ok(s->ops->collections->search_set(s, list[0]->id, LIKEN_SEARCH_MEMORY, &err), err);
    assert_int_equal(s->ops->collections->search_set(s, list[0]->id, LIKEN_SEARCH_CUBE, &err), LIKEN_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "PostgreSQL"));
    assert_int_equal(s->ops->collections->search_set(s, 99, LIKEN_SEARCH_MEMORY, &err), LIKEN_E_NOT_FOUND);
    liken_collections_free(list, count);
    s->ops->close(s);
}

/* The newer liken was killed: its version, and data, are still in the write-ahead log, which stays where it is. */
static void a_newer_store_with_a_leftover_log_is_refused(void **state) {
    (void)state;
    make_store(3);
    char log[128];
    (void)snprintf(log, sizeof log, "%s-wal", path);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sqlite3 *db;
        const bool done = sqlite3_open(path, &db) == SQLITE_OK &&
                          sqlite3_exec(db, "PRAGMA user_version = 9999", NULL, NULL, NULL) == SQLITE_OK;
        _exit(done ? 0 : 1); /* without closing */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    size_t before_size, after_size;
    char *before = contents(log, &before_size);
    assert_true(before_size > 0);
    refused_untouched("newer liken");
    char *after = contents(log, &after_size);
    assert_int_equal(after_size, before_size);
    assert_memory_equal(after, before, before_size);
    free(before);
    free(after);
}

static void another_programs_database_is_refused(void **state) {
    (void)state;
    sql(path, "CREATE TABLE songs (title); INSERT INTO songs VALUES ('x')");
    refused_untouched("another program's");
    assert_int_equal(unlink(path), 0);
    sql(path, "PRAGMA application_id = 77; CREATE TABLE songs (title)");
    refused_untouched("another program's");
}

static void what_is_no_database_is_refused(void **state) {
    (void)state;
    char junk[8192];
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] = (char)(i * 37 % 251);
    assert_ok(lk_file_write(path, junk, sizeof junk, &err), err);
    refused_untouched("not a liken store");
}

static void an_empty_file_is_a_new_store(void **state) {
    (void)state;
    assert_ok(lk_file_write(path, "", 0, &err), err);
    make_store(1);
    lk_store *s = open_store(true);
    int64_t collections, images, faces;
    assert_ok(s->ops->counts(s, &collections, &images, &faces, &err), err);
    assert_int_equal(images, 1);
    s->ops->close(s);
}

static void no_store_and_read_only_is_not_found(void **state) {
    (void)state;
    assert_int_equal(open_fails(true), LIKEN_E_NOT_FOUND);
    assert_int_not_equal(access(path, F_OK), 0);
}

/* ---- damage ---- */

struct told {
    int bad;
    char text[2048];
};

static void listen(void *ctx, const char *what, liken_verdict verdict, const char *message) {
    struct told *t = ctx;
    if (verdict != LIKEN_BAD)
        return;
    t->bad++;
    const size_t used = strlen(t->text);
    (void)snprintf(t->text + used, sizeof t->text - used, "%s: %s\n", what, message);
}

/* What the doctor says; also that it counts as it tells. */
static struct told examine(void) {
    struct told t = {0};
    int bad = -1;
    lk_store *s = open_store(true);
    assert_ok(s->ops->check(s, listen, &t, &bad, &err), err);
    assert_int_equal(bad, t.bad);
    s->ops->close(s);
    return t;
}

static void the_doctor_sees(const char *change, const char *words) {
    make_store(5);
    sql(path, change);
    const struct told t = examine();
    assert_true(t.bad > 0);
    if (strstr(t.text, words) == NULL)
        fail_msg("after %s it says %s", change, t.text);
    assert_int_equal(unlink(path), 0);
}

static void broken_promises_are_found(void **state) {
    (void)state;
    the_doctor_sees("UPDATE faces SET descriptor = x'0011' WHERE id = 2", "wrong length");
    the_doctor_sees("PRAGMA foreign_keys = OFF; DELETE FROM images WHERE id = 3", "belong to no image");
    the_doctor_sees("PRAGMA foreign_keys = OFF; DELETE FROM images WHERE id = 3", "point to rows");
    the_doctor_sees("UPDATE collections SET faces = 17", "wrongly");
}

/* Pages overwritten behind SQLite's back: every call ends in an answer or a sentence, and the doctor finds it. */
static void damaged_pages_end_in_sentences(void **state) {
    (void)state;
    make_store(200);
    size_t size;
    char *bytes = contents(path, &size);
    unsigned seen = 0;
    for (size_t page = 1; page < size / 4096; page += 7) {
        char *hurt = malloc(size);
        assert_non_null(hurt);
        memcpy(hurt, bytes, size);
        memset(hurt + page * 4096, 0xa5, 4096);
        assert_ok(lk_file_write(path, hurt, size, &err), err);
        free(hurt);
        lk_store *s = NULL;
        int rc = lk_store_open_sqlite(&s, folder.path, false, &err);
        if (rc == LIKEN_OK) {
            struct told t = {0};
            int bad = 0;
            rc = s->ops->check(s, listen, &t, &bad, &err);
            seen += rc != LIKEN_OK || bad > 0;
            for (int64_t id = 1; id <= 200; id++) {
                liken_image *image = NULL;
                rc = s->ops->images->get(s, 0, id, &image, &err);
                assert_true(rc == LIKEN_OK || strlen(err.message) > 20);
                liken_image_free(image);
            }
            s->ops->close(s);
        } else {
            assert_true(strlen(err.message) > 20);
            seen++;
        }
    }
    assert_true(seen > 0);
    free(bytes);
}

static void a_store_cut_short_is_noticed(void **state) {
    (void)state;
    make_store(100);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, status.st_size / 2 / 4096 * 4096), 0);
    lk_store *s = NULL;
    int rc = lk_store_open_sqlite(&s, folder.path, false, &err);
    if (rc == LIKEN_OK) {
        struct told t = {0};
        int bad = 0;
        rc = s->ops->check(s, listen, &t, &bad, &err);
        assert_true(rc != LIKEN_OK || bad > 0);
        s->ops->close(s);
    } else {
        assert_int_equal(rc, LIKEN_E_STORE);
        assert_non_null(strstr(err.message, "damaged"));
    }
}

/* ---- permissions ---- */

static void the_file_is_its_owners_alone(void **state) {
    (void)state;
    struct stat status;
    const mode_t old = umask(0);
    make_store(1);
    (void)umask(old);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void become_nobody(void) {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        _exit(100);
}

/* However it is opened it can be read, and says why it cannot be written; how many images it has. */
static int64_t read_frozen(lk_store_how how) {
    lk_store *s = NULL;
    liken_error e;
    int64_t collections, images = -1, faces;
    if (lk_store_open_sqlite(&s, folder.path, how, &e) != LIKEN_OK)
        _exit(101);
    if (s->ops->counts(s, &collections, &images, &faces, &e) != LIKEN_OK)
        _exit(102);
    if (s->ops->writable(s, &e) != LIKEN_E_READ_ONLY || strstr(e.message, "this user may not write") == NULL)
        _exit(103);
    if (s->ops->images->remove(s, 0, 1, &e) != LIKEN_E_READ_ONLY)
        _exit(104);
    s->ops->close(s);
    return images;
}

static _Noreturn void child_reads(void) {
    become_nobody();
    const int64_t images = read_frozen(LK_STORE_READ);
    if (read_frozen(LK_STORE_MAKE) != images || read_frozen(LK_STORE_THERE) != images)
        _exit(105);
    _exit((int)images);
}

static void freeze(void) {
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(folder.path, 0555), 0);
}

static void thaw(void) {
    assert_int_equal(chmod(folder.path, 0755), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

static int exit_code(pid_t child) {
    int status;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_store_on_a_frozen_medium_can_be_read(void **state) {
    (void)state;
    make_store(7);
    freeze();
    const pid_t child = fork();
    if (child == 0)
        child_reads();
    const int code = exit_code(child);
    thaw();
    assert_int_equal(code, 7);
}

/* Reads once, waits until somebody else has written, and must not answer from what it saw before. */
static _Noreturn void child_is_overtaken(int ready, int go) {
    lk_store *s = NULL;
    liken_error e;
    int64_t collections, images, faces, version;
    char byte = 1;
    become_nobody();
    if (lk_store_open_sqlite(&s, folder.path, LK_STORE_THERE, &e) != LIKEN_OK ||
        s->ops->counts(s, &collections, &images, &faces, &e) != LIKEN_OK || images != 2)
        _exit(101);
    if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1)
        _exit(102);
    if (s->ops->counts(s, &collections, &images, &faces, &e) != LIKEN_E_STORE ||
        strstr(e.message, "start it again") == NULL)
        _exit(103);
    if (s->ops->feed->version(s, &version, &e) != LIKEN_E_STORE)
        _exit(104);
    s->ops->close(s);
    if (lk_store_open_sqlite(&s, folder.path, LK_STORE_THERE, &e) != LIKEN_OK ||
        s->ops->counts(s, &collections, &images, &faces, &e) != LIKEN_OK)
        _exit(105);
    s->ops->close(s);
    _exit((int)images);
}

/* `closed`: the writer has gone when the reader looks again; else its log is there. */
static void overtake(bool closed) {
    int ready[2], go[2];
    char byte = 1;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    freeze();
    const pid_t child = fork();
    if (child == 0)
        child_is_overtaken(ready[1], go[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    thaw();
    lk_store *s = open_store(false);
    assert_ok(s->ops->images->remove(s, 0, 1, &err), err);
    if (closed)
        s->ops->close(s);
    assert_int_equal(chmod(folder.path, 0555), 0);
    assert_int_equal(write(go[1], &byte, 1), 1);
    const int code = exit_code(child);
    thaw();
    if (!closed)
        s->ops->close(s);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(go[i]);
    }
    assert_int_equal(code, 1);
}

static void a_frozen_store_that_is_written_to_answers_nothing(void **state) {
    (void)state;
    make_store(2);
    overtake(true);
}

static void a_frozen_store_with_a_writer_answers_nothing(void **state) {
    (void)state;
    make_store(2);
    overtake(false);
}

static void copy_file(const char *from, const char *to) {
    char buffer[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, in)) > 0;)
        assert_int_equal(fwrite(buffer, 1, n, out), n);
    (void)fclose(in);
    assert_int_equal(fclose(out), 0);
}

static _Noreturn void child_meets_log(const char *where) {
    lk_store *s = NULL;
    liken_error e;
    become_nobody();
    const int rc = lk_store_open_sqlite(&s, where, LK_STORE_READ, &e);
    _exit(rc == LIKEN_E_STORE && strstr(e.message, "liken.db-wal to a folder that can be written") != NULL ? 7 : 101);
}

/* Copied with its log while a server ran: what of the log counts cannot be told without writing. */
static void a_frozen_store_with_a_log_says_what_to_do(void **state) {
    (void)state;
    struct sample_folder copy;
    char from[600], to[600];
    make_store(1);
    sample_folder_make(&copy);
    lk_store *s = open_store(false);
    assert_ok(s->ops->images->remove(s, 0, 1, &err), err);
    (void)snprintf(to, sizeof to, "%s/liken.db", copy.path);
    copy_file(path, to);
    (void)snprintf(from, sizeof from, "%s-wal", path);
    (void)snprintf(to, sizeof to, "%s/liken.db-wal", copy.path);
    copy_file(from, to);
    s->ops->close(s);
    assert_int_equal(chmod(copy.path, 0555), 0);
    const pid_t child = fork();
    if (child == 0)
        child_meets_log(copy.path);
    const int code = exit_code(child);
    assert_int_equal(chmod(copy.path, 0755), 0);
    sample_folder_remove(&copy);
    assert_int_equal(code, 7);
}

/* ---- as it is ---- */

static void what_is_not_there_is_not_made(void **state) {
    (void)state;
    char where[600];
    lk_store *s = NULL;
    (void)snprintf(where, sizeof where, "%s/typo", folder.path);
    for (int how = LK_STORE_READ; how <= LK_STORE_THERE; how++) {
        assert_int_equal(lk_store_open_sqlite(&s, where, (lk_store_how)how, &err), LIKEN_E_NOT_FOUND);
        assert_non_null(strstr(err.message, where));
        assert_int_not_equal(access(where, F_OK), 0);
    }
}

static void an_older_one_is_not_brought_up_to_date(void **state) {
    (void)state;
    lk_store *s = NULL;
    make_store(1);
    sql(path, "PRAGMA user_version = 3");
    for (int how = LK_STORE_READ; how <= LK_STORE_THERE; how++) {
        assert_int_equal(lk_store_open_sqlite(&s, folder.path, (lk_store_how)how, &err), LIKEN_E_STORE);
        assert_non_null(strstr(err.message, "older liken"));
    }
}

/* ---- the write lock, held elsewhere ---- */

static lk_sqlite_store *blocked;
static atomic_int attempts;

static size_t jobs_waiting(void) {
    size_t count = 0;
    pthread_mutex_lock(&blocked->queue_lock);
    for (const lk_sqlite_job *job = blocked->first; job != NULL; job = job->next)
        count++;
    pthread_mutex_unlock(&blocked->queue_lock);
    return count;
}

/* SQLite asks whether to try once more: no, once others wait behind this one. */
static int busy(void *ctx, int tries) {
    (void)ctx;
    atomic_fetch_add(&attempts, tries == 0);
    while (atomic_load(&attempts) == 1 && jobs_waiting() < 3)
        sched_yield();
    return 0;
}

static void *remove_first(void *status) {
    liken_error e = {0};
    *(int *)status = blocked->base.ops->images->remove(&blocked->base, 0, 1, &e);
    if (*(int *)status != LIKEN_OK)
        assert_non_null(strstr(e.message, "Another process kept the store"));
    return NULL;
}

/* Reads go on; who came while another waited in vain does not wait as long again; and then all is well. */
static void a_lock_held_elsewhere_ends_in_busy(void **state) {
    (void)state;
    sqlite3 *other;
    pthread_t threads[4];
    int statuses[4];
    make_store(1);
    lk_store *s = open_store(false);
    blocked = (lk_sqlite_store *)s;
    atomic_store(&attempts, 0);
    (void)sqlite3_busy_handler(blocked->writer.db, busy, NULL);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, remove_first, &statuses[i]), 0);
        wait_until(atomic_load(&attempts) > 0);
    }
    liken_image *image = NULL;
    assert_ok(s->ops->images->get(s, 0, 1, &image, &err), err);
    liken_image_free(image);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(statuses[i], LIKEN_E_BUSY);
    }
    assert_int_equal(atomic_load(&attempts), 1);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_ok(s->ops->images->remove(s, 0, 1, &err), err);
    s->ops->close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(old_labels_become_what_they_look_like),
        T(a_step_that_fails_changes_nothing),
        T(an_older_store_is_brought_up_to_date),
        T(a_newer_store_is_refused),
        T(a_newer_store_with_a_leftover_log_is_refused),
        T(another_programs_database_is_refused),
        T(what_is_no_database_is_refused),
        T(an_empty_file_is_a_new_store),
        T(no_store_and_read_only_is_not_found),
        T(broken_promises_are_found),
        T(damaged_pages_end_in_sentences),
        T(a_store_cut_short_is_noticed),
        T(the_file_is_its_owners_alone),
        T(a_store_on_a_frozen_medium_can_be_read),
        T(a_frozen_store_that_is_written_to_answers_nothing),
        T(a_frozen_store_with_a_writer_answers_nothing),
        T(a_frozen_store_with_a_log_says_what_to_do),
        T(what_is_not_there_is_not_made),
        T(an_older_one_is_not_brought_up_to_date),
        T(a_lock_held_elsewhere_ends_in_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
