/* pack.json: what is accepted comes back the same, and each rule refuses with a sentence that names the key. */
#include "unit/test.h"

#include "base/buf.h"
#include "packs/pack.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SHA_OF_HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static char *known_text(const char *name, size_t *size) {
    liken_error err = {0};
    char *text = NULL;
    assert_non_null(lk_known_find(name));
    assert_ok(lk_pack_write(&lk_known_find(name)->pack, &text, size, &err), err);
    return text;
}

static void known_packs_come_back_the_same(void **state) {
    (void)state;
    size_t count = 0;
    const lk_known_pack *known = lk_known_all(&count);
    for (size_t i = 0; i < count; i++) {
        liken_error err = {0};
        lk_pack *pack = NULL;
        size_t size = 0, again_size = 0;
        char *text = known_text(known[i].pack.name, &size), *again = NULL;
        assert_ok(lk_pack_parse(&pack, text, size, &err), err);
        const lk_pack_descriptor *d = &pack->descriptor, *e = &known[i].pack.descriptor;
        assert_true(d->dimension == e->dimension && d->chip == e->chip && d->alignment == e->alignment);
        assert_true(d->padding == e->padding && d->scale == e->scale && d->mirror == e->mirror);
        assert_memory_equal(d->mean, e->mean, sizeof d->mean);
        assert_true(d->placed == e->placed);
        assert_memory_equal(d->places, e->places, sizeof d->places);
        assert_memory_equal(&d->normalized, &e->normalized, sizeof d->normalized);
        assert_memory_equal(&d->l2, &e->l2, sizeof d->l2);
        assert_int_equal(pack->file_count, known[i].pack.file_count);
        assert_int_equal(pack->sample_count, known[i].pack.sample_count);
        assert_int_equal(pack->network_count, known[i].pack.network_count);
        assert_ok(lk_pack_write(pack, &again, &again_size, &err), err);
        assert_string_equal(text, again);
        free(text);
        free(again);
        lk_pack_free(pack);
    }
}

/* The value at a path like "networks.0.kind". */
static json_t *walk(json_t *at, const char *path, char *last, size_t room) {
    char part[64];
    const char *dot = NULL;
    for (; (dot = strchr(path, '.')) != NULL; path = dot + 1) {
        (void)snprintf(part, sizeof part, "%.*s", (int)(dot - path), path);
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(part)) : json_object_get(at, part);
        assert_non_null(at);
    }
    (void)snprintf(last, room, "%s", path);
    return at;
}

/* A known pack's pack.json with one value replaced (NULL: removed). */
static int parse_changed_of(const char *pack_name, const char *path, const char *value, liken_error *err) {
    size_t size = 0;
    LK_FREE char *text = known_text(pack_name, &size);
    json_t *root = json_loads(text, 0, NULL);
    char last[64];
    json_t *parent = walk(root, path, last, sizeof last);
    if (value == NULL)
        assert_int_equal(json_object_del(parent, last), 0);
    else if (json_is_array(parent))
        assert_int_equal(json_array_set_new(parent, (size_t)atoi(last), json_loads(value, JSON_DECODE_ANY, NULL)), 0);
    else
        assert_int_equal(json_object_set_new(parent, last, json_loads(value, JSON_DECODE_ANY, NULL)), 0);
    LK_FREE char *changed = json_dumps(root, 0);
    json_decref(root);
    lk_pack *pack = NULL;
    const int rc = lk_pack_parse(&pack, changed, strlen(changed), err);
    lk_pack_free(pack);
    return rc;
}

static int parse_changed(const char *path, const char *value, liken_error *err) {
    return parse_changed_of("faceapi", path, value, err);
}

