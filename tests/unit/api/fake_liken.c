#include "fake_liken.h"

#include "base/crypto.h"
#include "base/error.h"
#include "gallery/inside.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define IMAGES 256
#define NAMES 8

struct stored {
    int64_t id;
    char collection[65], hash[65];
    char *image_id, *file, *tag;
    int64_t captured_at;
    char names[NAMES][32];
    int64_t faces[NAMES];
    int count;
};

struct liken {
    pthread_mutex_t lock;
    pthread_cond_t released;
    struct stored images[IMAGES];
    int image_count;
    char collections[16][65];
    liken_metric metrics[16];
    int collection_count;
    int64_t next_face;
};

/* It has none: keys are in a file. */
struct lk_store *lk_gallery_store(liken *lk) {
    (void)lk;
    return NULL;
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool held, broken;
static int waiting;

static void set(bool *what, bool value) {
    pthread_mutex_lock(&gate);
    *what = value;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&gate);
}

void fake_hold(void) {
    set(&held, true);
}

void fake_release(void) {
    set(&held, false);
}

void fake_break(bool value) {
    set(&broken, value);
}

int fake_waiting(void) {
    pthread_mutex_lock(&gate);
    const int n = waiting;
    pthread_mutex_unlock(&gate);
    return n;
}

static int pass_gate(liken_error *err) {
    pthread_mutex_lock(&gate);
    waiting++;
    while (held)
        pthread_cond_wait(&opened, &gate);
    waiting--;
    const bool failing = broken;
    pthread_mutex_unlock(&gate);
    return failing ? lk_fail(err, LIKEN_E_STORE, "The fake store is broken.") : LIKEN_OK;
}

static char *copy(const char *text) {
    return text == NULL ? NULL : strdup(text);
}

/* ---- opening ---- */

int liken_open(liken **out, const liken_options *options, const liken_call *call, liken_error *err) {
    (void)call;
    (void)options;
    liken *lk = calloc(1, sizeof *lk);
    if (lk == NULL)
        return lk_fail_memory(err);
    pthread_mutex_init(&lk->lock, NULL);
    memcpy(lk->collections[0], "default", 8);
    lk->collection_count = 1;
    lk->next_face = 1;
    *out = lk;
    return LIKEN_OK;
}

static void drop_image(struct stored *s) {
    free(s->image_id);
    free(s->file);
    free(s->tag);
    *s = (struct stored){0};
}

void liken_free(liken *lk) {
    for (int i = 0; lk != NULL && i < lk->image_count; i++)
        drop_image(&lk->images[i]);
    free(lk);
}

int liken_get_state(liken *lk, const liken_call *call, liken_state **out, liken_error *err) {
    (void)call;
    const int rc = pass_gate(err);
    if (rc != LIKEN_OK)
        return rc;
    liken_state *s = calloc(1, sizeof *s);
    s->version = "0.1.0";
    s->pack = copy("fake");
    s->model = copy("fake-2");
    s->detector = copy("words");
    s->cpu = copy("scalar");
    s->store = copy("memory");
    s->data = copy("");
    s->store_id = copy("0");
    pthread_mutex_lock(&lk->lock);
    s->collections = lk->collection_count;
    for (int i = 0; i < lk->image_count; i++)
        s->images += lk->images[i].id != 0;
    pthread_mutex_unlock(&lk->lock);
    *out = s;
    return LIKEN_OK;
}

void liken_state_free(liken_state *s) {
    if (s == NULL)
        return;
    free(s->pack);
    free(s->model);
    free(s->detector);
    free(s->cpu);
    free(s->store);
    free(s->data);
    free(s->store_id);
    free(s);
}

/* ---- collections ---- */

static int find_collection(const liken *lk, const char *name) {
    for (int i = 0; i < lk->collection_count; i++)
        if (strcmp(lk->collections[i], name) == 0)
            return i;
    return -1;
}

static int no_collection(const char *name, liken_error *err) {
    return lk_fail(err, LIKEN_E_NOT_FOUND, "There is no collection \"%s\".", name);
}

