/* What was acknowledged survives kill -9, and nothing is half there; and several processes write one store at once. */
#include "unit/test.h"

#include "base/error.h"
#include "unit/store/sample.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 20
#define THREADS 4
#define FACES 2

static struct sample_folder folder;
static liken_error err;

static int set_up(void **state) {
    (void)state;
    sample_folder_make(&folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sample_folder_remove(&folder);
    return 0;
}

static lk_store *open_store(void) {
    lk_store *s;
    assert_ok(lk_store_open_sqlite(&s, folder.path, false, &err), err);
    return s;
}

static int64_t collection_of(lk_store *s) {
    liken_collection *c;
    assert_ok(s->ops->collections->get(s, "a", &c, &err), err);
    const int64_t id = c->id;
    liken_collection_free(c);
    return id;
}

static void no_finding(void *ctx, const char *what, liken_verdict verdict, const char *message) {
    (void)ctx;
    if (verdict == LIKEN_BAD)
        fail_msg("%s: %s", what, message);
}

/* Every image of the store is whole, and the store finds nothing wrong with itself. */
static int64_t check_whole(lk_store *s) {
    int bad = -1;
    assert_ok(s->ops->check(s, no_finding, NULL, &bad, &err), err);
    assert_int_equal(bad, 0);
    int64_t count = 0;
    liken_list_options o = {.limit = 1000};
    do {
        liken_image_list *list;
        assert_ok(s->ops->images->list(s, collection_of(s), &o, &list, &err), err);
        for (size_t i = 0; i < list->count; i++) {
            assert_int_equal(list->images[i]->face_count, FACES);
            assert_int_equal(list->images[i]->refused_count, 1);
            assert_int_equal(list->images[i]->tag_count, 2);
        }
        count += (int64_t)list->count;
        o.after = list->next;
        liken_image_list_free(list);
    } while (o.after != 0);
    return count;
}

/* ---- kill -9 ---- */

struct adder {
    pthread_t thread;
    lk_store *store;
    int64_t collection;
    unsigned first;
    int acks;
};

/* In the child: adds for ever and tells the parent of each photo that was acknowledged. */
static void *add_for_ever(void *arg) {
    struct adder *a = arg;
    for (unsigned i = 0;; i++) {
        const unsigned seed = a->first + i;
        liken_image *image = sample_image(seed, FACES), *existing = NULL;
        if (a->store->ops->images->add(a->store, a->collection, image, false, &existing, NULL) != LIKEN_OK)
            _exit(3);
        liken_image_free(image);
        liken_image_free(existing);
        if (write(a->acks, &seed, sizeof seed) != (ssize_t)sizeof seed)
            _exit(4);
    }
    return NULL;
}

static _Noreturn void child_adds(int acks, unsigned first) {
    struct adder a[THREADS];
    lk_store *s;
    liken_collection *c;
    if (lk_store_open_sqlite(&s, folder.path, false, NULL) != LIKEN_OK ||
        s->ops->collections->get(s, "a", &c, NULL) != LIKEN_OK)
        _exit(2);
    for (unsigned i = 0; i < THREADS; i++) {
        a[i] = (struct adder){.store = s, .collection = c->id, .first = first + 100000 * i, .acks = acks};
        if (pthread_create(&a[i].thread, NULL, add_for_ever, &a[i]) != 0)
            _exit(2);
    }
    for (;;)
        pause();
}

static unsigned next(unsigned *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void wait_about(unsigned microseconds) {
    (void)nanosleep(&(struct timespec){.tv_nsec = 1000 * (long)microseconds}, NULL);
}

static void expect_kill(pid_t child) {
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        fail_msg("the child ended by itself, status %d", status);
}

/* Reads acknowledgements until the child is dead and the pipe empty; kills it a random while after the first. */
static size_t kill_while_adding(unsigned first, unsigned delay, unsigned *acked, size_t room) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        child_adds(ends[1], first);
    }
    (void)close(ends[1]);
    size_t count = 0;
    while (count < room && read(ends[0], &acked[count], sizeof *acked) == (ssize_t)sizeof *acked) {
        if (count++ == 0) {
            wait_about(delay);
            assert_int_equal(kill(child, SIGKILL), 0);
        }
    }
    expect_kill(child);
    (void)close(ends[0]);
    return count;
}