static void each_rule_refuses(void **state) {
    (void)state;
    static const struct {
        const char *path, *value, *says;
    } rows[] = {
        {"name", NULL, "name is missing"},
        {"name", "\"../x\"", "name is not a name"},
        {"name", "7", "not a string"},
        {"name", "\".x\"", "name is not a name"},
        {"name", "\"\"", "empty"},
        {"extra", "1", "extra is not a key"},
        {"version", "\"a b\"", "version has other characters"},
        {"version", "\"a/b\"", "version has other characters"},
        {"licence", "\"a\\u0007\"", "control characters"},
        {"source", "{}", "source is not a string"},
        {"files", "[]", "files has too few"},
        {"files", "{}", "files is not an array"},
        {"files.0.name", "\"a/b\"", "files[0].name"},
        {"files.0.name", "\"..\"", "files[0].name"},
        {"files.0.name", "\"pack.json\"", "pack.json itself"},
        {"files.0.name", "\"face_recognition_model.bin\"", "is named twice"},
        {"files.0.size", "0", "files[0].size is out of range"},
        {"files.0.size", "536870913", "out of range"},
        {"files.0.size", "1.5", "not an integer"},
        {"files.0.sha256", "\"ABC\"", "hex digits"},
        {"files.0.extra", "1", "files[0].extra is not a key"},
        {"samples.0.name", "\"a b\"", "samples[0].name"},
        {"networks", "[]", "too few"},
        {"networks.0.role", "\"descriptor\"", "role does not fit"},
        {"networks.0.kind", "\"resnet\"", "not one that this liken knows"},
        {"networks.0.format", "\"dlib\"", "format does not fit"},
        {"networks.0.files", "[\"LICENSE\"]", "too few"},
        {"networks.0.files.0", "\"other\"", "not in the pack's files"},
        {"networks.0.files.0", "3", "not in the pack's"},
        {"networks.1.role", "null", "networks[1].role is not a string"},
        {"descriptor", NULL, "descriptor is missing"},
        {"descriptor", "[]", "descriptor is not an object"},
        {"descriptor.dimension", "0", "out of range"},
        {"descriptor.dimension", "5000", "out of range"},
        {"descriptor.chip", "8", "out of range"},
        {"descriptor.padding", "-0.1", "out of range"},
        {"descriptor.padding", "\"0.2\"", "not a number"},
        {"descriptor.alignment", "6", "neither 5 nor 68"},
        {"descriptor.mirror", "1", "not true or false"},
        {"descriptor.mirror", NULL, "mirror is missing"},
        {"descriptor.mean", "[1, 2]", "too few"},
        {"descriptor.mean.1", "256", "out of range"},
        {"descriptor.scale", "0", "out of range"},
        {"descriptor.calibration.l2", NULL, "l2 is missing"},
        {"descriptor.calibration.l2.threshold", "0", "out of range"},
        {"descriptor.calibration.l2.points", "[]", "too few"},
        {"descriptor.calibration.l2.points.1.distance", "0.1", "does not rise"},
        {"descriptor.calibration.normalized.points.2.fmr", "1e-7", "does not rise"},
        {"descriptor.calibration.normalized.points.2.tmr", "0.01", "does not rise"},
        {"descriptor.calibration.normalized.points.0.fmr", "0", "out of range"},
    };
    for (size_t i = 0; i < LK_LENGTH(rows); i++) {
        liken_error err = {0};
        const int rc = parse_changed(rows[i].path, rows[i].value, &err);
        if (rc != LIKEN_E_MODEL || strstr(err.message, rows[i].says) == NULL)
            fail_msg("%s = %s: %d %s", rows[i].path, rows[i].value == NULL ? "(none)" : rows[i].value, rc, err.message);
    }
}