static liken_collection *collection_at(const liken *lk, int i) {
    liken_collection *c = calloc(1, sizeof *c);
    c->id = i + 1;
    c->name = copy(lk->collections[i]);
    c->model = copy("fake-2");
    c->dimension = 2;
    c->metric = lk->metrics[i];
    c->threshold = 0.6f;
    c->created_at = 1700000000;
    return c;
}

void liken_collection_free(liken_collection *c) {
    if (c == NULL)
        return;
    free(c->name);
    free(c->model);
    free(c);
}

int liken_collection_create(liken *lk, const liken_call *call, const char *name, const char *pack, liken_metric metric,
                            liken_search search, liken_collection **out, liken_error *err) {
    (void)call;
    if (search > LIKEN_SEARCH_MEMORY)
        return lk_fail(err, LIKEN_E_UNSUPPORTED, "The fake compares faces in memory.");
    if (strchr(name, '/') != NULL || *name == '.' || *name == '\0')
        return lk_fail(err, LIKEN_E_ARG, "\"%s\" is no name for a collection.", name);
    if (pack != NULL && strcmp(pack, "fake") != 0)
        return lk_fail(err, LIKEN_E_MODEL, "The pack \"%s\" is not installed.", pack);
    pthread_mutex_lock(&lk->lock);
    const bool exists = find_collection(lk, name) >= 0, room = lk->collection_count < 16;
    if (!exists && room) {
        strncpy(lk->collections[lk->collection_count], name, 64);
        lk->metrics[lk->collection_count] = metric;
        *out = collection_at(lk, lk->collection_count++);
    }
    pthread_mutex_unlock(&lk->lock);
    return exists ? lk_fail(err, LIKEN_E_CONFLICT, "\"%s\" exists.", name)
           : room ? LIKEN_OK
                  : lk_fail(err, LIKEN_E_TOO_LARGE, "The fake holds no more.");
}

int liken_collection_set_search(liken *lk, const liken_call *call, const char *name, liken_search search,
                                liken_collection **out, liken_error *err) {
    (void)call;
    if (search > LIKEN_SEARCH_MEMORY)
        return lk_fail(err, LIKEN_E_UNSUPPORTED, "The fake compares faces in memory.");
    const int rc = liken_collection_get(lk, NULL, name, out, err);
    if (rc == LIKEN_OK)
        (*out)->search = search;
    return rc;
}

int liken_collection_get(liken *lk, const liken_call *call, const char *name, liken_collection **out,
                         liken_error *err) {
    (void)call;
    pthread_mutex_lock(&lk->lock);
    const int i = find_collection(lk, name);
    if (i >= 0)
        *out = collection_at(lk, i);
    pthread_mutex_unlock(&lk->lock);
    return i >= 0 ? LIKEN_OK : no_collection(name, err);
}

int liken_collection_list(liken *lk, const liken_call *call, liken_collection ***out, size_t *count, liken_error *err) {
    (void)call;
    (void)err;
    pthread_mutex_lock(&lk->lock);
    *count = (size_t)lk->collection_count;
    *out = calloc(*count, sizeof **out);
    for (int i = 0; i < lk->collection_count; i++)
        (*out)[i] = collection_at(lk, i);
    pthread_mutex_unlock(&lk->lock);
    return LIKEN_OK;
}

void liken_collections_free(liken_collection **list, size_t count) {
    for (size_t i = 0; i < count; i++)
        liken_collection_free(list[i]);
    free(list);
}

int liken_collection_remove(liken *lk, const liken_call *call, const char *name, liken_error *err) {
    (void)call;
    pthread_mutex_lock(&lk->lock);
    const int i = find_collection(lk, name);
    for (int k = 0; k < lk->image_count; k++)
        if (strcmp(lk->images[k].collection, name) == 0)
            drop_image(&lk->images[k]);
    if (i > 0)
        memcpy(lk->collections[i], lk->collections[--lk->collection_count], sizeof lk->collections[0]);
    pthread_mutex_unlock(&lk->lock);
    return i >= 0 ? LIKEN_OK : no_collection(name, err);
}

/* ---- photos ---- */

