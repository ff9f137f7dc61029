/* What a start does with the cached index: it reads little from the store, and whatever happened to the cache, the
 * answers are those of an index built from nothing. How much was read from the store stands in the line that the
 * gallery logs when its index is ready. */
#include "unit/test.h"

#include "base/buf.h"
#include "base/error.h"
#include "gallery/gallery_int.h"
#include "unit/gallery/fake_face.h"
#include "unit/store/sample.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CROWD = 1000, CROWDS = 9, QUERIES = 6 };

static struct sample_folder folder;
static liken_error err;

/* ---- what is logged ---- */

static struct heard {
    int ready, anew, memory;
    size_t faces;
    unsigned long long from_store;
} heard;

static void hear(void *ctx, liken_log_level level, const char *message) {
    (void)ctx;
    (void)level;
    size_t faces;
    unsigned long long from_store;
    if (sscanf(message, "The index is ready: %zu faces, %llu read from the store", &faces, &from_store) == 2) {
        heard.ready++;
        heard.faces = faces;
        heard.from_store = from_store;
    }
    heard.anew += strstr(message, "made anew from the store") != NULL;
    heard.memory += strstr(message, "in memory") != NULL;
}

/* ---- opening, adding, asking ---- */

static liken *open_with(liken_options o) {
    liken *handle = NULL;
    heard = (struct heard){0};
    o.data = folder.path;
    o.models = "/nowhere";
    o.threads = 2;
    assert_ok(liken_open(&handle, &o, NULL, &err), err);
    return handle;
}

static liken *open_gallery(void) {
    return open_with((liken_options)LIKEN_OPTIONS_INIT);
}

/* An image of `faces` people; its id. */
static int64_t add(liken *lk, const char *collection, int first, int faces) {
    lk_buf text;
    liken_image *image = NULL;
    lk_buf_init(&text, 1 << 20);
    assert_ok(lk_buf_format(&text, &err, "photo 5000 %d\n", first + 1), err);
    for (int i = 0; i < faces; i++)
        assert_ok(lk_buf_format(&text, &err, "face %d 0.1 50\n", first + i), err);
    const liken_add_options o = {.size = sizeof(liken_add_options), .collection = collection};
    assert_ok(liken_add(lk, NULL, text.data, text.size, &o, &image, &err), err);
    assert_int_equal(image->face_count, faces);
    const int64_t id = image->id;
    lk_buf_free(&text);
    liken_image_free(image);
    return id;
}

static void make_collection(liken *lk, const char *name) {
    liken_collection *c = NULL;
    assert_ok(
        liken_collection_create(lk, NULL, name, NULL, LIKEN_L2, LIKEN_SEARCH_AUTO, LIKEN_KEEP_THUMBNAIL, &c, &err),
        err);
    liken_collection_free(c);
}

/* One number over every match of a few searches: faces, images, distances and their order. */
static uint64_t answers(liken *lk, const char *collection) {
    uint64_t sum = 14695981039346656037u;
    for (int q = 0; q < QUERIES; q++) {
        float descriptor[128];
        liken_result *r = NULL;
        liken_error why;
        fake_descriptor("faceapi", (unsigned)(q * 211), 0.1f, 7, descriptor);
        const liken_search_options o = {.size = sizeof(liken_search_options),
                                        .collection = collection,
                                        .threshold = INFINITY,
                                        .limit = q == 0 ? 10000 : 50};
        assert_ok(liken_search_descriptor(lk, NULL, descriptor, 128, NULL, &o, &r, &why), why);
        for (size_t i = 0; i < r->answers[0].match_count; i++) {
            const liken_match *m = &r->answers[0].matches[i];
            uint32_t distance;
            memcpy(&distance, &m->distance, sizeof distance);
            sum = (sum ^ (uint64_t)m->face_id ^ (uint64_t)m->image << 20 ^ (uint64_t)distance << 32) * 1099511628211u;
        }
        sum = (sum ^ r->answers[0].match_count ^ r->searched << 20) * 1099511628211u;
        liken_result_free(r);
    }
    return sum;
}

/* The same from an index that was built from nothing: a copy of the store alone, without a cache. */
static uint64_t truth(const char *collection) {
    struct sample_folder copy;
    liken *lk = NULL;
    sample_folder_make(&copy);
    char command[256];
    (void)snprintf(command, sizeof command, "cp %s/liken.db* %s/", folder.path, copy.path);
    assert_int_equal(system(command), 0);
    const liken_options o = {.size = sizeof(liken_options), .data = copy.path, .models = "/nowhere"};
    const struct heard before = heard;
    assert_ok(liken_open(&lk, &o, NULL, &err), err);
    assert_int_equal(heard.from_store, heard.faces);
    heard = before;
    const uint64_t sum = answers(lk, collection);
    liken_free(lk);
    sample_folder_remove(&copy);
    return sum;
}