static void places_of_points_are_five_shares(void **state) {
    (void)state;
    static const struct {
        const char *path, *value, *says;
    } bad[] = {
        {"descriptor.places", "7", "places is not an array"},
        {"descriptor.places", "[[0,0],[0,0],[0,0],[0,0]]", "too few"},
        {"descriptor.places", "[[0,0],[0,0],[0,0],[0,0],[0,0],[0,0]]", "too many"},
        {"descriptor.places", "[[0,0],[0,0],[0,0],[0,0],[0]]", "not two numbers"},
        {"descriptor.places", "[[0,0],[0,0],[0,0],[0,0],1]", "not two numbers"},
        {"descriptor.places", "[[0,0],[0,0],[0,0],[0,0],[0,\"x\"]]", "not a number"},
        {"descriptor.places", "[[0,0],[0,0],[0,0],[0,0],[0,1.5]]", "out of range"},
        {"descriptor.mirror", "true", "no second cut"},
        {"descriptor.alignment", "68", "alignment is not 5"},
    };
    for (size_t i = 0; i < LK_LENGTH(bad); i++) {
        liken_error err = {0};
        assert_int_equal(parse_changed_of("reid", bad[i].path, bad[i].value, &err), LIKEN_E_MODEL);
        if (strstr(err.message, bad[i].says) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", err.message, bad[i].says);
    }
    liken_error err = {0};
    assert_ok(parse_changed_of("reid", "descriptor.places", "[[0,0],[1,0],[0,1],[0.5,0.5],[1,1]]", &err), err);
}

static void alignment_needs_its_landmarks(void **state) {
    (void)state;
    liken_error err = {0};
    assert_int_equal(parse_changed("networks.1",
                                   "{\"role\": \"detector\", \"kind\": \"yunet\", \"format\": \"onnx\", "
                                   "\"files\": [\"LICENSE\"]}",
                                   &err),
                     LIKEN_E_MODEL);
    assert_non_null(strstr(err.message, "68 points"));
    assert_int_equal(parse_changed("networks.2",
                                   "{\"role\": \"detector\", \"kind\": \"yunet\", \"format\": \"onnx\", "
                                   "\"files\": [\"LICENSE\"]}",
                                   &err),
                     LIKEN_E_MODEL);
    assert_non_null(strstr(err.message, "no network has that role"));
}

static void text_that_is_not_json(void **state) {
    (void)state;
    liken_error err = {0};
    lk_pack *pack = NULL;
    assert_int_equal(lk_pack_parse(&pack, "", 0, &err), LIKEN_E_MODEL);
    assert_int_equal(lk_pack_parse(&pack, "{\"name\": \"a\", \"name\": \"b\"}", 26, &err), LIKEN_E_MODEL);
    assert_int_equal(lk_pack_parse(&pack, "[]", 2, &err), LIKEN_E_MODEL);
    char *large = calloc(1, LK_PACK_JSON_CEILING + 1);
    assert_non_null(large);
    memset(large, '[', LK_PACK_JSON_CEILING);
    assert_int_equal(lk_pack_parse(&pack, large, LK_PACK_JSON_CEILING, &err), LIKEN_E_MODEL);
    assert_int_equal(lk_pack_parse(&pack, large, LK_PACK_JSON_CEILING + 1, &err), LIKEN_E_MODEL);
    free(large);
    assert_null(pack);
    lk_pack_free(NULL);
}

static void write_at(const char *folder, const char *name, const char *text) {
    liken_error err = {0};
    LK_FREE char *path = lk_path_join(folder, name);
    assert_ok(lk_file_write(path, text, strlen(text), &err), err);
}

static void a_users_own_pack_is_opened_and_read(void **state) {
    (void)state;
    static const char json[] =
        "{\"name\": \"mine\", \"version\": \"1\", \"licence\": \"mine\", \"source\": \"here\", "
        "\"files\": [{\"name\": \"n.onnx\", \"size\": 5, \"sha256\": \"" SHA_OF_HELLO "\"}], "
        "\"networks\": [{\"role\": \"detector\", \"kind\": \"yunet\", \"format\": \"onnx\", \"files\": [\"n.onnx\"]}]}";
    liken_error err = {0};
    lk_pack *pack = NULL;
    char folder[] = "/tmp/liken-test-XXXXXX", path[64], *bytes = NULL;
    size_t size = 0;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(lk_pack_open(&pack, folder, "mine", &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(lk_pack_open(&pack, folder, "yunet", &err), LIKEN_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "liken models install yunet"));
    assert_int_equal(lk_pack_open(&pack, folder, "../mine", &err), LIKEN_E_ARG);
    (void)snprintf(path, sizeof path, "%s/mine", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    write_at(path, "pack.json", json);
    assert_ok(lk_pack_open(&pack, folder, "mine", &err), err);
    assert_non_null(lk_pack_role_network(pack, LK_ROLE_DETECTOR));
    assert_null(lk_pack_role_network(pack, LK_ROLE_DESCRIPTOR));
    assert_null(lk_pack_kind_network(pack, LK_KIND_SHAPE5));
    assert_int_equal(lk_pack_read(pack, "n.onnx", &bytes, &size, &err), LIKEN_E_MODEL);
    assert_non_null(strstr(err.message, "is missing"));
    write_at(path, "n.onnx", "hell0");
    assert_int_equal(lk_pack_read(pack, "n.onnx", &bytes, &size, &err), LIKEN_E_MODEL);
    assert_non_null(strstr(err.message, "sha256"));
    write_at(path, "n.onnx", "hello!");
    assert_int_equal(lk_pack_verify(pack, &err), LIKEN_E_MODEL);
    assert_non_null(strstr(err.message, "another size"));
    write_at(path, "n.onnx", "hello");
    assert_ok(lk_pack_verify(pack, &err), err);
    assert_ok(lk_pack_read(pack, "n.onnx", &bytes, &size, &err), err);
    assert_memory_equal(bytes, "hello", 5);
    assert_int_equal(size, 5);
    free(bytes);
    assert_int_equal(lk_pack_read(pack, "../n.onnx", &bytes, &size, &err), LIKEN_E_INTERNAL);
    lk_pack_free(pack);
    (void)snprintf(path, sizeof path, "%s/other", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    write_at(path, "pack.json", json);
    assert_int_equal(lk_pack_open(&pack, folder, "other", &err), LIKEN_E_MODEL);
    assert_non_null(strstr(err.message, "the folder is named other"));
}

static void the_models_folder_is_found(void **state) {
    (void)state;
    liken_error err = {0};
    char *folder = NULL;
    static const struct {
        const char *given, *models, *data, *home, *expected;
    } rows[] = {
        {"/given", "/models", "/data", "/home", "/given"},
        {NULL, "/models", "/data", "/home", "/models"},
        {"", "", "/data", "/home", "/data/liken/models"},
        {NULL, NULL, "relative", "/home", "/home/.local/share/liken/models"},
        {NULL, NULL, NULL, "/home", "/home/.local/share/liken/models"},
        {NULL, NULL, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < LK_LENGTH(rows); i++) {
        const char *const names[] = {"LIKEN_MODELS", "XDG_DATA_HOME", "HOME"};
        const char *const values[] = {rows[i].models, rows[i].data, rows[i].home};
        for (size_t k = 0; k < LK_LENGTH(names); k++)
            assert_int_equal(values[k] == NULL ? unsetenv(names[k]) : setenv(names[k], values[k], 1), 0);
        if (rows[i].expected == NULL) {
            assert_int_equal(lk_models_folder(rows[i].given, &folder, &err), LIKEN_E_ARG);
            continue;
        }
        assert_ok(lk_models_folder(rows[i].given, &folder, &err), err);
        assert_string_equal(folder, rows[i].expected);
        free(folder);
    }
}

/* The best that is there, said with what would be better; one that is there and damaged is not passed over. */
static void the_best_pack_that_is_there_is_chosen(void **state) {
    (void)state;
    static const char *const worst_first[] = {"faceapi", "mobilefacenet", "reid"};
    liken_error err = {0};
    lk_pack_choice choice = {0};
    char folder[] = "/tmp/liken-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    assert_int_equal(lk_pack_choose(&choice, folder, &err), LIKEN_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "liken models install"));
    for (size_t i = 0; i < LK_LENGTH(worst_first); i++) {
        size_t size = 0;
        char *json = known_text(worst_first[i], &size);
        (void)snprintf(path, sizeof path, "%s/%s", folder, worst_first[i]);
        assert_int_equal(mkdir(path, 0700), 0);
        write_at(path, "pack.json", json);
        free(json);
        assert_ok(lk_pack_choose(&choice, folder, &err), err);
        assert_string_equal(choice.name, worst_first[i]);
        assert_non_null(strstr(choice.why, worst_first[i]));
        assert_true(choice.best == (i == 2));
        assert_true(choice.best == (strstr(choice.why, "liken models install reid") == NULL));
    }
    assert_string_equal(choice.name, lk_pack_best());
    write_at(path, "pack.json", "{");
    assert_ok(lk_pack_choose(&choice, folder, &err), err);
    assert_string_equal(choice.name, "reid");
    assert_true(lk_pack_is_auto(NULL) && lk_pack_is_auto("auto") && !lk_pack_is_auto("reid"));
}

/* packaging/models is what npm and pip are given by hand; the table is what the installer gives them. */
static void the_lock_files_agree_with_the_table(void **state) {
    (void)state;
    static const struct {
        const char *pack, *path;
    } rows[] = {{"faceapi", "packaging/models/package-lock.json"},
                {"mobilefacenet", "packaging/models/mobilefacenet/package-lock.json"},
                {"mesh", "packaging/models/mesh/package-lock.json"},
                {"dlib", "packaging/models/requirements-dlib.txt"}};
    for (size_t i = 0; i < LK_LENGTH(rows); i++) {
        liken_error err = {0};
        const lk_known_pack *known = lk_known_find(rows[i].pack);
        char *text = NULL;
        size_t size = 0;
        assert_ok(lk_file_read(rows[i].path, 1 << 20, &text, &size, &err), err);
        assert_non_null(strstr(text, known->pin));
        assert_non_null(strstr(text, known->package));
        assert_non_null(strstr(text, known->pack.version));
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_packs_come_back_the_same),
        cmocka_unit_test(each_rule_refuses),
        cmocka_unit_test(alignment_needs_its_landmarks),
        cmocka_unit_test(places_of_points_are_five_shares),
        cmocka_unit_test(text_that_is_not_json),
        cmocka_unit_test(a_users_own_pack_is_opened_and_read),
        cmocka_unit_test(the_models_folder_is_found),
        cmocka_unit_test(the_lock_files_agree_with_the_table),
        cmocka_unit_test(the_best_pack_that_is_there_is_chosen),
    };
    return cmocka_run_group_tests_name("packs/pack", tests, NULL, NULL);
}