/* The names in a photo; a negative status when it is none. */
static int read_photo(const void *bytes, size_t size, char names[NAMES][32], liken_error *err) {
    char text[512];
    if (size >= sizeof text)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The photo has too many pixels.");
    memcpy(text, bytes, size);
    text[size] = '\0';
    if (strncmp(text, "DAMAGED", 7) == 0)
        return lk_fail(err, LIKEN_E_DECODE, "The image is damaged.");
    if (strncmp(text, "FACES", 5) != 0)
        return lk_fail(err, LIKEN_E_FORMAT, "This is not an image that liken reads.");
    int n = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text + 5, " ", &rest); word != NULL && n < NAMES; word = strtok_r(NULL, " ", &rest))
        strncpy(names[n++], word, 31);
    return n;
}

static liken_face face_of(const char *name, int64_t id, int i) {
    return (liken_face){.id = id,
                        .box = {10.5f + (float)i, 20, 30, 40},
                        .confidence = 0.9f,
                        .quality = {.size = 40, .score = 0.5f},
                        .reason = strcmp(name, "tiny") == 0 ? LIKEN_TOO_SMALL : LIKEN_KEPT};
}

static liken_image *image_of(const struct stored *s) {
    liken_image *image = calloc(1, sizeof *image);
    image->id = s->id;
    image->collection = s->id != 0 ? copy(s->collection) : NULL;
    image->image_id = copy(s->image_id);
    image->file = copy(s->file);
    image->captured_at = s->captured_at;
    image->added_at = 1700000000;
    memcpy(image->sha256, s->hash, sizeof s->hash);
    image->width = 640;
    image->height = 480;
    image->model = copy("fake-2");
    image->detector = copy("words");
    image->tags = calloc(1, sizeof *image->tags);
    if (s->tag != NULL)
        image->tags[image->tag_count++] = copy(s->tag);
    image->faces = calloc(NAMES, sizeof *image->faces);
    image->refused = calloc(NAMES, sizeof *image->refused);
    for (int i = 0; i < s->count; i++) {
        const liken_face f = face_of(s->names[i], s->faces[i], i);
        if (f.reason == LIKEN_KEPT)
            image->faces[image->face_count++] = f;
        else
            image->refused[image->refused_count++] = f;
    }
    return image;
}

void liken_image_free(liken_image *image) {
    if (image == NULL)
        return;
    for (size_t i = 0; i < image->tag_count; i++)
        free(image->tags[i]);
    for (size_t i = 0; i < image->face_count; i++)
        free(image->faces[i].descriptor);
    free(image->tags);
    free(image->faces);
    free(image->refused);
    free(image->collection);
    free(image->image_id);
    free(image->file);
    free(image->model);
    free(image->detector);
    free(image);
}

static struct stored *by_hash(liken *lk, const char *collection, const char *hash) {
    for (int i = 0; i < lk->image_count; i++)
        if (strcmp(lk->images[i].collection, collection) == 0 && strcmp(lk->images[i].hash, hash) == 0)
            return &lk->images[i];
    return NULL;
}

static struct stored *store_photo(liken *lk, const liken_add_options *o, struct stored photo) {
    struct stored *s = &lk->images[lk->image_count++];
    *s = photo;
    s->id = lk->image_count;
    s->image_id = copy(o->image_id);
    s->file = copy(o->file);
    s->tag = copy(o->tag_count > 0 ? o->tags[0] : NULL);
    s->captured_at = o->captured_at;
    for (int i = 0; i < s->count; i++)
        s->faces[i] = strcmp(s->names[i], "tiny") == 0 ? 0 : lk->next_face++;
    return s;
}

int liken_add(liken *lk, const liken_call *call, const void *bytes, size_t size, const liken_add_options *o,
              liken_image **out, liken_error *err) {
    (void)call;
    struct stored photo = {0};
    int rc = pass_gate(err);
    if (rc == LIKEN_OK)
        rc = photo.count = read_photo(bytes, size, photo.names, err);
    if (rc < 0)
        return rc;
    if (o->require_face && photo.count == 0)
        return lk_fail(err, LIKEN_E_NO_FACE, "There is no face in the photo.");
    strncpy(photo.collection, o->collection != NULL ? o->collection : "default", 64);
    lk_sha256_hex(bytes, size, photo.hash);
    pthread_mutex_lock(&lk->lock);
    const bool known = find_collection(lk, photo.collection) >= 0;
    struct stored *s = by_hash(lk, photo.collection, photo.hash);
    const bool existed = s != NULL;
    if (known && !existed && lk->image_count < IMAGES)
        s = store_photo(lk, o, photo);
    if (known && s != NULL) {
        *out = image_of(s);
        (*out)->existed = existed;
    }
    pthread_mutex_unlock(&lk->lock);
    if (known && s == NULL)
        return lk_fail(err, LIKEN_E_FULL, "There is no room for more than %d images.", IMAGES);
    return known ? LIKEN_OK : no_collection(photo.collection, err);
}