static int set_up(void **state) {
    (void)state;
    fake_version = "1.0";
    liken_set_log(hear, NULL);
    sample_folder_make(&folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    liken_set_log(NULL, NULL);
    sample_folder_remove(&folder);
    return 0;
}

/* ---- the cache of a collection ---- */

static void cache_path(char *path, size_t room, int collection, const char *file) {
    const int n = snprintf(path, room, "%s/index/%d%s%s", folder.path, collection, *file == '\0' ? "" : "/", file);
    assert_true(n > 0 && (size_t)n < room);
}

static bool is_there(int collection, const char *file) {
    char path[256];
    cache_path(path, sizeof path, collection, file);
    return access(path, F_OK) == 0;
}

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void shell(const char *format, ...) {
    char command[512];
    va_list ap;
    va_start(ap, format);
    const int n = vsnprintf(command, sizeof command, format, ap);
    va_end(ap);
    assert_true(n > 0 && (size_t)n < sizeof command);
    assert_int_equal(system(command), 0);
}

/* The name of a sealed segment of a collection's cache. */
static void segment_name(int collection, char *name, size_t room) {
    char path[256];
    cache_path(path, sizeof path, collection, "");
    DIR *d = opendir(path);
    assert_non_null(d);
    *name = '\0';
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (strstr(e->d_name, ".segment") != NULL)
            (void)snprintf(name, room, "%.60s", e->d_name);
    closedir(d);
    assert_true(*name != '\0');
}

/* Nine thousand faces, enough for a sealed segment, and some that were removed; closed. */
static void make_gallery(void) {
    liken *lk = open_gallery();
    for (int i = 0; i < CROWDS; i++)
        (void)add(lk, NULL, i * CROWD, CROWD);
    const int64_t gone = add(lk, NULL, CROWDS * CROWD, 7);
    assert_ok(liken_image_remove(lk, NULL, NULL, gone, &err), err);
    (void)add(lk, NULL, 12000, 30);
    for (const lk_slot *slot = lk->slots; slot != NULL; slot = slot->next)
        lk_index_settle(slot->index); /* sealed, and so saved as a segment */
    liken_free(lk);
}

/* ---- tests ---- */

static void a_start_reads_nothing_again(void **state) {
    (void)state;
    make_gallery();
    const uint64_t right = truth(NULL);
    liken *lk = open_gallery();
    assert_int_equal(heard.ready, 1);
    assert_int_equal(heard.faces, CROWDS * CROWD + 30);
    assert_int_equal(heard.from_store, 0);
    assert_int_equal(heard.anew, 0);
    assert_true(answers(lk, NULL) == right);
    liken_free(lk);
}

static void changes_between_saves_are_read(void **state) {
    (void)state;
    make_gallery();
    for (int round = 0; round < 4; round++) {
        /* a second process: the cache is taken, so what it does is in no cache */
        liken *owner = open_gallery(), *other = open_with((liken_options)LIKEN_OPTIONS_INIT);
        assert_true(heard.memory > 0);
        const int64_t image = add(other, NULL, 20000 + round * 100, 40);
        (void)add(owner, NULL, 30000 + round * 100, 11);
        assert_ok(liken_image_remove(other, NULL, NULL, round % 2 == 0 ? image : 1 + round, &err), err);
        assert_true(answers(owner, NULL) == answers(other, NULL));
        /* the owner ends first half of the times, and then does not know all */
        if (round % 2 == 0)
            liken_free(owner);
        (void)add(other, NULL, 40000 + round * 100, 9);
        if (round % 2 != 0)
            liken_free(owner);
        liken_free(other);
        const uint64_t right = truth(NULL);
        liken *lk = open_gallery();
        assert_in_range(heard.from_store, 9, 60);
        assert_int_equal(heard.anew, 0);
        assert_true(answers(lk, NULL) == right);
        liken_free(lk);
        lk = open_gallery();
        assert_int_equal(heard.from_store, 0);
        assert_true(answers(lk, NULL) == right);
        liken_free(lk);
    }
}

static void collections_keep_their_own_caches(void **state) {
    (void)state;
    liken *lk = open_gallery();
    make_collection(lk, "idle");
    make_collection(lk, "busy");
    make_collection(lk, "empty");
    (void)add(lk, "idle", 1, 10);
    (void)add(lk, "busy", 100, 10);
    liken_free(lk);
    for (int round = 0; round < 6; round++) { /* "idle" falls thousands of faces behind, and is never lost */
        lk = open_gallery();
        assert_int_equal(heard.from_store, 0);
        (void)add(lk, "busy", 1000 * (round + 1), CROWD);
        liken_free(lk);
    }
    const uint64_t idle = truth("idle"), busy = truth("busy");
    lk = open_gallery();
    assert_int_equal(heard.from_store, 0);
    assert_true(answers(lk, "idle") == idle && answers(lk, "busy") == busy);
    (void)add(lk, "empty", 7, 3);
    (void)add(lk, "idle", 70, 3);
    liken_free(lk);
    const uint64_t first = truth("empty"), more = truth("idle");
    lk = open_gallery();
    assert_int_equal(heard.from_store, 0);
    assert_true(answers(lk, "empty") == first && answers(lk, "idle") == more);
    liken_free(lk);
}

static void a_removed_collection_takes_its_cache_along(void **state) {
    (void)state;
    liken *lk = open_gallery();
    make_collection(lk, "a");
    make_collection(lk, "b");
    (void)add(lk, "a", 1, 10);
    (void)add(lk, "b", 1, 10);
    (void)add(lk, NULL, 1, 10);
    liken_free(lk);
    assert_true(is_there(2, "contents") && is_there(3, "contents"));
    lk = open_gallery();
    assert_ok(liken_collection_remove(lk, NULL, "a", &err), err);
    assert_false(is_there(2, ""));
    liken_free(lk);
    assert_false(is_there(2, ""));
    lk = open_with((liken_options){.size = sizeof(liken_options), .no_models = true}); /* has no index */
    assert_ok(liken_collection_remove(lk, NULL, "b", &err), err);
    assert_ok(liken_collection_remove(lk, NULL, "default", &err), err);
    assert_false(is_there(3, "") || is_there(1, ""));
    liken_free(lk);
    lk = open_gallery();
    assert_int_equal(heard.faces, 0);
    (void)add(lk, NULL, 5, 4);
    const uint64_t right = answers(lk, NULL);
    liken_free(lk);
    assert_true(truth(NULL) == right);
    lk = open_gallery();
    assert_true(answers(lk, NULL) == right);
    assert_int_equal(heard.from_store, 0);
    liken_free(lk);
    shell("cp -r %s/index/4 %s/index/77", folder.path, folder.path); /* of a collection that is no more */
    lk = open_gallery();
    assert_false(is_there(77, ""));
    liken_free(lk);
}

static void read_only_uses_the_cache_and_writes_nothing(void **state) {
    (void)state;
    make_gallery();
    const uint64_t right = truth(NULL);
    shell("cp -r %s/index %s/kept", folder.path, folder.path);
    liken *lk = open_with((liken_options){.size = sizeof(liken_options), .read_only = true});
    assert_int_equal(heard.from_store, 0);
    assert_true(answers(lk, NULL) == right);
    liken_free(lk);
    shell("diff -r %s/index %s/kept", folder.path, folder.path);
    shell("rm -r %s/index", folder.path);
    lk = open_with((liken_options){.size = sizeof(liken_options), .read_only = true});
    assert_int_equal(heard.from_store, CROWDS * CROWD + 30);
    assert_true(answers(lk, NULL) == right);
    liken_free(lk);
    char path[256];
    (void)snprintf(path, sizeof path, "%s/index", folder.path);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void a_store_from_a_backup_is_behind_its_cache(void **state) {
    (void)state;
    liken *lk = open_gallery();
    (void)add(lk, NULL, 0, 100);
    liken_free(lk);
    shell("mkdir %s/backup; cp %s/liken.db* %s/backup/", folder.path, folder.path, folder.path);
    lk = open_gallery();
    (void)add(lk, NULL, 500, 50);
    liken_free(lk);
    shell("rm %s/liken.db*; cp %s/backup/liken.db* %s/", folder.path, folder.path, folder.path);
    const uint64_t right = truth(NULL);
    lk = open_gallery();
    assert_int_equal(heard.anew, 1);
    assert_int_equal(heard.faces, 100);
    assert_true(answers(lk, NULL) == right);
    (void)add(lk, NULL, 700, 80); /* ids that the lost faces had */
    const uint64_t after = truth(NULL);
    assert_true(answers(lk, NULL) == after);
    liken_free(lk);
    lk = open_gallery();
    assert_int_equal(heard.from_store, 0);
    assert_true(answers(lk, NULL) == after);
    liken_free(lk);
}

static void a_cache_of_another_past_is_noticed(void **state) {
    (void)state;
    liken *lk = open_gallery();
    (void)add(lk, NULL, 0, 100);
    liken_free(lk);
    shell("mkdir %s/backup; cp %s/liken.db* %s/backup/", folder.path, folder.path, folder.path);
    lk = open_gallery();
    (void)add(lk, NULL, 500, 50);
    liken_free(lk);
    shell("rm %s/liken.db*; mv %s/backup/liken.db* %s/; mv %s/index %s/backup/", folder.path, folder.path, folder.path,
          folder.path, folder.path);
    lk = open_gallery(); /* as many faces as before and then some, but others */
    (void)add(lk, NULL, 700, 50);
    (void)add(lk, NULL, 800, 5);
    liken_free(lk);
    shell("rm -r %s/index; mv %s/backup/index %s/", folder.path, folder.path, folder.path);
    const uint64_t right = truth(NULL);
    lk = open_gallery();
    assert_int_equal(heard.anew, 1);
    assert_true(answers(lk, NULL) == right);
    liken_free(lk);
}

/* ---- damage ---- */

struct findings {
    int notes;
};

static int on_finding(void *ctx, const liken_progress *p) {
    struct findings *f = ctx;
    if (strncmp(p->what, "index", 5) != 0)
        return 0;
    assert_int_not_equal(p->verdict, LIKEN_BAD);
    f->notes += p->verdict == LIKEN_NOTE && strstr(p->message, "delete that folder") != NULL;
    return 0;
}

static int notes_of_the_doctor(void) {
    struct findings f = {0};
    const liken_options o = {
        .size = sizeof(liken_options), .data = folder.path, .models = "/nowhere", .no_models = true};
    const liken_call call = {.size = sizeof call, .progress = on_finding, .ctx = &f};
    assert_int_equal(liken_check(&o, &call, &err), 0);
    return f.notes;
}

static long size_of(const char *path) {
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    return (long)s.st_size;
}

static void flip(const char *path, long at) {
    unsigned char byte;
    const int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x41;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static uint64_t dice_state = 20261124;

static long dice(long below) {
    dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
    return (long)((dice_state >> 33) % (uint64_t)below);
}

enum damage {
    CONTENTS_GONE,
    CONTENTS_EMPTY,
    CONTENTS_CUT,
    CONTENTS_FLIP,
    CONTENTS_NEWER,
    SEGMENT_GONE,
    SEGMENT_CUT,
    SEGMENT_HEAD,
    SEGMENT_FLIP,
    FOREIGN,
    A_FILE,
    KINDS
};

static void spoil(enum damage kind) {
    char contents[256], segment[256], name[64];
    cache_path(contents, sizeof contents, 1, "contents");
    segment_name(1, name, sizeof name);
    cache_path(segment, sizeof segment, 1, name);
    switch (kind) {
    case CONTENTS_GONE:
        assert_int_equal(unlink(contents), 0);
        break;
    case CONTENTS_EMPTY:
        assert_int_equal(truncate(contents, 0), 0);
        break;
    case CONTENTS_CUT:
        assert_int_equal(truncate(contents, 1 + dice(size_of(contents) - 1)), 0);
        break;
    case CONTENTS_FLIP:
        flip(contents, dice(size_of(contents)));
        break;
    case CONTENTS_NEWER:
        flip(contents, 8);
        break; /* its version */
    case SEGMENT_GONE:
        assert_int_equal(unlink(segment), 0);
        break;
    case SEGMENT_CUT:
        assert_int_equal(truncate(segment, dice(size_of(segment))), 0);
        break;
    case SEGMENT_HEAD:
        flip(segment, dice(256));
        break;
    case SEGMENT_FLIP:
        flip(segment, 4096 + dice(size_of(segment) - 4096));
        break;
    case FOREIGN:
        shell("rm -r %s/index/1; cp -r %s/other/index/1 %s/index/1", folder.path, folder.path, folder.path);
        break;
    case A_FILE:
        shell("rm -r %s/index/1; echo no > %s/index/1", folder.path, folder.path);
        break;
    case KINDS:
        break;
    }
}

/* Another store's gallery, whose cache is a foreign one here. */
static void make_other(void) {
    struct sample_folder here = folder;
    shell("mkdir %s/other", folder.path);
    (void)snprintf(folder.path, sizeof folder.path, "%.50s/other", here.path);
    liken *lk = open_gallery();
    for (int i = 0; i <= CROWDS; i++)
        (void)add(lk, NULL, 50000 + i * CROWD, i < CROWDS ? CROWD : 30);
    liken_free(lk);
    folder = here;
}

static void whatever_happened_to_the_cache_answers_are_right(void **state) {
    (void)state;
    make_gallery();
    make_other();
    const uint64_t right = truth(NULL);
    shell("cp -r %s/index %s/kept", folder.path, folder.path);
    int found = 0;
    for (int kind = 0; kind < KINDS; kind++) {
        for (int tries = 0; tries < 3; tries++) {
            shell("rm -r %s/index; cp -r %s/kept %s/index", folder.path, folder.path, folder.path);
            spoil((enum damage)kind);
            if (tries == 0)
                found += notes_of_the_doctor() > 0;
            liken *lk = open_with((liken_options){.size = sizeof(liken_options), .read_only = tries == 1});
            assert_true(answers(lk, NULL) == right);
            assert_true(answers(lk, NULL) == right);
            if (tries != 1) /* what comes then goes into the new index */
                assert_ok(liken_image_remove(lk, NULL, NULL, add(lk, NULL, 60000 + kind * 10 + tries, 2), &err), err);
            liken_free(lk);
            lk = open_gallery();
            assert_true(answers(lk, NULL) == right);
            liken_free(lk);
            if (kind != A_FILE && tries != 1) { /* mended for good */
                lk = open_gallery();
                assert_int_equal(heard.from_store, 0);
                assert_int_equal(heard.anew, 0);
                assert_true(answers(lk, NULL) == right);
                liken_free(lk);
                assert_int_equal(notes_of_the_doctor(), 0);
            }
        }
    }
    assert_in_range(found, KINDS - 3,
                    KINDS); /* an absent cache is no damage; a flipped bit may be one that says nothing */
}

/* ---- two processes, and threads ---- */

/* In a child: adds and removes, then ends, is killed, or ends without closing. */
static void child(int number) {
    liken *lk = open_gallery();
    for (int i = 0;; i++) {
        const int64_t image = add(lk, NULL, 100000 + number * 2000 + i * 50, 40);
        if (i % 3 == 0)
            assert_ok(liken_image_remove(lk, NULL, NULL, image, &err), err);
        if (number % 3 == 0 && i == 10)
            break;
    }
    liken_free(lk);
    _exit(0);
}

static void processes_share_a_gallery(void **state) {
    (void)state;
    make_gallery();
    for (int round = 0; round < 6; round++) {
        pid_t pids[2];
        for (int i = 0; i < 2; i++) {
            pids[i] = fork();
            assert_true(pids[i] >= 0);
            if (pids[i] == 0)
                child(round * 2 + i);
        }
        usleep((useconds_t)(20000 + dice(200000)));
        for (int i = 0; i < 2; i++) {
            if ((round * 2 + i) % 3 != 0)
                (void)kill(pids[i], SIGKILL);
            int status;
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        }
        liken *lk = open_gallery();
        assert_int_equal(heard.anew, 0);
        const uint64_t with_cache = answers(lk, NULL);
        liken_free(lk);
        assert_true(with_cache == truth(NULL));
    }
}

static _Atomic bool enough;

static void *search_on(void *arg) {
    liken *lk = arg;
    while (!enough)
        (void)answers(lk, NULL);
    return NULL;
}

/* A damaged block is found by several searches at once, while another thread adds. */
static void a_damaged_block_is_mended_under_way(void **state) {
    (void)state;
    make_gallery();
    spoil(SEGMENT_FLIP);
    pthread_t threads[3];
    enough = false;
    liken *lk = open_gallery();
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, search_on, lk), 0);
    for (int i = 0; i < 20; i++) {
        const int64_t image = add(lk, NULL, 200000 + i * 30, 20);
        if (i % 2 == 0)
            assert_ok(liken_image_remove(lk, NULL, NULL, image, &err), err);
    }
    enough = true;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    const uint64_t sum = answers(lk, NULL);
    liken_free(lk);
    assert_true(sum == truth(NULL));
    lk = open_gallery();
    assert_true(answers(lk, NULL) == sum);
    liken_free(lk);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_start_reads_nothing_again),
        T(changes_between_saves_are_read),
        T(collections_keep_their_own_caches),
        T(a_removed_collection_takes_its_cache_along),
        T(read_only_uses_the_cache_and_writes_nothing),
        T(a_store_from_a_backup_is_behind_its_cache),
        T(a_cache_of_another_past_is_noticed),
        T(whatever_happened_to_the_cache_answers_are_right),
        T(processes_share_a_gallery),
        T(a_damaged_block_is_mended_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