static void acknowledged_photos_survive_kill(void **state) {
    (void)state;
    static unsigned acked[100000];
    unsigned random = 12345;
    lk_store *s = open_store();
    (void)sample_collection(s, "a", SAMPLE_MODEL, LIKEN_NORMALIZED);
    s->ops->close(s);
    int64_t all = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        const size_t count = kill_while_adding(1000000 * round, next(&random) % 40000, acked, LK_LENGTH(acked));
        assert_true(count > 0);
        s = open_store();
        const int64_t c = collection_of(s);
        for (size_t i = 0; i < count; i++) {
            liken_image *want = sample_image(acked[i], FACES), *got = NULL;
            assert_ok(s->ops->images->find(s, c, want->sha256, &got, &err), err);
            assert_string_equal(got->file, want->file);
            assert_int_equal(got->face_count, FACES);
            liken_image_free(got);
            liken_image_free(want);
        }
        const int64_t now = check_whole(s);
        assert_true(now >= all + (int64_t)count);
        all = now;
        s->ops->close(s);
    }
}

static void a_kill_while_the_store_is_made_leaves_one_that_opens(void **state) {
    (void)state;
    unsigned random = 777;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct sample_folder outer = folder;
        sample_folder_make(&folder);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            lk_store *s;
            if (lk_store_open_sqlite(&s, folder.path, false, NULL) != LIKEN_OK)
                _exit(2);
            for (;;)
                pause();
        }
        wait_about(next(&random) % 8000);
        assert_int_equal(kill(child, SIGKILL), 0);
        expect_kill(child);
        lk_store *s = open_store();
        (void)sample_collection(s, "a", SAMPLE_MODEL, LIKEN_NORMALIZED);
        assert_int_equal(check_whole(s), 0);
        s->ops->close(s);
        sample_folder_remove(&folder);
        folder = outer;
    }
}

/* ---- two processes ---- */

#define EACH 60

/* Adds photos of its own and, every second one, one that the other processes add as well. */
static int add_some(lk_store *s, int64_t c, unsigned number) {
    int failed = 0;
    for (unsigned i = 0; i < EACH; i++) {
        liken_image *image = sample_image(i % 2 == 0 ? i : 1000 * number + i, FACES), *existing = NULL;
        failed += s->ops->images->add(s, c, image, false, &existing, NULL) != LIKEN_OK;
        liken_image_free(existing);
        liken_image_free(image);
    }
    return failed;
}

static _Noreturn void child_writes(unsigned number) {
    lk_store *s;
    liken_collection *c = NULL;
    if (lk_store_open_sqlite(&s, folder.path, false, NULL) != LIKEN_OK)
        _exit(2);
    liken_collection wanted = {.name = strdup("a"),
                               .model = strdup(SAMPLE_MODEL),
                               .dimension = SAMPLE_DIMENSION,
                               .threshold = 0.5f,
                               .created_at = 1};
    const int made = s->ops->collections->create(s, &wanted, NULL); /* one of the processes is first */
    if ((made != LIKEN_OK && made != LIKEN_E_CONFLICT) || s->ops->collections->get(s, "a", &c, NULL) != LIKEN_OK)
        _exit(3);
    const int failed = add_some(s, c->id, number);
    s->ops->close(s);
    _exit(failed == 0 ? 0 : 4);
}

struct reader {
    int64_t last, count;
};

static int hear(void *ctx, const lk_store_vector *v) {
    struct reader *r = ctx;
    if (v->id <= r->last)
        return LIKEN_E_INTERNAL;
    r->last = v->id;
    r->count++;
    return LIKEN_OK;
}

/* A reader that only ever asks for what is newer than the last face it saw misses nothing, whoever commits. */
static void several_processes_write_at_once(void **state) {
    (void)state;
    pid_t children[3];
    for (unsigned i = 0; i < LK_LENGTH(children); i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            child_writes(i + 1);
    }
    lk_store *s = open_store();
    struct reader r = {0};
    for (size_t running = LK_LENGTH(children); running > 0;) {
        int status;
        const pid_t ended = waitpid(-1, &status, WNOHANG);
        if (ended > 0) {
            assert_true(WIFEXITED(status));
            assert_int_equal(WEXITSTATUS(status), 0);
            running--;
        }
        assert_ok(s->ops->feed->vectors_after(s, r.last, hear, &r, &err), err);
    }
    assert_ok(s->ops->feed->vectors_after(s, r.last, hear, &r, &err), err);
    const int64_t images = check_whole(s);
    assert_int_equal(images, EACH / 2 + EACH / 2 * (int)LK_LENGTH(children));
    assert_int_equal(r.count, images * FACES);
    s->ops->close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(acknowledged_photos_survive_kill),
        T(a_kill_while_the_store_is_made_leaves_one_that_opens),
        T(several_processes_write_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