int liken_detect(liken *lk, const liken_call *call, const void *bytes, size_t size, const liken_detect_options *o,
                 liken_image **out, liken_error *err) {
    (void)call;
    (void)lk;
    struct stored photo = {0};
    int rc = pass_gate(err);
    if (rc == LIKEN_OK)
        rc = photo.count = read_photo(bytes, size, photo.names, err);
    if (rc < 0)
        return rc;
    lk_sha256_hex(bytes, size, photo.hash);
    *out = image_of(&photo);
    for (size_t i = 0; o->describe && i < (*out)->face_count; i++) {
        (*out)->faces[i].descriptor = calloc(2, sizeof(float));
        (*out)->faces[i].dimension = 2;
    }
    return LIKEN_OK;
}

/* ---- searching ---- */

static void match_all(const liken *lk, const liken_search_options *o, const char *name, int64_t except,
                      liken_answer *a) {
    a->matches = calloc((size_t)IMAGES * NAMES, sizeof *a->matches); /* an image may hold several */
    const size_t limit = o->limit > 0 ? (size_t)o->limit : 20;
    for (int i = 0; i < lk->image_count; i++) {
        const struct stored *s = &lk->images[i];
        if (s->id == 0 || strcmp(s->collection, o->collection != NULL ? o->collection : "default") != 0)
            continue;
        if (o->tag_count > 0 && (s->tag == NULL || strcmp(s->tag, o->tags[0]) != 0))
            continue;
        for (int k = 0; k < s->count; k++) {
            const bool same = strcmp(s->names[k], name) == 0;
            const float threshold = o->threshold > 0 ? o->threshold : 0.6f;
            if (s->faces[k] == 0 || s->faces[k] == except || (!same && threshold < 1) || a->match_count == limit)
                continue;
            a->matches[a->match_count++] = (liken_match){.face_id = s->faces[k],
                                                         .image = s->id,
                                                         .image_id = copy(s->image_id),
                                                         .file = copy(s->file),
                                                         .image_width = 640,
                                                         .image_height = 480,
                                                         .distance = same ? 0 : 1,
                                                         .similarity = same ? 1 : 0};
        }
    }
}

static void add_photo(liken_result *r) {
    r->photos = realloc(r->photos, (r->photo_count + 1) * sizeof *r->photos);
    r->photos[r->photo_count++] = (liken_query_photo){.width = 640, .height = 480};
}

static liken_result *result_of(const liken_search_options *o, size_t answers) {
    liken_result *r = calloc(1, sizeof *r);
    r->exact = true;
    r->recall = 1;
    r->searched = 42;
    r->threshold = o->threshold > 0 ? o->threshold : 0.6f;
    r->collection = copy(o->collection != NULL ? o->collection : "default");
    r->model = copy("fake-2");
    r->answers = calloc(answers + 1, sizeof *r->answers);
    r->answer_count = answers;
    return r;
}

void liken_result_free(liken_result *r) {
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->answer_count; i++) {
        for (size_t k = 0; k < r->answers[i].match_count; k++) {
            free(r->answers[i].matches[k].image_id);
            free(r->answers[i].matches[k].file);
        }
        free(r->answers[i].matches);
    }
    free(r->answers);
    free(r->photos);
    free(r->collection);
    free(r->model);
    free(r->detector);
    free(r);
}

/* By the first. */
int liken_search_photos(liken *lk, const liken_call *call, const liken_photo *photos, size_t count,
                        const liken_search_options *o, liken_result **out, liken_error *err) {
    (void)call;
    const int rc = liken_search_photo(lk, NULL, photos[0].bytes, photos[0].size, o, out, err);
    for (size_t i = 1; rc == LIKEN_OK && i < count; i++)
        add_photo(*out);
    return rc;
}

int liken_search_photo(liken *lk, const liken_call *call, const void *bytes, size_t size, const liken_search_options *o,
                       liken_result **out, liken_error *err) {
    (void)call;
    char names[NAMES][32] = {{0}};
    int rc = pass_gate(err);
    const int n = rc != LIKEN_OK ? rc : read_photo(bytes, size, names, err);
    if (n < 0)
        return n;
    pthread_mutex_lock(&lk->lock);
    if (o->collection != NULL && find_collection(lk, o->collection) < 0)
        rc = no_collection(o->collection, err);
    if (rc == LIKEN_OK) {
        *out = result_of(o, (size_t)n);
        (*out)->detector = copy("words");
        add_photo(*out);
        for (int i = 0; i < n; i++) {
            (*out)->answers[i].face = face_of(names[i], 0, i);
            match_all(lk, o, names[i], 0, &(*out)->answers[i]);
        }
    }
    pthread_mutex_unlock(&lk->lock);
    return rc;
}

static const struct stored *holder(const liken *lk, int64_t face, int *k) {
    for (int i = 0; i < lk->image_count; i++)
        for (*k = 0; *k < lk->images[i].count; ++*k)
            if (lk->images[i].id != 0 && lk->images[i].faces[*k] == face)
                return &lk->images[i];
    return NULL;
}

int liken_search_face(liken *lk, const liken_call *call, int64_t face, const liken_search_options *o,
                      liken_result **out, liken_error *err) {
    (void)call;
    int k = 0;
    pthread_mutex_lock(&lk->lock);
    const struct stored *s = holder(lk, face, &k);
    if (s != NULL) {
        *out = result_of(o, 1);
        (*out)->answers[0].face = face_of(s->names[k], face, k);
        match_all(lk, o, s->names[k], face, &(*out)->answers[0]);
    }
    pthread_mutex_unlock(&lk->lock);
    return s != NULL ? LIKEN_OK : lk_fail(err, LIKEN_E_NOT_FOUND, "There is no face %lld.", (long long)face);
}

int liken_search_descriptor(liken *lk, const liken_call *call, const float *descriptor, size_t dimension,
                            const char *model, const liken_search_options *o, liken_result **out, liken_error *err) {
    (void)call;
    (void)lk;
    (void)descriptor;
    if (dimension != 2)
        return lk_fail(err, LIKEN_E_ARG, "A descriptor here has 2 numbers, not %zu.", dimension);
    if (model != NULL && strcmp(model, "fake-2") != 0)
        return lk_fail(err, LIKEN_E_MISMATCH, "The collection's model is fake-2, not %s.", model);
    *out = result_of(o, 1);
    return LIKEN_OK;
}

int liken_compare(liken *lk, const liken_call *call, const void *a, size_t a_size, const void *b, size_t b_size,
                  const char *collection, liken_comparison **out, liken_error *err) {
    (void)call;
    (void)collection;
    const liken_detect_options o = LIKEN_DETECT_INIT;
    liken_image *one = NULL, *two = NULL;
    int rc = liken_detect(lk, NULL, a, a_size, &o, &one, err);
    if (rc == LIKEN_OK)
        rc = liken_detect(lk, NULL, b, b_size, &o, &two, err);
    if (rc != LIKEN_OK) {
        liken_image_free(one);
        return rc;
    }
    liken_comparison *c = calloc(1, sizeof *c);
    c->a = one;
    c->b = two;
    c->distances = calloc(one->face_count * two->face_count + 1, sizeof *c->distances);
    const bool both = one->face_count > 0 && two->face_count > 0;
    c->distance = both ? 0 : INFINITY;
    c->best_a = c->best_b = both ? 0 : -1;
    c->threshold = 0.6f;
    c->same = both;
    *out = c;
    return LIKEN_OK;
}

void liken_comparison_free(liken_comparison *c) {
    if (c == NULL)
        return;
    liken_image_free(c->a);
    liken_image_free(c->b);
    free(c->distances);
    free(c);
}

/* ---- reading and removing ---- */

int liken_list(liken *lk, const liken_call *call, const liken_list_options *o, liken_image_list **out,
               liken_error *err) {
    (void)call;
    pthread_mutex_lock(&lk->lock);
    if (find_collection(lk, o->collection) < 0) {
        pthread_mutex_unlock(&lk->lock);
        return no_collection(o->collection, err);
    }
    liken_image_list *l = calloc(1, sizeof *l);
    l->images = calloc(IMAGES, sizeof(liken_image *));
    for (int i = 0; i < lk->image_count; i++) {
        const struct stored *s = &lk->images[i];
        if (s->id <= o->after || strcmp(s->collection, o->collection) != 0)
            continue;
        if (o->image_id != NULL && (s->image_id == NULL || strcmp(s->image_id, o->image_id) != 0))
            continue;
        if (l->count == (size_t)o->limit) {
            l->next = l->images[l->count - 1]->id;
            break;
        }
        l->images[l->count++] = image_of(s);
    }
    pthread_mutex_unlock(&lk->lock);
    *out = l;
    return LIKEN_OK;
}

void liken_image_list_free(liken_image_list *l) {
    for (size_t i = 0; l != NULL && i < l->count; i++)
        liken_image_free(l->images[i]);
    if (l != NULL)
        free(l->images);
    free(l);
}

static struct stored *by_id(liken *lk, const char *collection, int64_t id) {
    struct stored *s = id > 0 && id <= lk->image_count ? &lk->images[id - 1] : NULL;
    return s != NULL && s->id != 0 && (collection == NULL || strcmp(s->collection, collection) == 0) ? s : NULL;
}

static int no_image(int64_t id, liken_error *err) {
    return lk_fail(err, LIKEN_E_NOT_FOUND, "There is no image %lld.", (long long)id);
}

int liken_image_get(liken *lk, const liken_call *call, const char *collection, int64_t id, liken_image **out,
                    liken_error *err) {
    (void)call;
    pthread_mutex_lock(&lk->lock);
    const struct stored *s = by_id(lk, collection, id);
    if (s != NULL)
        *out = image_of(s);
    pthread_mutex_unlock(&lk->lock);
    return s != NULL ? LIKEN_OK : no_image(id, err);
}

int liken_image_remove(liken *lk, const liken_call *call, const char *collection, int64_t id, liken_error *err) {
    (void)call;
    pthread_mutex_lock(&lk->lock);
    struct stored *s = by_id(lk, collection, id);
    if (s != NULL)
        drop_image(s);
    pthread_mutex_unlock(&lk->lock);
    return s != NULL ? LIKEN_OK : no_image(id, err);
}

static bool lies_in(const struct stored *s, const char *collection) {
    return collection == NULL || strcmp(s->collection, collection) == 0;
}

int liken_face_get(liken *lk, const liken_call *call, const char *collection, int64_t face, liken_face **out,
                   int64_t *image, liken_error *err) {
    (void)call;
    int k = 0;
    pthread_mutex_lock(&lk->lock);
    const struct stored *s = holder(lk, face, &k);
    if (s != NULL && !lies_in(s, collection))
        s = NULL;
    if (s != NULL) {
        *out = calloc(1, sizeof **out);
        **out = face_of(s->names[k], face, k);
        if (image != NULL)
            *image = s->id;
    }
    pthread_mutex_unlock(&lk->lock);
    return s != NULL ? LIKEN_OK : lk_fail(err, LIKEN_E_NOT_FOUND, "There is no face %lld.", (long long)face);
}

void liken_face_free(liken_face *f) {
    free(f);
}

int liken_face_remove(liken *lk, const liken_call *call, const char *collection, int64_t face, liken_error *err) {
    (void)call;
    int k = 0;
    pthread_mutex_lock(&lk->lock);
    struct stored *s = (struct stored *)holder(lk, face, &k);
    if (s != NULL && !lies_in(s, collection))
        s = NULL;
    if (s != NULL)
        s->faces[k] = 0;
    pthread_mutex_unlock(&lk->lock);
    return s != NULL ? LIKEN_OK : lk_fail(err, LIKEN_E_NOT_FOUND, "There is no face %lld.", (long long)face);
}
